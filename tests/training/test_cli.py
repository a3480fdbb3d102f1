"""The commands, end to end on drawn faces."""

import csv
import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.numpy import load_file

import detectors
from detectors import Detections, load
from detectors.weights import find, read_manifest
from training.cli import main


@pytest.fixture
def data(cartoons, write_shard, encode, tmp_path):
    members = [member for sample in cartoons for member in encode(sample)]
    write_shard("train-000.tar", members)
    write_shard("val.tar", members[:4])
    return tmp_path


@pytest.fixture
def wider(cartoons, tmp_path):
    folder = tmp_path / "wider"
    (folder / "images").mkdir(parents=True)
    cv2.imwrite(str(folder / "images" / "a.jpg"), cv2.resize(cartoons[2].image, (416, 416)))
    x1, y1, x2, y2 = cartoons[2].labels.boxes.T
    boxes = np.stack([x1, y1, x2 - x1, y2 - y1], 1).tolist()
    levels = {"easy": [0], "medium": [0, 1], "hard": [0, 1, 2]}
    record = {"file": "a.jpg", "width": 160, "height": 120, "boxes_xywh": boxes} | levels
    (folder / "gt.json").write_text(json.dumps([record]))
    return folder


def call(*words):
    result = CliRunner().invoke(main, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_train_export_evaluate(data, wider, monkeypatch):
    run, weights = data / "runs" / "tiny", data / "weights" / "tiny.safetensors"
    train = ["faceboxes", "--data", data, "--output", run, "--workers", 0]
    train += ["--batch-size", 2, "--steps"]
    assert call(*train, 1, "--validation", data / "val.tar").exit_code == 0
    assert call(*train, 2, "--resume", "--workers", 1).exit_code == 0
    assert call("export", "--run", run, "--output", weights, "--threshold", 0.4).exit_code == 0
    entry = read_manifest(weights.parent)["tiny"]
    assert (entry.threshold, entry.card["steps"]) == (0.4, 2)
    other = data / "runs" / "other"
    assert load_file(weights)["conv1.conv.weight"].dtype == np.float16
    assert call(*train, 3, "--from", weights, "--output", other).exit_code == 0
    stored = weights.read_bytes()
    assert call("calibrate", "--weights", weights, "--data", data, "--pictures", 2).exit_code == 0
    assert weights.read_bytes() == stored
    calibrated = read_manifest(weights.parent)["tiny"]
    assert calibrated.ranges["conv1"] == 255
    assert calibrated.sha256 == entry.sha256
    assert load(weights, device="cpu", precision="int8").runtime.startswith("OpenVINO int8")
    result, curves = data / "result.json", data / "curves.png"
    words = ["--wider", wider, "--val", data, "--long-side", 160, "--output", result]
    words += ["--curves", curves]
    assert call("evaluate", "--weights", weights, *words).exit_code == 0
    measured = json.loads(result.read_text())
    assert set(measured["wider100 at 160"]) == {"easy", "medium", "hard"}
    assert measured["val at 160"]["points"][0]["precision"] == 0.9
    assert measured["val at 160"]["by_size"]["20-40"]["faces"] > 0
    assert cv2.imread(str(curves)) is not None


def test_hard_examples_are_mined_and_learned_with_a_teacher(data, monkeypatch):
    class Peer:
        name = "YuNet"

        def study(self, view):
            height, width = view.shape[:2]
            shapes = [(height // stride, width // stride, 64) for stride in (8, 16, 32)]
            maps = [np.random.default_rng(1).random(shape).astype(np.float16) for shape in shapes]
            return self([view])[0], tuple(maps)

        def __call__(self, views):
            scale = np.float32(views[0].shape[1] / 160)
            boxes = np.array([[10, 20, 40, 60]], np.float32) * scale
            return [Detections(boxes, np.array([0.9], np.float32))]

    monkeypatch.setattr("training.teach.open_peer", lambda *_: Peer())
    monkeypatch.setattr("training.recipes.faceboxes.name_of", lambda _: "YuNet")
    teachers = [data / "val.tar", data / "train-000.tar"]
    given = ["--data", data, *itertools.chain(*(("--teacher", one) for one in teachers))]
    hard, run = data / "runs" / "hard.npz", data / "runs" / "taught"
    weights = Path(detectors.__file__).parents[1] / "weights" / "faceboxes.safetensors"
    mined = call("mine", *given, "--weights", weights, "--output", hard)
    assert mined.exit_code == 0
    assert "false positives" in mined.output
    given += ["--hard", hard]
    sheet = data / "sheet.png"
    drawn = call("samples", *given, "--output", sheet, "--cache", data / "runs" / "cache")
    assert drawn.exit_code == 0
    assert cv2.imread(str(sheet)) is not None
    train = ["faceboxes", *given, "--output", run, "--workers", 0, "--batch-size", 2]
    assert call(*train, "--steps", 1).exit_code == 0
    recipe = json.loads((run / "recipe.json").read_text())
    assert recipe["hard"] == str(hard)
    assert recipe["teachers"] == [str(one) for one in teachers]
    exported = run / "taught.safetensors"
    assert call("export", "--run", run, "--output", exported).exit_code == 0
    assert not [name for name in load_file(exported) if "imitation" in name]
    alone = ["faceboxes", "--data", data, "--output", run, "--workers", 0, "--resume"]
    refused = call(*alone, "--steps", 2)
    assert refused.exit_code == 2
    assert "began with other batch_size, hard, teachers, see recipe.json" in refused.output
    assert json.loads((run / "recipe.json").read_text()) == recipe


def test_checkpoint_of_another_network_is_refused(data):
    """As after a change of the network, which the recipe does not tell."""
    run = data / "runs" / "other"
    train = ["faceboxes", "--data", data, "--output", run, "--workers", 0, "--batch-size", 2]
    assert call(*train, "--steps", 1).exit_code == 0
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    del state["model"]["fine.conv1.conv.weight"]
    torch.save(state, run / "checkpoint.pt")
    refused = call(*train, "--steps", 2, "--resume")
    assert refused.exit_code == 2
    assert "checkpoint.pt is of another model" in refused.output


def test_both_forms_learn_in_one_run(data):
    shipped = {"fine": find("faceboxes").path, "paper": find("faceboxes-paper").path}
    run, weights = data / "runs" / "both", data / "weights"
    train = ["faceboxes", "--data", data, "--output", run, "--workers", 0, "--batch-size", 2]
    train += ["--heads", "fine", "--heads", "paper"]
    fine, paper = (["--from", path] for path in shipped.values())
    assert "give --from once for each of --heads" in call(*train, *fine).output
    swapped = call(*train, "--steps", 1, *paper, *fine)
    assert swapped.exit_code == 2
    assert f"{shipped['paper']} has --heads paper, not fine" in swapped.output
    assert call(*train, "--steps", 1, *fine, *paper).exit_code == 0
    assert call(*train, "--steps", 2, *fine, *paper, "--resume").exit_code == 0
    export = ["export", "--run", run, "--output"]
    unclear = call(*export, weights / "which.safetensors")
    assert unclear.exit_code == 2
    assert "choose --heads out of fine, paper" in unclear.output
    for heads, origin in shipped.items():
        path = weights / f"{heads}.safetensors"
        assert call(*export, path, "--heads", heads).exit_code == 0
        assert read_manifest(weights)[heads].config["heads"] == heads
        before, after = load_file(origin), load_file(path)
        for name in ("conv1.conv.weight", "loc.2.weight"):  # two steps change little
            np.testing.assert_allclose(after[name], before[name], atol=0.02)


def test_heads_that_a_run_does_not_have(data):
    run = data / "runs" / "one"
    train = ["faceboxes", "--data", data, "--output", run, "--workers", 0, "--batch-size", 2]
    twice = call(*train, "--heads", "fine", "--heads", "fine")
    assert "each of --heads once" in twice.output
    assert call(*train, "--steps", 1).exit_code == 0
    other = call("export", "--run", run, "--output", data / "x.safetensors", "--heads", "paper")
    assert other.exit_code == 2
    assert "no network with --heads paper: there is fine" in other.output


@pytest.mark.parametrize("text", ["{", "[]", '{"network": {}}'])
def test_recipe_that_says_too_little(data, text):
    run = data / "runs" / "old"
    run.mkdir(parents=True)
    (run / "recipe.json").write_text(text)
    torch.save({}, run / "checkpoint.pt")
    train = ["faceboxes", "--data", data, "--output", run, "--resume"]
    for words in (["export", "--run", run, "--output", data / "x.safetensors"], train):
        result = call(*words)
        assert result.exit_code == 2
        assert "recipe.json is damaged or of another version" in result.output


@pytest.fixture
def fddb(cartoons, tmp_path):
    """One picture as FDDB has it: its folds, and the picture."""
    folds, pictures = tmp_path / "FDDB-folds", tmp_path / "originalPics"
    folds.mkdir()
    pictures.mkdir()
    cv2.imwrite(str(pictures / "img_1.jpg"), cartoons[0].image)
    x1, y1, x2, y2 = cartoons[0].labels.boxes[0].tolist()
    ellipse = f"{(y2 - y1) / 2} {(x2 - x1) / 2} 1.5708 {(x1 + x2) / 2} {(y1 + y2) / 2} 1"
    (folds / "FDDB-fold-01-ellipseList.txt").write_text(f"img_1\n1\n{ellipse}\n")
    return ["--protocol", "fddb", "--truth", folds, "--pictures", pictures]


def test_fddb_from_pictures_and_from_predictions(fddb, tmp_path):
    words = [*fddb, "--predictions", tmp_path / "found.txt", "--output", tmp_path / "r" / "r.json"]
    (tmp_path / "r").mkdir()
    first = call("evaluate", *words, "--weights", "faceboxes", "--curves", tmp_path / "roc.png")
    assert first.exit_code == 0
    assert (tmp_path / "found.txt").read_text().startswith("img_1\n")
    assert cv2.imread(str(tmp_path / "roc.png")) is not None
    again = call("evaluate", *words)
    assert again.output == first.output
    assert (tmp_path / "r" / "DiscROC.txt").exists()


@pytest.mark.shared
def test_wider_from_predictions(shared_dir, tmp_path):
    reference = shared_dir / "reference" / "wider"
    words = ["--protocol", "wider", "--truth", reference / "ground_truth"]
    words += ["--predictions", reference / "predictions.zip", "--curves", tmp_path / "curves.png"]
    result = call("evaluate", *words)
    assert result.output.splitlines() == ["easy: 0.890909", "medium: 0.838576", "hard: 0.597276"]
    assert cv2.imread(str(tmp_path / "curves.png")) is not None


@pytest.mark.parametrize("protocol", ["wider", "fddb"])
def test_what_a_protocol_needs_is_asked_for(protocol, tmp_path):
    result = call("evaluate", "--protocol", protocol, "--truth", tmp_path)
    assert result.exit_code == 2
    assert "needs --predictions" in result.output


def test_finetuning_on_labels_of_ones_own(cartoons, tmp_path):
    """Labels of labelImg, from the shipped weights: two steps, then weights to run with."""
    labels, run = tmp_path / "labels", tmp_path / "runs" / "mine"
    labels.mkdir()
    for sample in cartoons[:3]:
        cv2.imwrite(str(labels / f"{sample.name}.png"), sample.image)
        objects = ""
        for box in sample.labels.boxes.astype(int):
            names = ("xmin", "ymin", "xmax", "ymax")
            sides = "".join(f"<{n}>{v}</{n}>" for n, v in zip(names, box, strict=True))
            objects += f"<object><name>face</name><bndbox>{sides}</bndbox></object>"
        text = f"<annotation><filename>{sample.name}.png</filename>{objects}</annotation>"
        (labels / f"{sample.name}.xml").write_text(text)
    shipped = find("faceboxes")
    words = ["--data", labels, "--output", run, "--from", shipped.path, "--steps", 2]
    heads = ["--heads", shipped.config.get("heads", "paper")]
    tuned = call("faceboxes", *words, *heads, "--workers", 0, "--batch-size", 2, "--rate", 1e-5)
    assert tuned.exit_code == 0
    with (run / "log.csv").open() as log:
        assert all(0 < float(row["rate"]) <= 1e-5 for row in csv.DictReader(log))
    weights = tmp_path / "weights" / "mine.safetensors"
    assert call("export", "--run", run, "--output", weights).exit_code == 0
    (faces,) = load(weights, device="cpu", threshold=0.01)([cartoons[0].image])
    assert len(faces) > 0


def test_sheet_of_samples(data):
    output = data / "sheet.png"
    words = ["--data", data, "--cache", data / "cache", "--output", output, "--count", 7]
    assert call("samples", *words).exit_code == 0
    assert cv2.imread(str(output)).shape == (2 * 320, 6 * 320, 3)


def test_length_is_given_once(data):
    length = ["--steps", 1, "--minutes", 1]
    result = call("faceboxes", "--data", data, "--output", data / "run", *length)
    assert result.exit_code == 2
    assert "not both" in result.output


def test_missing_things_are_said_in_one_line(data, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    train = ["faceboxes", "--data", data, "--output", data / "runs" / "none", "--steps", 1]
    for words in (
        ["faceboxes", "--data", empty, "--output", empty / "run", "--steps", 1],
        ["export", "--run", empty, "--output", empty / "x.safetensors"],
        ["evaluate", "--weights", empty / "x.safetensors", "--val", data],
        ["evaluate", "--weights", "nobody-knows", "--val", data],
        [*train, "--teacher", data / "val.tar"],
        [*train, "--hard", data / "val.tar"],
        [*train, "--device", "gpu"],
        [*train, "--device", "cuda:99"],
    ):
        result = call(*words)
        assert result.exit_code == 2
        assert result.output.startswith("error: ")
        assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["faceboxes", "--data", ".", "--output", "run", "--steps", 0],
        ["faceboxes", "--data", ".", "--output", "run", "--minutes", 0],
        ["faceboxes", "--data", ".", "--output", "run", "--batch-size", 0],
        ["faceboxes", "--data", ".", "--output", "run", "--workers", -1],
        ["faceboxes", "--data", ".", "--output", "run", "--threads", 0],
        ["samples", "--data", ".", "--output", "sheet.png", "--count", 0],
        ["samples", "--data", ".", "--output", "sheet.xyz"],
        ["export", "--run", ".", "--output", "x.safetensors", "--threshold", 7],
        ["evaluate", "--weights", "faceboxes"],
    ],
)
def test_what_makes_no_sense_is_wrong_usage(words):
    result = call(*words)
    assert result.exit_code == 2
    assert "Error: " in result.output


def test_a_run_is_neither_lost_nor_begun_by_mistake(data, tmp_path):
    train = ["faceboxes", "--data", data, "--output", tmp_path / "run", "--steps", 1]
    result = call(*train, "--resume")
    assert result.exit_code == 2
    assert "holds no run to go on with" in result.output
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint.pt").write_text("hours of work")
    result = call(*train)
    assert result.exit_code == 2
    assert "--resume" in result.output
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["checkpoint.pt"]
