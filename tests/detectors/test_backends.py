"""The runtimes against each other, and the choice among them."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from detectors import backends, load
from detectors.backends import Candidates, Execution, choose_runtime
from detectors.backends.openvino import (
    OpenVinoNetwork,
    capabilities,
    choose_precision,
    core,
    lacks_tiles,
    lacks_vnni,
)
from detectors.backends.torch import TorchNetwork, choose
from detectors.backends.torch import choose_precision as choose_for_torch
from detectors.errors import MissingDevice, MissingPrecision, UnsupportedCheckpoint
from detectors.faceboxes import PYTORCH, TENSORFLOW, FaceBoxes, FaceBoxesConfig
from detectors.faceboxes.graph import build, surround_of
from detectors.images import Canvas
from detectors.weights import find, read_tensors, save
from training.calibrate import measure_ranges

CONFIGS = {
    "pytorch": PYTORCH,
    "tensorflow": TENSORFLOW,
    "same padding": replace(PYTORCH, padding="same", multiple=128),
    "broken mean": replace(PYTORCH, mean=(103.5, 116.0, 124.0)),
    "padded with black": replace(PYTORCH, multiple=6, pooling="max"),
    "finer heads": FaceBoxesConfig(heads="fine", anchors="centre"),
}


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def make_network(config: FaceBoxesConfig) -> FaceBoxes:
    """Return a network whose batch normalisation is not trivial."""
    torch.manual_seed(7)
    network = FaceBoxes(config)
    for name, value in network.state_dict().items():
        if name.endswith(("running_mean", "bn.bias", "bn.weight")):
            value += 0.3 * torch.randn(value.shape)
    return network


def make_openvino(network: FaceBoxes, **execution: object) -> OpenVinoNetwork:
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    precision = execution.pop("precision", "f32")
    chosen = choose_precision(precision, capabilities(), has_ranges=False)
    surround = surround_of(network.config)
    model = build(network.config, tensors)
    return OpenVinoNetwork(model, surround, Execution(**execution), chosen)


def assert_same(one: Candidates, other: Candidates) -> None:
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_array_equal(one.log_odds, other.log_odds)
    np.testing.assert_array_equal(one.offsets, other.offsets)


@pytest.mark.parametrize("name", CONFIGS)
def test_rewriting_changes_nothing_at_any_size(name):
    network = make_network(CONFIGS[name])
    plain = TorchNetwork(network, network.config.mean, network.config.multiple, Execution("cpu"))
    rewritten = make_openvino(network)
    for height, width in [(1, 1), (33, 130), (66, 67), (128, 96), (61, 200)]:
        images = [picture(height, width, seed) for seed in (1, 2)]
        for one, other in zip(plain(images, -math.inf), rewritten(images, -math.inf), strict=True):
            np.testing.assert_array_equal(one.rows, other.rows)
            np.testing.assert_allclose(one.offsets, other.offsets, atol=3e-5, rtol=1e-5)
            np.testing.assert_allclose(one.log_odds, other.log_odds, atol=3e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("cpuinfo", "rough"),
    [
        ("model name\t: EPYC\nflags\t\t: fpu avx avx2 fma\n", True),
        ("flags\t\t: fpu avx2 avx512f avx512_vnni\nbugs\t\t: none\n", False),
        ("flags : avx2 avx_vnni\n", False),
        ("Features\t: fp asimd asimddp\n", False),
        ("", False),
    ],
)
def test_eight_bits_are_chosen_where_their_sums_are_exact(cpuinfo, rough):
    assert lacks_vnni(cpuinfo) == rough


@pytest.mark.parametrize(
    ("cpuinfo", "slow"),
    [
        ("vendor_id : GenuineIntel\nflags\t: avx512f avx512_bf16\n", True),
        ("vendor_id : GenuineIntel\nflags\t: avx512f avx512_bf16 amx_bf16 amx_tile\n", False),
        ("vendor_id : AuthenticAMD\nflags\t: avx512f avx512_bf16\n", False),
        ("Features\t: fp asimd bf16\n", False),
        ("", False),
    ],
)
def test_bfloat16_is_chosen_where_it_is_quicker(cpuinfo, slow):
    assert lacks_tiles(cpuinfo) == slow


@pytest.mark.parametrize("name", ["pytorch", "finer heads"])
def test_eight_bits_change_little_and_are_really_used(name):
    network = make_network(CONFIGS[name])
    images = [picture(160, 224, seed) for seed in range(3)]
    ranges = measure_ranges(network, images)
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    model = build(network.config, tensors, ranges)
    surround = surround_of(network.config)
    narrow = OpenVinoNetwork(model, surround, Execution("cpu"), "int8")
    assert narrow.runtime == "OpenVINO int8, 1 thread"
    exact = make_openvino(network)
    for one, other in zip(exact(images, -99.0), narrow(images, -99.0), strict=True):
        for wide, small in ((one.log_odds, other.log_odds), (one.offsets, other.offsets)):
            assert np.corrcoef(wide.ravel(), small.ravel())[0, 1] > 0.98
    model.reshape(list(Canvas(160, 224, surround).cells.shape))
    layers = core().compile_model(model, "CPU").get_runtime_model().get_ordered_ops()
    facts = [layer.get_rt_info() for layer in layers]
    convolutions = [fact for fact in facts if fact["layerType"].astype(str) == "Convolution"]
    narrow_ones = [fact for fact in convolutions if fact["runtimePrecision"].astype(str) == "u8"]
    assert len(narrow_ones) == len(convolutions)


@pytest.mark.parametrize("kind", [TorchNetwork, OpenVinoNetwork])
def test_only_what_reaches_the_floor_is_kept(kind):
    network = make_network(PYTORCH)
    if kind is TorchNetwork:
        look = TorchNetwork(network, PYTORCH.mean, 1, Execution("cpu"))
    else:
        look = make_openvino(network)
    (every,) = look([picture(200, 200)], -math.inf)
    floor = float(np.median(every.log_odds))
    (some,) = look([picture(200, 200)], floor)
    enough = every.log_odds >= floor
    assert 0 < len(some.rows) < len(every.rows)
    chosen = Candidates(every.rows[enough], every.log_odds[enough], every.offsets[enough])
    assert_same(some, chosen)


def test_a_used_buffer_is_seen_anew():
    """A network that looked at a copy of its buffer would see the first picture for ever."""
    look = make_openvino(make_network(PYTORCH))
    images = [picture(64, 64, 1), picture(64, 64, 2), picture(63, 62, 3), picture(64, 64, 1)]
    first, second, other, again = (look([image], -math.inf)[0] for image in images)
    assert np.abs(first.offsets - second.offsets).max() > 1e-3
    assert np.abs(first.offsets - other.offsets).max() > 1e-3
    assert_same(first, again)


def test_results_do_not_change_with_batch_and_company():
    look = make_openvino(make_network(PYTORCH), precision="auto")
    images = [picture(96, 64, seed) for seed in range(4)]
    for together, image in zip(look(images, 0.0), images, strict=True):
        assert_same(together, look([image], 0.0)[0])


def test_the_threads_are_said_and_change_nothing():
    network = make_network(PYTORCH)
    one, two = make_openvino(network), make_openvino(network, threads=2)
    assert (one.runtime, two.runtime) == ("OpenVINO f32, 1 thread", "OpenVINO f32, 2 threads")
    assert_same(*one([picture(200, 300)], 0.0), *two([picture(200, 300)], 0.0))


@pytest.mark.parametrize(
    ("asked", "able", "has_ranges", "chosen"),
    [
        ("auto", ["FP32", "BF16", "INT8"], False, "bf16"),
        ("auto", ["FP32", "INT8"], False, "f32"),
        ("auto", ["FP32", "BF16", "INT8"], True, "int8"),
        ("auto", ["FP32", "BF16"], True, "bf16"),
        ("auto", ["FP32", "SLOW_BF16", "INT8"], False, "f32"),
        ("bf16", ["FP32", "SLOW_BF16"], False, "bf16"),
        ("int8", ["FP32"], True, "int8"),
        ("f32", ["FP32", "BF16", "INT8"], True, "f32"),
        ("bf16", ["FP32", "BF16", "INT8"], True, "bf16"),
    ],
)
def test_precision_by_what_the_processor_has(asked, able, has_ranges, chosen):
    assert choose_precision(asked, able, has_ranges=has_ranges) == chosen


def test_a_precision_that_is_not_there_is_an_error(random_weights: dict[str, Path]):
    with pytest.raises(MissingPrecision, match="use f32 or auto"):
        choose_precision("bf16", ["FP32"], has_ranges=True)
    with pytest.raises(MissingPrecision, match="no ranges for int8"):
        choose_precision("int8", ["FP32", "INT8"], has_ranges=False)
    with pytest.raises(MissingPrecision, match="use f32, or the runtime openvino"):
        load(random_weights["pytorch"], device="cpu", runtime="torch", precision="int8")


@pytest.mark.parametrize(
    ("asked", "device", "able", "chosen"),
    [
        ("auto", "cpu", True, "f32"),
        ("bf16", "cpu", False, "bf16"),
        ("auto", "cuda", True, "bf16"),
        ("auto", "cuda:1", False, "f32"),
        ("f32", "cuda", True, "f32"),
    ],
)
def test_precision_by_what_the_graphics_card_has(monkeypatch, asked, device, able, chosen):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: able)
    assert choose_for_torch(asked, torch.device(device)) == chosen


def test_a_graphics_card_without_bf16_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    with pytest.raises(MissingPrecision, match="bf16 on cuda: use f32"):
        choose_for_torch("bf16", torch.device("cuda"))


def test_sixteen_bits_in_pytorch_change_little():
    network = make_network(PYTORCH)
    images = [picture(160, 224, seed) for seed in range(2)]
    exact, narrow = (
        TorchNetwork(network, PYTORCH.mean, 1, Execution("cpu", precision=precision))
        for precision in ("auto", "bf16")
    )
    assert (exact.runtime, narrow.runtime) == ("PyTorch f32, 1 thread", "PyTorch bf16, 1 thread")
    for one, other in zip(exact(images, -99.0), narrow(images, -99.0), strict=True):
        assert other.log_odds.dtype == other.offsets.dtype == np.float32
        assert (one.log_odds != other.log_odds).any()
        for wide, small in ((one.log_odds, other.log_odds), (one.offsets, other.offsets)):
            assert np.corrcoef(wide.ravel(), small.ravel())[0, 1] > 0.99


def test_a_batch_is_given_back_picture_by_picture():
    log_odds = torch.tensor([[1.0, -1.0, 2.0], [-3.0, -2.0, -1.0], [0.0, -0.5, -1.0]])
    offsets = torch.arange(36.0).reshape(3, 3, 4)
    first, second, third = choose(log_odds, offsets, 0.0)
    assert (first.rows.tolist(), first.log_odds.tolist()) == ([0, 2], [1.0, 2.0])
    assert first.offsets.tolist() == [[0, 1, 2, 3], [8, 9, 10, 11]]
    assert (len(second.rows), second.offsets.shape) == (0, (0, 4))
    assert (third.rows.tolist(), third.offsets.tolist()) == ([0], [[24, 25, 26, 27]])


@pytest.mark.parametrize(
    ("device", "runtime", "has_gpu", "chosen"),
    [
        ("auto", "auto", False, "openvino"),
        ("auto", "auto", True, "torch"),
        ("auto", "openvino", True, "openvino"),
        ("auto", "torch", False, "torch"),
        ("cpu", "auto", True, "openvino"),
        ("cpu", "torch", False, "torch"),
        ("cuda:1", "auto", False, "torch"),
    ],
)
def test_choice_of_the_runtime(monkeypatch, device, runtime, has_gpu, chosen):
    monkeypatch.setattr(backends, "_has_gpu", lambda: has_gpu)
    assert choose_runtime(Execution(device, runtime=runtime)) == chosen


def test_pytorch_is_asked_for_a_gpu_only_where_there_is_a_driver(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("ctypes.CDLL", lambda name: None)
    assert choose_runtime(Execution()) == "torch"

    def no_driver(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr("ctypes.CDLL", no_driver)
    assert choose_runtime(Execution()) == "openvino"


@pytest.mark.parametrize(
    ("device", "runtime", "complaint"),
    [
        ("tpu", "auto", "There is no device tpu"),
        ("cuda:x", "torch", "There is no device cuda:x"),
        ("cuda", "openvino", "OpenVINO cannot use cuda"),
        ("cuda:99", "auto", "PyTorch sees no device cuda:99"),
    ],
)
def test_a_device_that_is_not_there_is_an_error(random_weights, device, runtime, complaint):
    with pytest.raises(MissingDevice, match=complaint):
        load(random_weights["pytorch"], device=device, runtime=runtime)


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"runtime": "onnx"}, {"precision": "int4"}])
def test_what_is_no_execution_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        Execution(**wrong)


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
@pytest.mark.parametrize("change", ["missing", "shape"])
def test_weights_of_another_network_are_refused(random_weights, tmp_path, runtime, change):
    entry = find(random_weights["pytorch"])
    tensors = {name: torch.tensor(array) for name, array in read_tensors(entry).items()}
    if change == "missing":
        del tensors["conv2.conv.weight"]
    else:
        tensors["conv2.conv.weight"] = torch.zeros(64, 47, 5, 5)
    path = save(replace(entry, path=tmp_path / "wrong.safetensors"), tensors).path
    with pytest.raises(UnsupportedCheckpoint, match="does not hold a FaceBoxes network"):
        load(path, device="cpu", runtime=runtime)
