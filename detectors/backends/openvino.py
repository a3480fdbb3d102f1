"""Networks in OpenVINO: on CPUs several times faster than PyTorch, and quicker to load.

One picture is looked at at a time: batches gain nothing on a CPU, and so the result does not
depend on them.
"""

import re
from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from detectors.backends import Candidates, Execution, Precision
from detectors.errors import MissingPrecision
from detectors.images import Canvas, Image, Surround

CPUINFO: Final = Path("/proc/cpuinfo")
VNNI: Final = {"avx512_vnni", "avx_vnni", "amx_int8"}
SLOW_BF16: Final = "SLOW_BF16"
"""Capability: computes in bf16, but convolutions take longer than in f32."""
COMPILED_SIZES: Final = 8  # of pictures: one takes about 0.1 s and, at 1280 x 720, 25 MB


class OpenVinoNetwork:
    """A model that reads canvases and gives one map a level.

    Args:
        model: Reads (rows, columns, channels) uint8, of any size: a canvas. Each map is
            (1, A * 5, h, w) for A anchors a cell: their log odds first, then their offsets.
        surround: What the canvas adds to a picture.
        execution: The threads are taken from it.
        precision: What to compute in; for int8 the model itself says which layers.
    """

    def __init__(
        self, model: ov.Model, surround: Surround, execution: Execution, precision: Precision
    ) -> None:
        self._model, self._surround = model, surround
        # Between layers in 8 bits, bf16 moves half the bytes: quicker by 3 to 7 % even where slow.
        halves = precision == "bf16" or (precision == "int8" and has_bfloat16(capabilities()))
        self._type = ov.Type.bf16 if halves else ov.Type.f32
        self._threads = execution.threads
        self._canvas = lru_cache(COMPILED_SIZES)(self._make_canvas)
        self._request = lru_cache(COMPILED_SIZES)(self._compile)
        self.runtime = f"OpenVINO {precision}, {execution.describe_threads()}"

    def __call__(self, images: Sequence[Image], floor: float) -> list[Candidates]:
        """Look at pictures of one size, one after the other."""
        canvas, tensor = self._canvas(*images[0].shape[:2])
        request = self._request(tuple(tensor.shape))
        request.set_input_tensor(tensor)
        found = []
        for image in images:
            canvas.lay(image)
            request.infer(share_outputs=True)
            maps = [request.get_output_tensor(k).data[0] for k in range(len(self._model.outputs))]
            found.append(_choose(maps, floor))
        return found

    def _make_canvas(self, height: int, width: int) -> tuple[Canvas, ov.Tensor]:
        """Make the canvas for pictures of a size, and the tensor that looks into its memory."""
        canvas = Canvas(height, width, self._surround)
        return canvas, ov.Tensor(canvas.cells, shared_memory=True)

    def _compile(self, shape: tuple[int, ...]) -> ov.InferRequest:
        """Compile the model for canvases of one shape: about 0.1 s."""
        model = self._model.clone()
        model.reshape(list(shape))
        options = {
            "INFERENCE_PRECISION_HINT": self._type,
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # workers side by side would all sit on the same core
        }
        return core().compile_model(model, "CPU", options).create_infer_request()


@cache
def core() -> ov.Core:
    """Return OpenVINO itself, one for the life of the process.

    It gives its thread a stack for signal handlers, and takes it away when it goes. Where it goes
    in another thread, the next signal that Python handles ends the process.
    """
    return ov.Core()


@cache
def capabilities() -> tuple[str, ...]:
    """Return what the processor is good at: `BF16`, `INT8` and so on.

    OpenVINO says `INT8` of any processor. Where products of 8 bits are added in 16, which cuts sums
    off, it costs a point of accuracy, and so is not counted. Where bf16 is slower than f32, it is
    called `SLOW_BF16`.
    """
    able = {*core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")}
    try:
        cpuinfo = CPUINFO.read_text("utf-8")
    except OSError:  # not Linux
        cpuinfo = ""
    if lacks_vnni(cpuinfo):
        able.discard("INT8")
    if "BF16" in able and lacks_tiles(cpuinfo):
        able = able - {"BF16"} | {SLOW_BF16}
    return tuple(sorted(able))


def lacks_vnni(cpuinfo: str) -> bool:
    """Tell from Linux's account of an x86 processor whether it adds such products in 16 bits."""
    flags = _flags(cpuinfo)
    return flags is not None and not VNNI & flags


def lacks_tiles(cpuinfo: str) -> bool:
    """Tell whether this is an Intel processor whose AMX is missing, or hidden by a hypervisor.

    Its vectors do no more with bf16 than with f32, and converting comes on top: convolutions were
    measured to take half as long again.
    """
    flags = _flags(cpuinfo)
    return flags is not None and "GenuineIntel" in cpuinfo and "amx_bf16" not in flags


def _flags(cpuinfo: str) -> set[str] | None:
    """Return what an x86 processor can do, from Linux's description; None of any other."""
    flags = re.search(r"^flags\s*:(.*)$", cpuinfo, re.MULTILINE)
    return None if flags is None else {*flags[1].split()}


def has_bfloat16(able: Collection[str]) -> bool:
    """Tell whether a processor with these capabilities computes in bf16 at all."""
    return "BF16" in able or SLOW_BF16 in able


def choose_precision(asked: str, able: Collection[str], *, has_ranges: bool) -> Precision:
    """Choose int8, else bf16 where the processor is quicker in it than in f32.

    Args:
        asked: `auto` or a precision.
        able: What the processor is good at: `capabilities`.
        has_ranges: Whether the weights can be used in 8 bits.

    Raises:
        MissingPrecision: What is asked for cannot be had.
    """
    if asked == "bf16" and not has_bfloat16(able):
        raise MissingPrecision("This processor does not compute in bf16: use f32 or auto.")
    if asked == "int8" and not has_ranges:
        raise MissingPrecision(
            "These weights have no ranges for int8: use f32, or `python -m training calibrate`."
        )
    if asked == "int8" or (asked == "auto" and has_ranges and "INT8" in able):
        return "int8"
    return "bf16" if asked == "bf16" or (asked == "auto" and "BF16" in able) else "f32"


def _choose(maps: Sequence[NDArray[np.float32]], floor: float) -> Candidates:
    """Keep what reaches the floor of maps (A * 5, h, w); rows run through y, x and anchor."""
    sizes = [values.size // 5 for values in maps]
    starts = accumulate(sizes[:-1], initial=0)
    levels = [_choose_level(*each, floor) for each in zip(maps, starts, strict=True)]
    rows, log_odds, offsets = (np.concatenate(column) for column in zip(*levels, strict=True))
    order = np.argsort(rows)
    return Candidates(rows[order], log_odds[order], offsets[order])


def _choose_level(
    values: NDArray[np.float32], start: int, floor: float
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
    """Return the rows (K,) from `start` on, log odds (K,) and offsets (K, 4) of one map."""
    channels, height, width = values.shape
    count = channels // 5
    log_odds = values[:count]  # (A, h, w)
    offsets = values[count:].reshape(count, 4, height, width)
    anchor, y, x = np.nonzero(log_odds >= floor)  # (K,) each
    rows = start + (y * width + x) * count + anchor
    return rows, log_odds[anchor, y, x], offsets[anchor, :, y, x]
