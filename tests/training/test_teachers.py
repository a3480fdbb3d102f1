"""Which detector a file holds is told by its outputs."""

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from training.errors import TrainingError
from training.teachers import CHANNELS, STRIDES, open_peer, open_yunet

LOWEST = {"CenterFace": 0.3, "YuNet": 0.6}


def network(path, output):
    """Write a network with one output of that name."""
    pixels = ops.parameter([1, 3, -1, -1], np.float32)
    result = ops.result(ops.relu(pixels))
    result.get_output_tensor(0).set_names({output})
    ov.save_model(ov.Model([result], [pixels]), path)
    return path


@pytest.mark.parametrize(("output", "name"), [("540", "CenterFace"), ("cls_8", "YuNet")])
def test_networks_are_known_by_their_outputs(tmp_path, output, name):
    peer = open_peer(network(tmp_path / "one.xml", output), "bf16", LOWEST)
    assert (peer.name, peer.threshold) == (name, LOWEST[name])


def test_other_networks_and_files_are_refused(tmp_path):
    with pytest.raises(TrainingError, match="neither CenterFace nor YuNet"):
        open_peer(network(tmp_path / "one.xml", "faces"), "bf16", LOWEST)
    nothing = tmp_path / "nothing.onnx"
    nothing.write_bytes(b"nothing")
    with pytest.raises(TrainingError, match="holds no network"):
        open_peer(nothing, "bf16", LOWEST)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["yunet_n_dynamic.onnx", "face_detection_yunet_2023mar.onnx"])
def test_maps_are_what_the_heads_read(shared_dir, name):
    path = shared_dir / "reference" / "peers" / name
    picture = np.random.default_rng(1).integers(0, 255, (96, 160, 3), np.uint8)
    peer = open_peer(path, "f32", LOWEST | {"YuNet": 0.0})
    found, maps = peer.study(picture)
    sides = [(96 // stride, 160 // stride) for stride in STRIDES]
    assert [level.shape for level in maps] == [(*side, CHANNELS["YuNet"]) for side in sides]
    assert all(level.any() and (level >= 0).all() for level in maps)
    plain = open_yunet(path, "f32", 0.0)
    assert plain.study(picture)[1] == ()
    np.testing.assert_array_equal(plain([picture])[0].scores, found.scores)
