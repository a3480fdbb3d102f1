import numpy as np
import pytest
import torch

from detectors.errors import BadManifest, UnsupportedCheckpoint
from detectors.faceboxes import (
    PYTORCH,
    TENSORFLOW,
    FaceBoxes,
    FaceBoxesConfig,
    anchors,
    decode,
    encode,
)
from detectors.faceboxes.config import parse_config
from detectors.faceboxes.network import rebuild

PER_CELL = 21  # anchors of a cell at stride 32


@pytest.mark.parametrize(("height", "width"), [(1, 1), (32, 32), (211, 333), (128, 257)])
def test_the_network_has_a_row_for_each_anchor(height, width):
    network = FaceBoxes().eval()
    with torch.inference_mode():
        loc, logits = network(torch.zeros(2, 3, height, width))
    count = len(anchors(height, width))
    assert loc.shape == (2, count, 4)
    assert logits.shape == (2, count, 2)
    cells = [-(-height // stride) * -(-width // stride) for stride in (32, 64, 128)]
    assert count == PER_CELL * cells[0] + cells[1] + cells[2]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (32, 32), (211, 333), (129, 257)])
def test_finer_heads_have_a_row_for_each_cell(height, width):
    config = FaceBoxesConfig(heads="fine", anchors="centre")
    with torch.inference_mode():
        loc, logits = FaceBoxes(config).eval()(torch.zeros(2, 3, height, width))
    cells = [-(-height // stride) * -(-width // stride) for stride in (8, 16, 32, 64, 128)]
    assert loc.shape == (2, sum(cells), 4)
    assert logits.shape == (2, sum(cells), 2)
    assert len(anchors(height, width, config)) == sum(cells)


def test_tensorflow_rows_fit_at_multiples_of_128():
    with torch.inference_mode():
        loc, _ = FaceBoxes(TENSORFLOW).eval()(torch.zeros(1, 3, 256, 384))
    assert loc.shape[1] == len(anchors(256, 384, TENSORFLOW))


@pytest.mark.parametrize(
    ("layout", "first", "across", "middle"),
    [
        ("corner", (0, 0), (8, 0), (16, 16)),
        ("centre", (4, 4), (12, 4), (24, 24)),
        ("spread", (4, 4), (4, 12), (32, 32)),
    ],
)
def test_layouts_within_a_cell(layout, first, across, middle):
    cell = anchors(32, 32, FaceBoxesConfig(anchors=layout)).tolist()
    assert cell[0] == [*first, 32, 32]
    assert cell[1] == [*across, 32, 32]
    assert cell[19] == [*middle, 64, 64]
    assert cell[20:] == [[16, 16, 128, 128], [32, 32, 256, 256], [64, 64, 512, 512]]


def test_cells_follow_row_by_row():
    centres = anchors(64, 96)[: 6 * PER_CELL : PER_CELL, :2]
    expected = [[0, 0], [32, 0], [64, 0], [0, 32], [32, 32], [64, 32]]
    assert centres.tolist() == expected


def test_clipped_anchors_lie_in_the_picture():
    clipped = anchors(128, 256, FaceBoxesConfig(clip_anchors=True))
    corners = decode(torch.zeros(len(clipped), 4), clipped)
    assert corners.min() >= 0
    assert (corners[:, 2:] <= torch.tensor([256, 128])).all()


def test_decoding_undoes_encoding():
    generator = torch.Generator().manual_seed(1)
    places = anchors(96, 160)
    corners = torch.rand(len(places), 2, generator=generator) * 100
    sides = torch.rand(len(places), 2, generator=generator) * 60 + 1
    boxes = torch.cat([corners, corners + sides], 1)
    torch.testing.assert_close(decode(encode(boxes, places), places), boxes, atol=1e-3, rtol=0)


def test_an_anchor_is_what_no_offset_means():
    box = decode(torch.zeros(4), torch.tensor([50.0, 40.0, 20.0, 10.0]))
    assert box.tolist() == [40, 35, 60, 45]


def test_variances_scale_the_offsets():
    box = decode(torch.tensor([1.0, -1.0, 5.0, 0.0]), torch.tensor([50.0, 40.0, 20.0, 10.0]))
    half = 10 * np.e
    np.testing.assert_allclose(box, [52 - half, 34, 52 + half, 44], rtol=1e-6)


def test_size_and_names_are_those_published():
    state = FaceBoxes().state_dict()
    values = [tensor for name, tensor in state.items() if not name.endswith("_tracked")]
    assert (len(state), sum(tensor.numel() for tensor in values)) == (174, 1_010_290)
    assert state["inception2.branch3x3_reduce_2.conv.weight"].shape == (24, 128, 1, 1)
    assert state["conf.0.weight"].shape == (42, 128, 3, 3)


def test_options_survive_the_manifest():
    assert parse_config({"mean": [1, 2, 3], "pooling": "max"}).mean == (1, 2, 3)
    with pytest.raises(BadManifest, match="pooling is 'median'"):
        parse_config({"mean": [1, 2, 3], "pooling": "median"})
    with pytest.raises(BadManifest, match="colour"):
        parse_config({"mean": [1, 2, 3], "colour": "rgb"})


def test_tensors_of_another_network_are_named(tmp_path):
    state = FaceBoxes().state_dict()
    state["conv3_1.conv.weight"] = torch.zeros(7)
    with pytest.raises(UnsupportedCheckpoint, match=r"conv3_1\.conv\.weight"):
        rebuild(PYTORCH, state, tmp_path / "weights.pth")
