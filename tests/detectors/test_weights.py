import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from detectors import DetectorError, load
from detectors.errors import (
    BadManifest,
    ChangedWeights,
    ExistingWeights,
    MissingDevice,
    MissingWeights,
    UnknownWeights,
)
from detectors.suppression import Suppression
from detectors.weights import MANIFEST, Entry, find, read_manifest, read_tensors, save

TENSORS = {"weight": torch.arange(6.0).reshape(2, 3)}


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    return Entry(
        name="mine",
        path=tmp_path / "mine.safetensors",
        network="faceboxes",
        config={"mean": [1.0, 2.0, 3.0], "pooling": "max"},
        suppression=Suppression(iou=0.4, inclusive=True, keep=9),
        smallest_face=16.0,
        threshold=0.25,
        source='said "here", \\ and there',
        licence="MIT",
        card={"recipe": "plain", "accuracy": {"wider": {"10-20 px": 0.5}}, "weaknesses": ["dark"]},
    )


def test_what_is_saved_is_found_again(entry):
    saved = save(entry, TENSORS)
    assert find(entry.path) == find(str(entry.path)) == saved
    assert replace(saved, sha256="") == entry
    np.testing.assert_array_equal(read_tensors(saved)["weight"], TENSORS["weight"])


def test_what_is_kept_in_16_bits_is_read_as_float32(entry):
    saved = save(entry, {"weight": TENSORS["weight"].half(), "bias": torch.ones(2)})
    tensors = read_tensors(saved)
    assert {array.dtype for array in tensors.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(tensors["weight"], TENSORS["weight"])


def test_the_file_says_itself_what_it_is(entry):
    save(entry, TENSORS)
    with safe_open(entry.path, "pt") as file:
        assert '"network": "faceboxes"' in file.metadata()["detector"]


def test_saving_the_same_gives_the_same_bytes(entry, tmp_path):
    other = replace(entry, path=tmp_path / "other" / entry.path.name)
    assert save(entry, TENSORS).sha256 == save(other, TENSORS).sha256
    assert entry.path.read_bytes() == other.path.read_bytes()


def test_nothing_is_overwritten_unless_asked_for(entry):
    save(entry, TENSORS)
    with pytest.raises(ExistingWeights, match="there already"):
        save(entry, TENSORS)
    with pytest.raises(ExistingWeights, match="there already"):
        save(replace(entry, path=entry.path.with_name("other.safetensors")), TENSORS)


def test_replacing_leaves_the_rest_of_the_manifest(entry):
    manifest = entry.path.with_name(MANIFEST)
    manifest.write_text("# What stands above stays.\n")
    save(entry, TENSORS)
    other = save(replace(entry, name="yours", path=entry.path.with_name("yours.st")), TENSORS)
    new = save(replace(entry, licence="other", card={}), TENSORS, replacing=True)
    assert [*read_manifest(entry.path.parent).items()] == [("mine", new), ("yours", other)]
    assert manifest.read_text().startswith("# What stands above stays.\n")


def test_the_shipped_manifest_is_whole():
    for entry in read_manifest().values():
        read_tensors(entry)
        assert entry.path.stat().st_size < 3_000_000  # what a clone is to carry: in 16 bits


def test_a_folder_without_manifest_has_no_weights(tmp_path):
    assert read_manifest(tmp_path) == {}


def test_unknown_names_and_files(entry, tmp_path):
    with pytest.raises(UnknownWeights, match="no weights named nobody"):
        find("nobody")
    with pytest.raises(MissingWeights, match="no file"):
        find(tmp_path / "nothing.safetensors")
    save(entry, TENSORS)
    stray = tmp_path / "stray.safetensors"
    stray.write_bytes(entry.path.read_bytes())
    with pytest.raises(UnknownWeights, match="no entry for stray"):
        find(stray)


def test_a_changed_file_is_refused(entry):
    saved = save(entry, TENSORS)
    data = bytearray(entry.path.read_bytes())
    data[-1] ^= 1
    entry.path.write_bytes(data)
    with pytest.raises(ChangedWeights, match="another sha256"):
        read_tensors(saved)
    entry.path.unlink()
    with pytest.raises(MissingWeights, match="put it back"):
        read_tensors(saved)


def test_a_manifest_that_contradicts_its_file_is_refused(entry):
    saved = save(entry, TENSORS)
    with pytest.raises(ChangedWeights, match="other options"):
        read_tensors(replace(saved, config={"mean": [0.0, 0.0, 0.0]}))


def test_other_files_are_no_safetensors(entry):
    saved = save(entry, TENSORS)
    entry.path.write_bytes(b"")
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    with pytest.raises(ChangedWeights, match="no safetensors"):
        read_tensors(replace(saved, sha256=nothing))


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "[mine]\n",
        'mine = "a name"\n',
        '[mine]\nfile = "a"\nsuppression = { overlap = 1 }\n',
    ],
)
def test_broken_manifests(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(BadManifest, match="cannot be understood"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"), [("threshold", 2.0), ("smallest_face", 0.0), ("name", "a b")]
)
def test_an_entry_checks_itself(entry, key, value):
    with pytest.raises(ValueError, match=key):
        replace(entry, **{key: value})


def test_a_network_that_nobody_knows(entry):
    save(replace(entry, network="cascade"), TENSORS)
    with pytest.raises(BadManifest, match="cascade"):
        load(entry.path)


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "cuda:x", ""])
def test_a_missing_device_is_an_error(random_weights, device):
    with pytest.raises(MissingDevice, match="use cpu"):
        load(random_weights["pytorch"], device=device)


def test_auto_always_finds_a_device(random_weights):
    assert load(random_weights["pytorch"], device="auto").name == "pytorch"


def test_the_threshold_is_the_manifests_unless_given(random_weights):
    path = random_weights["pytorch"]
    written = tomllib.loads(path.with_name(MANIFEST).read_text())["pytorch"]["threshold"]
    assert find(path).threshold == written
    with pytest.raises(ValueError, match="threshold"):
        load(path, device="cpu", threshold=1.5)


def test_errors_are_of_one_tree():
    leaves = (UnknownWeights, BadManifest, MissingWeights, ChangedWeights, MissingDevice)
    assert all(issubclass(leaf, DetectorError) for leaf in leaves)


def test_the_fingerprint_follows_what_detections_depend_on(random_weights):
    entry = find(random_weights["pytorch"])
    told = replace(entry, name="other", card={"steps": 3}, source="elsewhere", licence="MIT")
    assert told.fingerprint == entry.fingerprint
    for change in ({"threshold": 0.6}, {"ranges": {"conv1": 255.0}}, {"sha256": "00"}):
        assert replace(entry, **change).fingerprint != entry.fingerprint
