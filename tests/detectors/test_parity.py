"""Agreement with the published implementations, through the real import and the real `load`.

The inputs and what the published networks made of them are shared material, never part of this
repository; its README has the tolerances.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from detectors import load
from detectors.__main__ import main
from detectors.faceboxes import FaceBoxes, anchors, decode
from detectors.faceboxes.config import parse_config
from detectors.faceboxes.network import rebuild
from detectors.images import to_batch
from detectors.weights import find, read_tensors

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


def raw(weights: Path, image: np.ndarray) -> tuple[FaceBoxes, torch.Tensor, torch.Tensor, list]:
    """Return the network, its offsets (N, 4), logits (N, 2), and the padded height and width."""
    entry = find(weights)
    network = rebuild(parse_config(entry.config), read_tensors(entry), entry.path).eval()
    batch = to_batch([image], network.config.mean, network.config.multiple)
    with torch.inference_mode():
        loc, logits = network(batch)
    return network, loc[0], logits[0], list(batch.shape[2:])


@pytest.mark.parametrize("name", INPUTS)
def test_pytorch_network(imported, pytorch, name):
    image = pytorch[f"{name}.image_bgr"]
    _, loc, logits, _ = raw(imported[".pth"], image)
    np.testing.assert_allclose(loc, pytorch[f"{name}.loc"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(logits, pytorch[f"{name}.conf_logits"], atol=1e-4, rtol=0)
    softmax = torch.softmax(logits, 1)
    np.testing.assert_allclose(softmax, pytorch[f"{name}.conf_softmax"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", INPUTS)
def test_pytorch_anchors_and_decoding(pytorch, name):
    height, width = pytorch[f"{name}.image_bgr"].shape[:2]
    places = anchors(height, width)
    relative = places / torch.tensor([width, height, width, height])
    np.testing.assert_allclose(relative, pytorch[f"{name}.priors"], atol=1e-6, rtol=0)
    boxes = decode(torch.from_numpy(pytorch[f"{name}.loc"]), places)
    np.testing.assert_allclose(boxes, pytorch[f"{name}.decoded_xyxy_px"], atol=0.01, rtol=0)


@pytest.mark.parametrize("name", INPUTS)
def test_pytorch_detections(imported, pytorch, name):
    (faces,) = load(imported[".pth"], device="cpu")([pytorch[f"{name}.image_bgr"]])
    np.testing.assert_allclose(faces.boxes, pytorch[f"{name}.det_boxes"], atol=0.01, rtol=0)
    np.testing.assert_allclose(faces.scores, pytorch[f"{name}.det_scores"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", PHOTOS)
def test_tensorflow_network(imported, tensorflow, name):
    image = tensorflow[f"{name}.image_rgb"][..., ::-1]
    network, loc, logits, (height, width) = raw(imported[".pb"], image)
    encodings = tensorflow[f"{name}.box_encodings"]
    # Theirs are y, x, h, w divided by 10, 10, 5, 5, which the variances say too.
    np.testing.assert_allclose(loc, encodings[:, [1, 0, 3, 2]], atol=1e-4, rtol=0)
    np.testing.assert_allclose(logits, tensorflow[f"{name}.class_logits"], atol=1e-4, rtol=0)

    places = anchors(height, width, network.config)
    corners = decode(torch.zeros_like(places), places)  # (N, 4) x1, y1, x2, y2
    relative = (corners / torch.tensor([width, height, width, height]))[:, [1, 0, 3, 2]]
    np.testing.assert_allclose(relative, tensorflow[f"{name}.anchors"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", [".pb", ".npz"])
@pytest.mark.parametrize("name", PHOTOS)
def test_tensorflow_detections(imported, tensorflow, name, kind):
    image = tensorflow[f"{name}.image_rgb"][..., ::-1]
    height, width = image.shape[:2]
    (faces,) = load(imported[kind], device="cpu")([image])
    relative = (faces.boxes / np.float32([width, height, width, height]))[:, [1, 0, 3, 2]]
    count = int(tensorflow[f"{name}.num_boxes"])
    np.testing.assert_allclose(relative, tensorflow[f"{name}.boxes"][:count], atol=1e-5, rtol=0)
    np.testing.assert_allclose(faces.scores, tensorflow[f"{name}.scores"][:count], atol=1e-5)
