"""The commands, end to end on drawn faces."""

import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from detectors.weights import read_manifest
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
    assert call(*train, 1).exit_code == 0
    assert call(*train, 2, "--resume").exit_code == 0
    assert call("export", "--run", run, "--output", weights, "--threshold", 0.4).exit_code == 0
    entry = read_manifest(weights.parent)["tiny"]
    assert (entry.threshold, entry.card["steps"]) == (0.4, 2)
    assert call(*train, 3, "--from", weights).exit_code == 0
    result = data / "result.json"
    words = ["--wider", wider, "--val", data, "--long-side", 160, "--output", result]
    assert call("evaluate", "--weights", weights, *words).exit_code == 0
    measured = json.loads(result.read_text())
    assert set(measured["wider100 at 160"]) == {"easy", "medium", "hard"}
    assert measured["val at 160"]["points"][0]["precision"] == 0.9


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
    for words in (
        ["faceboxes", "--data", empty, "--output", empty / "run", "--steps", 1],
        ["export", "--run", empty, "--output", empty / "x.safetensors"],
        ["evaluate", "--weights", empty / "x.safetensors", "--val", data],
        ["evaluate", "--weights", "nobody-knows", "--val", data],
    ):
        result = call(*words)
        assert result.exit_code == 2
        assert result.output.startswith("error: ")
        assert len(result.output.splitlines()) == 1
