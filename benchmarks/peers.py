"""Loops over a video as peers do it: OpenCV decodes, their detector looks at every frame.

Run by an interpreter that has the packages, as ``python benchmarks/peers.py mtcnn VIDEO`` or
``yunet VIDEO MODEL``. Nothing is tracked or written: a tracking program costs more than this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import cv2

Detect = Callable[[Any], Any]


def mtcnn() -> Detect:
    """Return the detector of the package ``mtcnn``, with its settings as they come."""
    from mtcnn import MTCNN

    detector = MTCNN()
    return lambda frame: detector.detect_faces(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


def yunet(model: str) -> Detect:
    """Return OpenCV's own FaceDetectorYN on pictures at full size."""
    detector = cv2.FaceDetectorYN.create(model, "", (320, 320))

    def detect(frame: Any) -> Any:
        detector.setInputSize(frame.shape[1::-1])
        return detector.detect(frame)

    return detect


def main(name: str, video: str, *model: str) -> None:
    """Detect in every frame of a video and say how many there were."""
    cv2.setNumThreads(1)
    detect = yunet(*model) if name == "yunet" else mtcnn()
    capture, frames = cv2.VideoCapture(video), 0
    while True:
        more, frame = capture.read()
        if not more:
            break
        detect(frame)
        frames += 1
    print(frames, "frames")


if __name__ == "__main__":
    main(*sys.argv[1:])
