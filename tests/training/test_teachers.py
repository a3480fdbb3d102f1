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


def test_maps_of_centerface_are_those_of_its_pyramid(tmp_path):
    """A made-up network with its tensors: each map halves the one before."""
    pixels = ops.parameter([1, 3, -1, -1], np.float32)
    layers, strides = [], [4, *STRIDES]
    for stride in strides:
        zeros, sizes = [0, 0], [stride, stride]
        layers.append(ops.avg_pool(pixels, sizes, zeros, zeros, sizes, exclude_pad=False))
    for layer, name in zip(layers, ["535", "525", "518", "511"], strict=True):
        layer.output(0).get_tensor().set_names({name})
    one = ops.reduce_max(layers[0], np.array([1]), keep_dims=True)
    for layer in layers[1:]:  # what no head reads would be left out of the file
        one = ops.add(one, ops.reduce_max(layer, np.array([1, 2, 3]), keep_dims=True))
    two = ops.concat([one, one], 1)
    heads = {"537": one, "538": two, "539": two, "540": ops.concat([two] * 5, 1)}
    results = [ops.result(head) for head in heads.values()]
    for result, name in zip(results, heads, strict=True):
        result.get_output_tensor(0).set_names({name})
    path = tmp_path / "centerface.xml"
    ov.save_model(ov.Model(results, [pixels]), path)
    picture = np.random.default_rng(1).integers(0, 255, (64, 96, 3), np.uint8)
    _, maps = open_peer(path, "f32", {"CenterFace": 3000.0}).study(picture)
    for level, stride in zip(maps, STRIDES, strict=True):
        cells = picture[..., ::-1].reshape(64 // stride, stride, 96 // stride, stride, 3)
        np.testing.assert_allclose(level, cells.mean((1, 3)), rtol=2e-3)


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
