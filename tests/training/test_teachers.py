"""Which detector a file holds is told by its outputs."""

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from training.errors import TrainingError
from training.teachers import open_peer

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
