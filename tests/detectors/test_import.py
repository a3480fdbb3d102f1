"""`python -m detectors import`, on files made here in the published layouts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from detectors.__main__ import main
from detectors.faceboxes import PYTORCH, TENSORFLOW, FaceBoxes
from detectors.faceboxes.config import parse_config
from detectors.faceboxes.frozen_graph import read_constants
from detectors.weights import find, read_tensors

State = dict[str, torch.Tensor]

PARAMETERS = {"weight": "weights", "bias": "biases"}
HEADS = {"loc": "box_encoding", "conf": "class"}
LEAVES = {
    ("conv", "weight"): "weights",
    ("bn", "weight"): "batch_norm/gamma",
    ("bn", "bias"): "batch_norm/beta",
    ("bn", "running_mean"): "batch_norm/moving_mean",
    ("bn", "running_var"): "batch_norm/moving_variance",
}
BRANCHES = {
    "branch1x1": "conv_1x1_path1",
    "branch1x1_2": "conv_1x1_path2",
    "branch3x3_reduce": "conv_1x1_path3",
    "branch3x3": "conv_3x3_path3",
    "branch3x3_reduce_2": "conv_1x1_path4",
    "branch3x3_2": "conv_3x3_path4",
    "branch3x3_3": "conv_3x3_second_path4",
}


@pytest.fixture(scope="module")
def state() -> State:
    torch.manual_seed(1)
    return FaceBoxes().state_dict()


def run_import(file: Path, folder: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["import", str(file), "--output", str(folder), *options])


def to_tensorflow(state: State) -> dict[str, np.ndarray]:
    """Undo what the import does: our names, orders and scale become the published ones."""
    arrays = {}
    for name, tensor in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        array = tensor.numpy()
        if name.startswith("loc"):
            array = np.concatenate([part[[1, 0, 3, 2]] for part in np.split(array, len(array) / 4)])
        if name == "conv1.conv.weight":
            array = array[:, ::-1] * np.float32(127.5)
        if array.ndim == 4:
            array = array.transpose(2, 3, 1, 0)
        arrays[to_tensorflow_name(name)] = np.ascontiguousarray(array)
    return arrays


def to_tensorflow_name(name: str) -> str:
    *block, layer, leaf = name.split(".")
    if block[0] in HEADS:
        return f"prediction_layers/{HEADS[block[0]]}_predictor_{layer}/{PARAMETERS[leaf]}"
    return "/".join([block[0], *(BRANCHES[branch] for branch in block[1:]), LEAVES[layer, leaf]])


def varint(value: int) -> bytes:
    """Write a number in protocol buffers' own way."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def part(number: int, value: bytes | str | int) -> bytes:
    """Write one field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def graph(arrays: dict[str, np.ndarray]) -> bytes:
    """Write a GraphDef of constants, with a node of another kind among them."""

    def nodes() -> Iterator[bytes]:
        yield part(1, part(1, "image") + part(2, "Placeholder"))
        for name, array in arrays.items():
            shape = b"".join(part(2, part(1, side)) for side in array.shape)
            tensor = part(1, 1) + part(2, shape) + part(4, array.tobytes())
            value = part(5, part(1, "value") + part(2, part(8, tensor)))
            yield part(1, part(1, name) + part(2, "Const") + value)

    return b"".join(nodes())


def write_pth(state: State, file: Path) -> None:
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, file)


def write_npz(state: State, file: Path) -> None:
    np.savez(file, **to_tensorflow(state))


def write_pb(state: State, file: Path) -> None:
    file.write_bytes(graph(to_tensorflow(state)))


@pytest.mark.parametrize(
    ("suffix", "write", "config"),
    [
        (".pth", write_pth, PYTORCH),
        (".npz", write_npz, TENSORFLOW),
        (".pb", write_pb, TENSORFLOW),
    ],
)
def test_all_three_forms(
    state: State, tmp_path: Path, suffix: str, write: Callable[[State, Path], None], config
):
    file = tmp_path / f"My weights{suffix}"
    write(state, file)
    result = run_import(file, tmp_path / "out")
    assert result.exit_code == 0, result.output
    entry = find(tmp_path / "out" / "My-weights.safetensors")
    assert parse_config(entry.config) == config
    tensors = read_tensors(entry)
    assert tensors.keys() == state.keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(torch.tensor(tensor), state[name], msg=name)


def test_nothing_is_overwritten(state, tmp_path):
    write_pth(state, tmp_path / "a.pth")
    assert run_import(tmp_path / "a.pth", tmp_path).exit_code == 0
    before = (tmp_path / "a.safetensors").read_bytes()
    again = run_import(tmp_path / "a.pth", tmp_path)
    assert (again.exit_code, again.output.count("\n")) == (2, 1)
    assert "there already" in again.output
    assert (tmp_path / "a.safetensors").read_bytes() == before
    assert run_import(tmp_path / "a.pth", tmp_path, "--name", "b").exit_code == 0


@pytest.mark.parametrize("suffix", [".pth", ".pb", ".npz", ".onnx"])
@pytest.mark.parametrize("content", [b"", b"\x0a\xffnothing of the kind", b"PK\x03\x04broken"])
def test_other_files_are_refused_in_a_sentence(tmp_path, suffix, content):
    file = tmp_path / f"other{suffix}"
    file.write_bytes(content)
    result = run_import(file, tmp_path / "out")
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_other_networks_are_refused(tmp_path):
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "other.pth")
    result = run_import(tmp_path / "other.pth", tmp_path / "out")
    assert result.exit_code == 2
    assert "does not hold a FaceBoxes network" in result.output


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    torch.save(Path, tmp_path / "evil.pth")
    assert run_import(tmp_path / "evil.pth", tmp_path / "out").exit_code == 2


def test_names_are_plain(state, tmp_path):
    write_pth(state, tmp_path / "a.pth")
    assert run_import(tmp_path / "a.pth", tmp_path, "--name", "../a").exit_code == 2


def test_list_prints_what_there_is(random_weights):
    folder = random_weights["pytorch"].parent
    result = CliRunner().invoke(main, ["list", str(folder)])
    assert result.output.splitlines() == [
        "pytorch: faceboxes, faces from 20 px, random",
        "tensorflow: faceboxes, faces from 20 px, random",
        "voting: faceboxes, faces from 20 px, random",
    ]


def test_a_graph_gives_its_constants():
    arrays = {"a/weights": np.arange(600, dtype=np.float32).reshape(2, 3, 100)}
    ((name, array),) = read_constants(graph(arrays)).items()
    assert name == "a/weights"
    np.testing.assert_array_equal(array, arrays[name])


def test_a_graph_cut_short_is_noticed():
    whole = graph({"a/weights": np.zeros(100, np.float32)})
    for length in range(60, len(whole), 7):
        with pytest.raises(ValueError):  # noqa: PT011 where it is cut decides what is missing
            read_constants(whole[:length])
