"""Published checkpoints, brought into our form.

Three files are understood: the PyTorch checkpoint (.pth), and the TensorFlow variant as a frozen
graph (.pb) or as an archive of its weights (.npz). Where the two differ only in how numbers are
arranged (order of colours and of box values, scale of the input), they are rearranged here; where
they compute differently, the network has an option.

Reference: github.com/zisianw/FaceBoxes.PyTorch, github.com/TropComplique/FaceBoxes-tensorflow.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detectors.errors import UnsupportedCheckpoint
from detectors.faceboxes.config import PYTORCH, TENSORFLOW, FaceBoxesConfig
from detectors.faceboxes.frozen_graph import read_constants
from detectors.faceboxes.network import rebuild
from detectors.suppression import Suppression
from detectors.weights import Entry, save

SMALLEST_FACE: Final = 20.0  # px; smaller ones took no part in training (arXiv:1708.05234, 3.4)
THRESHOLD: Final = 0.05
INPUT_RANGE: Final = 127.5  # the TensorFlow variant reads -1 to 1 for 0 to 255

NAMES: Final = {
    "/weights": ".conv.weight",
    "/batch_norm/gamma": ".bn.weight",
    "/batch_norm/beta": ".bn.bias",
    "/batch_norm/moving_mean": ".bn.running_mean",
    "/batch_norm/moving_variance": ".bn.running_var",
    "/conv_1x1_path1": ".branch1x1",
    "/conv_1x1_path2": ".branch1x1_2",
    "/conv_1x1_path3": ".branch3x3_reduce",
    "/conv_3x3_path3": ".branch3x3",
    "/conv_1x1_path4": ".branch3x3_reduce_2",
    "/conv_3x3_path4": ".branch3x3_2",
    "/conv_3x3_second_path4": ".branch3x3_3",
    "prediction_layers/box_encoding_predictor_": "loc.",
    "prediction_layers/class_predictor_": "conf.",
    "/biases": ".bias",
}

Arrays = Mapping[str, NDArray[np.float32]]


class Form(NamedTuple):
    """One of the published forms."""

    name: str
    config: FaceBoxesConfig
    suppression: Suppression


def convert(file: Path, folder: Path, name: str) -> Entry:
    """Write a published checkpoint as weights `name` of a folder; return their manifest entry.

    Raises:
        UnsupportedCheckpoint: The file is none of the three.
        ExistingWeights: The folder has such weights already.
    """
    if file.suffix not in READERS:
        known = ", ".join(READERS)
        raise UnsupportedCheckpoint(f"{file} cannot be imported: give a file of kind {known}.")
    form, read = READERS[file.suffix]
    try:
        tensors = read(file)
    except Exception as error:  # a broken file makes its reader raise almost anything
        raise UnsupportedCheckpoint(
            f"{file} cannot be read as {form.name} weights: give the file as it was published."
        ) from error
    rebuild(form.config, tensors, file)
    entry = Entry(
        name=name,
        path=folder / f"{name}.safetensors",
        network="faceboxes",
        config=asdict(form.config),
        suppression=form.suppression,
        smallest_face=SMALLEST_FACE,
        threshold=THRESHOLD,
        source=f"published {form.name} weights, {file.name}",
        licence="its publisher's",
    )
    return save(entry, tensors)


def _from_tensorflow(arrays: Arrays) -> dict[str, Tensor]:
    """Bring the weights of the TensorFlow variant into the order and names of our network.

    Kernels (h, w, in, out) become (out, in, h, w); the input RGB from -1 to 1 becomes BGR minus
    its mean; box values y, x, h, w become x, y, w, h.
    """
    tensors = {}
    for path, array in arrays.items():
        name = _rename(path)
        if array.ndim == 4:
            array = array.transpose(3, 2, 0, 1)
        if name == "conv1.conv.weight":
            array = array[:, ::-1] / np.float32(INPUT_RANGE)
        if name.startswith("loc"):
            array = array.reshape(-1, 4, *array.shape[1:])[:, [1, 0, 3, 2]].reshape(array.shape)
        tensors[name] = torch.from_numpy(array.copy())
        if name.endswith("bn.weight"):
            counter = name.replace("weight", "num_batches_tracked")
            tensors[counter] = torch.tensor(0)
    return tensors


def _rename(path: str) -> str:
    """Translate the name of a TensorFlow variable."""
    for theirs, ours in NAMES.items():
        path = path.replace(theirs, ours)
    return path.replace(".conv.", ".") if path.startswith(("loc", "conf")) else path


def _read_checkpoint(file: Path) -> dict[str, Tensor]:
    """Read a PyTorch checkpoint; `module.` stands before names saved by DataParallel."""
    tensors = torch.load(file, map_location="cpu", weights_only=True)
    tensors = tensors.get("state_dict", tensors)
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


def _read_graph(file: Path) -> dict[str, Tensor]:
    return _from_tensorflow(read_constants(file.read_bytes()))


def _read_archive(file: Path) -> dict[str, Tensor]:
    with file.open("rb") as stream, np.load(stream) as arrays:
        return _from_tensorflow(dict(arrays))


PYTORCH_FORM: Final = Form("PyTorch", PYTORCH, Suppression(inclusive=True))
TENSORFLOW_FORM: Final = Form(
    "TensorFlow", TENSORFLOW, Suppression(clip=True, candidates=10**6, keep=200)
)
READERS: Final[Mapping[str, tuple[Form, Callable[[Path], dict[str, Tensor]]]]] = {
    ".pth": (PYTORCH_FORM, _read_checkpoint),
    ".pb": (TENSORFLOW_FORM, _read_graph),
    ".npz": (TENSORFLOW_FORM, _read_archive),
}
