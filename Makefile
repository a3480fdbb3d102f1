# make help lists what there is.
MEDIA  ?= ./media
OUT    ?= ./facepics
CLIP   ?= media/sample.mp4
PYTHON ?= python3
VENV   ?= .venv
# Where the CPU build of PyTorch is looked for first; the ordinary index follows.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

HELD_OUT = $(if $(wildcard $(DATA)/val.tar),--validation $(DATA)/val.tar)

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test test-all test-corpus test-faults test-volume check format sample train lock audit bench-tracking bench-speed bench-growth bench-encoding bench-detection clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/installed ## work through MEDIA (default ./media), results in OUT (default ./facepics)
	$(BIN)/python start.py "$(MEDIA)" --output "$(OUT)"

test: $(VENV)/installed-test ## run the tests
	$(BIN)/python -m pytest -m "not slow"

test-all: $(VENV)/installed-test ## run the tests, the slow ones too
	$(BIN)/python -m pytest

test-corpus: $(VENV)/installed-test ## 350 odd, broken and hostile files (needs ffmpeg and the shared material)
	$(BIN)/python -m pytest tests/corpus

test-faults: $(VENV)/installed-test ## kill, fill and mutate: what docs/reliability.md promises (under 20 minutes)
	$(BIN)/python -m pytest -s tests/faults

test-volume: $(VENV)/installed-test ## 10,000 videos and one of 24 hours: flat memory, each done once
	$(BIN)/python -m pytest -s tests/volume

check: $(VENV)/installed-test ## format, lint, strict types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/installed-test ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

sample: $(VENV)/installed-sample ## make media/sample.mp4 anew
	$(BIN)/python media/make_sample.py

EXPORT = $(BIN)/python -m training export --run runs/$(1) --heads $(2) --output runs/$(1)/$(2).safetensors
train: $(VENV)/installed-training ## train the shipped weights, both forms: DATA=folder of shards, TEACHERS="centerface.onnx yunet.onnx"
	$(if $(TEACHERS),,$(error TEACHERS="centerface.onnx yunet.onnx" is missing))
	$(BIN)/python -m training faceboxes --data $(DATA) --output runs/first --heads fine --heads paper --workers 2 $(HELD_OUT)
	$(call EXPORT,first,fine)
	$(call EXPORT,first,paper)
	$(BIN)/python -m training mine --data $(DATA) --weights runs/first/fine.safetensors $(TEACHERS:%=--teacher %) --output runs/hard.npz
	$(BIN)/python -m training faceboxes --data $(DATA) --output runs/second --heads fine --heads paper \
	  --from runs/first/fine.safetensors --from runs/first/paper.safetensors --steps 20000 --workers 2 \
	  $(TEACHERS:%=--teacher %) --hard runs/hard.npz $(HELD_OUT)
	$(call EXPORT,second,fine)
	$(call EXPORT,second,paper)
	$(BIN)/python -m training calibrate --weights runs/second/fine.safetensors --data $(DATA)
	$(BIN)/python -m training calibrate --weights runs/second/paper.safetensors --data $(DATA)

bench-tracking: $(VENV)/installed-test .venv-contenders/installed ## score our trackers and others' on labelled clips
	$(BIN)/python -m benchmarks tracking --contenders .venv-contenders/bin/python --save \
	  --detections yunet640 --detections faceboxes --detections own --detections 'own, shaken'
	$(BIN)/python -m benchmarks cuts --contenders .venv-contenders/bin/python --save
	$(BIN)/python -m benchmarks linking --save

lock: .venv-audit/installed ## write requirements.lock anew: the tested versions with their hashes
	sed 's/^torch==.*/&+cpu/' constraints.txt > .venv-audit/constraints.txt
	head -2 requirements.lock > .venv-audit/lock
	.venv-audit/bin/uv pip compile setup.cfg --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
	  --generate-hashes --no-header --no-annotate --quiet --constraint .venv-audit/constraints.txt \
	  --extra-index-url $(TORCH_INDEX) $(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS)) \
	  --index-strategy unsafe-best-match >> .venv-audit/lock
	mv .venv-audit/lock requirements.lock

audit: $(VENV)/installed .venv-audit/installed ## known holes of what is installed, and a bill of materials (needs the network)
	$(BIN)/python -m supply .venv-audit/bin/cyclonedx-py build/sbom.json
	.venv-audit/bin/pip-audit --requirement requirements.lock --require-hashes --disable-pip --strict

bench-speed: $(VENV)/installed-test ## time whole runs beside FFmpeg and peers: CLIP=, LABELLED=, DEFACE=, MTCNN=, YUNET=
	$(BIN)/python -m benchmarks speed $(CLIP) --save $(if $(LABELLED),--labelled $(LABELLED)) \
	  $(if $(DEFACE),--deface $(DEFACE)) $(if $(MTCNN),--mtcnn $(MTCNN)) $(if $(YUNET),--yunet $(YUNET))

bench-growth: $(VENV)/installed-test ## time runs while size, length, faces and workers are varied: CLIP=
	$(BIN)/python -m benchmarks growth $(CLIP) --save

bench-encoding: $(VENV)/installed-test ## weigh x264's presets and qualities on clips: LABELLED=
	$(BIN)/python -m benchmarks encoding --save $(if $(LABELLED),$(LABELLED)/*/clip.mp4,$(CLIP))

bench-detection: $(VENV)/installed-test ## accuracy over time of ours and of others: PUBLISHED=, CENTERFACE= their files
	$(BIN)/python -m benchmarks detection --save $(if $(PUBLISHED),--published $(PUBLISHED)) \
	  $(if $(CENTERFACE),--centerface $(CENTERFACE))

clean: ## remove the virtual environment and caches; results stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: constraints.txt setup.cfg | $(VENV)/bin/python
	$(PIP) install --retries 1 --extra-index-url $(TORCH_INDEX) --constraint constraints.txt torch
	$(PIP) install --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PIP) install --constraint constraints.txt --editable '.[test]'
	touch $@

$(VENV)/installed-training: $(VENV)/installed
	$(PIP) install --constraint constraints.txt --editable '.[training]'
	touch $@

$(VENV)/installed-sample: $(VENV)/installed
	$(PIP) install --constraint constraints.txt --editable '.[sample]'
	touch $@

.venv-audit/installed:
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet uv==0.13.9 pip-audit==2.10.1 cyclonedx-bom==7.5.0
	touch $@

# norfair's pin of a package for progress bars keeps recent releases of the others out.
.venv-contenders/installed:
	$(PYTHON) -m venv .venv-contenders
	.venv-contenders/bin/python -m pip install --quiet trackers==2.6.1 filterpy scenedetect==0.7.2
	.venv-contenders/bin/python -m pip install --quiet --no-deps norfair==2.1.1
	touch $@
