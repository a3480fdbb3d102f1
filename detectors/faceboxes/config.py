"""What distinguishes one published or trained FaceBoxes from another.

Reference: arXiv:1708.05234, sections 3.1 to 3.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args, get_type_hints

from detectors.errors import BadManifest


class AnchorLevel(NamedTuple):
    """One map of the network: its stride (px) and the anchors of a cell."""

    stride: int
    sizes: tuple[tuple[int, int], ...]  # (size in px, anchors along each side of a cell)

    @property
    def per_cell(self) -> int:
        """Count the anchors of one cell."""
        return sum(n * n for _, n in self.sizes)


Heads = Literal["paper", "fine"]

LEVELS: Final[Mapping[Heads, tuple[AnchorLevel, ...]]] = {
    "paper": (
        AnchorLevel(32, ((32, 4), (64, 2), (128, 1))),
        AnchorLevel(64, ((256, 1),)),
        AnchorLevel(128, ((512, 1),)),
    ),
    "fine": (
        AnchorLevel(8, ((16, 1),)),
        AnchorLevel(16, ((32, 1),)),
        AnchorLevel(32, ((64, 1),)),
        AnchorLevel(64, ((128, 1),)),
        AnchorLevel(128, ((256, 1),)),
    ),
}

DEPTH: Final[Mapping[int, int]] = {16: 2, 32: 3}
"""Bottlenecks behind the paper's layers of these strides, in the form with finer heads.

Weights of another depth have other tensors, and are refused.
"""


@dataclass(frozen=True, slots=True)
class FaceBoxesConfig:
    """How one FaceBoxes differs from another; the defaults are the published PyTorch form.

    Attributes:
        mean: Subtracted from the blue, green and red of each pixel (0 to 255).
        multiple: Pictures are padded with black, right and below, to a multiple of this (px).
        padding: Of strided layers: `symmetric`, or TensorFlow's `same` (needs multiple = 128).
        pooling: In the second branch of each Inception block.
        bn_eps: Added to the variance in every batch normalisation.
        anchors: Where the n x n anchors of one size stand in a cell: `corner` starts at the cell's
            corner in steps of stride / n; `centre` takes the same steps symmetrically about the
            middle; `spread` too, but in steps of size / n, and runs through y before x.
        clip_anchors: Cut anchors off at the border of the (padded) picture.
        heads: `paper`: at strides 32, 64 and 128, with densified anchors. `fine`: at strides 8 and
            16 too, which see what the coarser maps know of their surroundings, one anchor a cell;
            and layers before them that keep more of small faces than pooling does.
    """

    mean: tuple[float, float, float] = (104.0, 117.0, 123.0)
    multiple: int = 1
    padding: Literal["symmetric", "same"] = "symmetric"
    pooling: Literal["average", "max"] = "average"
    bn_eps: float = 1e-5
    anchors: Literal["corner", "centre", "spread"] = "corner"
    clip_anchors: bool = False
    heads: Heads = "paper"

    @property
    def levels(self) -> tuple[AnchorLevel, ...]:
        """The maps that have a head, the finest first."""
        return LEVELS[self.heads]

    def __post_init__(self) -> None:
        for name in ("padding", "pooling", "anchors", "heads"):
            choices = get_args(get_type_hints(FaceBoxesConfig)[name])
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}, not one of {choices}")


PYTORCH: Final = FaceBoxesConfig()
TENSORFLOW: Final = FaceBoxesConfig(
    mean=(127.5, 127.5, 127.5),
    multiple=128,
    padding="same",
    pooling="max",
    bn_eps=1e-3,
    anchors="spread",
    clip_anchors=True,
)


def parse_config(options: Mapping[str, Any]) -> FaceBoxesConfig:
    """Make the options of a manifest entry ours."""
    try:
        return FaceBoxesConfig(**{**options, "mean": tuple(options["mean"])})
    except (KeyError, TypeError, ValueError) as error:
        raise BadManifest(f"These are no options of FaceBoxes, mend them: {error}.") from error
