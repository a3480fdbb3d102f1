"""Which of the boxes that overlap are kept, as manifests say it; `detectors.boxes` does it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suppression:
    """Which boxes of one picture are kept: the convention belongs to the weights.

    Attributes:
        iou: Overlap with a better box from which a box is removed.
        inclusive: Boxes include their right and bottom pixels, and an overlap of just `iou`
            removes (the published PyTorch form); else neither (ours, and TensorFlow's).
        clip: Cut boxes off at the border of the picture first.
        candidates: So many of the best boxes take part at most.
        keep: So many are left at most.
        vote: Overlap, at least 0.5, from which boxes have a say in the one that is kept, see
            `detectors.boxes.vote`; 1: none has.
        support: Weight of what they add to its score; 0: nothing.
    """

    iou: float = 0.3
    inclusive: bool = False
    clip: bool = False
    candidates: int = 5000
    keep: int = 750
    vote: float = 1.0
    support: float = 0.0
