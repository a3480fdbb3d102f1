"""Agreement with the published implementations, through the real import and the real `load`.

The inputs and what the published networks made of them are shared material, never part of this
repository; its README has the tolerances.
"""

import math
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from detectors import load
from detectors.__main__ import main
from detectors.backends import Candidates, Execution, Runtime
from detectors.faceboxes import TENSORFLOW, anchors, decode
from detectors.faceboxes.detector import open_network
from detectors.weights import find

pytestmark = pytest.mark.shared

PHOTOS = ["two_people", "the_office"]
INPUTS = ["random_211x333", "random_480x640", *PHOTOS]


@pytest.fixture(scope="module")
def reference(shared_dir: Path) -> Path:
    return shared_dir / "reference" / "faceboxes"


@pytest.fixture(scope="module")
def imported(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Import each published file; return the weights by the kind of file they came from."""
    folder = tmp_path_factory.mktemp("imported")
    files = ["FaceBoxesProd.pth", "facebox.pb", "facebox_tf_weights.npz"]
    for file in files:
        arguments = ["import", str(reference / file), "--output", str(folder)]
        assert CliRunner().invoke(main, arguments).exit_code == 0
    return {Path(file).suffix: folder / f"{Path(file).stem}.safetensors" for file in files}


@pytest.fixture(scope="module")
def pytorch(reference: Path) -> dict[str, np.ndarray]:
    with np.load(reference / "parity.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def tensorflow(reference: Path) -> dict[str, np.ndarray]:
    with np.load(reference / "parity_tf.npz") as arrays:
        return dict(arrays)


@pytest.fixture(params=get_args(Runtime))
def runtime(request: pytest.FixtureRequest) -> Runtime:
    return request.param


def raw(weights: Path, image: np.ndarray, runtime: Runtime) -> Candidates:
    """Return what the network makes of every anchor of a picture."""
    network = open_network(find(weights), Execution("cpu", runtime=runtime, precision="f32"))
    (candidates,) = network([image], -math.inf)
    np.testing.assert_array_equal(candidates.rows, np.arange(len(candidates.rows)))
    return candidates


@pytest.mark.parametrize("name", INPUTS)
def test_pytorch_network(imported, pytorch, runtime, name):
    found = raw(imported[".pth"], pytorch[f"{name}.image_bgr"], runtime)
    np.testing.assert_allclose(found.offsets, pytorch[f"{name}.loc"], atol=3e-5, rtol=0)
    log_odds = np.diff(pytorch[f"{name}.conf_logits"])[:, 0]
    np.testing.assert_allclose(found.log_odds, log_odds, atol=1e-4, rtol=0)
    scores = 1 / (1 + np.exp(-found.log_odds))
    expected = pytorch[f"{name}.conf_softmax"][:, 1]
    np.testing.assert_allclose(scores, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", INPUTS)
def test_pytorch_anchors_and_decoding(pytorch, name):
    height, width = pytorch[f"{name}.image_bgr"].shape[:2]
    places = anchors(height, width)
    relative = places / torch.tensor([width, height, width, height])
    np.testing.assert_allclose(relative, pytorch[f"{name}.priors"], atol=1e-6, rtol=0)
    boxes = decode(torch.from_numpy(pytorch[f"{name}.loc"]), places)
    np.testing.assert_allclose(boxes, pytorch[f"{name}.decoded_xyxy_px"], atol=0.01, rtol=0)


@pytest.mark.parametrize("name", INPUTS)
def test_pytorch_detections(imported, pytorch, runtime, name):
    detector = load(imported[".pth"], device="cpu", runtime=runtime, precision="f32")
    (faces,) = detector([pytorch[f"{name}.image_bgr"]])
    np.testing.assert_allclose(faces.boxes, pytorch[f"{name}.det_boxes"], atol=0.01, rtol=0)
    np.testing.assert_allclose(faces.scores, pytorch[f"{name}.det_scores"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", PHOTOS)
def test_tensorflow_network(imported, tensorflow, runtime, name):
    found = raw(imported[".pb"], tensorflow[f"{name}.image_rgb"][..., ::-1], runtime)
    encodings = tensorflow[f"{name}.box_encodings"]
    # Theirs are y, x, h, w divided by 10, 10, 5, 5, which the variances say too.
    np.testing.assert_allclose(found.offsets, encodings[:, [1, 0, 3, 2]], atol=3e-5, rtol=0)
    log_odds = np.diff(tensorflow[f"{name}.class_logits"])[:, 0]
    np.testing.assert_allclose(found.log_odds, log_odds, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", PHOTOS)
def test_tensorflow_anchors(tensorflow, name):
    height, width = (-(-side // 128) * 128 for side in tensorflow[f"{name}.image_rgb"].shape[:2])
    places = anchors(height, width, TENSORFLOW)
    corners = decode(torch.zeros_like(places), places)  # (N, 4) x1, y1, x2, y2
    relative = (corners / torch.tensor([width, height, width, height]))[:, [1, 0, 3, 2]]
    np.testing.assert_allclose(relative, tensorflow[f"{name}.anchors"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", [".pb", ".npz"])
@pytest.mark.parametrize("name", PHOTOS)
def test_tensorflow_detections(imported, tensorflow, runtime, name, kind):
    image = tensorflow[f"{name}.image_rgb"][..., ::-1]
    height, width = image.shape[:2]
    detector = load(imported[kind], device="cpu", runtime=runtime, precision="f32")
    (faces,) = detector([image])
    relative = (faces.boxes / np.float32([width, height, width, height]))[:, [1, 0, 3, 2]]
    count = int(tensorflow[f"{name}.num_boxes"])
    np.testing.assert_allclose(relative, tensorflow[f"{name}.boxes"][:count], atol=1e-5, rtol=0)
    np.testing.assert_allclose(faces.scores, tensorflow[f"{name}.scores"][:count], atol=1e-5)
