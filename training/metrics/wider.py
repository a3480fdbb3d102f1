"""WIDER FACE: average precision as its official evaluation program computes it.

It is not the plain average precision: scores are stretched to 0..1 over the whole set, curves have
1,000 points, and overlaps count right and bottom pixels in.

Reference:
    Yang et al., WIDER FACE: A Face Detection Benchmark, 2016, arXiv:1511.06523, and the program
    eval_tools that is distributed with it.
"""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from detectors import Detections
from detectors.boxes import iou
from training.datasets.wider100 import LEVELS
from training.errors import LabelError, TrainingError

THRESHOLDS: Final = 1000

Rows = NDArray[np.float64]  # (N, 5) x, y, w, h, score, best first


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """The true faces of a picture: (M, 4) x, y, w, h, and for each level which count (M,)."""

    faces: NDArray[np.float64]
    counts: Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Precision and recall (1000,) at falling thresholds, and the area under them."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    @classmethod
    def of(cls, tally: NDArray[np.int64], faces: int) -> Self:
        """Make the curve of proposals and hits (1000, 2)."""
        with np.errstate(invalid="ignore"):  # 0 of 0 at thresholds that nothing reaches
            return cls(tally[:, 1] / tally[:, 0], tally[:, 1] / faces)

    @property
    def average_precision(self) -> float:
        """Return the area under the curve, made monotonous from the right."""
        precision = np.concatenate([[0.0], self.precision, [0.0]])
        recall = np.concatenate([[0.0], self.recall, [1.0]])
        best = np.maximum.accumulate(precision[::-1])[::-1]
        steps = np.flatnonzero(np.diff(recall)) + 1
        return float(np.sum((recall[steps] - recall[steps - 1]) * best[steps]))


def read_truth(folder: Path) -> dict[str, Picture]:
    """Read the four .mat files of the official ground truth: `EVENT/NAME` to picture.

    Raises:
        TrainingError: One of them is missing or is something else.
    """
    faces = _read_lists(folder / "wider_face_val.mat", "face_bbx_list")
    counted = {level: _read_lists(folder / f"wider_{level}_val.mat", "gt_list") for level in LEVELS}
    pictures = {}
    for name, boxes in faces.items():
        rows = np.arange(1, len(boxes) + 1)
        counts = {level: np.isin(rows, counted[level][name]) for level in LEVELS}
        pictures[name] = Picture(boxes.astype(np.float64), counts)
    return pictures


def _read_lists(path: Path, field: str) -> dict[str, NDArray[Any]]:
    """Read one list of a .mat file: `EVENT/NAME` to its array."""
    try:
        table = loadmat(path)
        lists = {}
        for event, files, values in zip(
            table["event_list"], table["file_list"], table[field], strict=True
        ):
            for file, value in zip(files[0], values[0], strict=True):
                lists[f"{event[0][0]}/{file[0][0]}"] = value[0]
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise TrainingError(
            f"{path}: not WIDER FACE's ground truth ({error}); give the folder of its .mat files"
        ) from error
    return lists


def read_predictions(place: Path) -> dict[str, Rows]:
    """Read `EVENT/NAME.txt` below a folder or in a .zip: name, count, then x y w h score.

    Raises:
        LabelError: A file that is not in this form; the message names its line.
    """
    found = dict(_parse(name, text) for name, text in _texts(place))
    if not found:
        raise TrainingError(f"{place}: no EVENT/NAME.txt here; give the folder of predictions")
    return found


def _texts(place: Path) -> Iterator[tuple[str, str]]:
    if place.is_dir():
        for path in sorted(place.glob("*/*.txt")):
            yield path.relative_to(place).as_posix(), path.read_text("utf-8")
        return
    with zipfile.ZipFile(place) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".txt"):
                yield name, archive.read(name).decode()


def _parse(name: str, text: str) -> tuple[str, Rows]:
    lines = text.split("\n")
    try:
        count = int(lines[1])
    except (IndexError, ValueError) as error:
        raise LabelError(name, "line 2", "is not the number of boxes") from error
    rows = []
    for number, line in enumerate(lines[2 : 2 + count], 3):
        try:
            x, y, width, height, score = map(float, line.split()[:5])
        except ValueError as error:
            raise LabelError(name, f"line {number}", "is not x y w h score") from error
        rows.append((x, y, width, height, score))
    if len(rows) < count:
        raise LabelError(name, f"line {len(lines)}", f"ends after {len(rows)} of {count} boxes")
    path = PurePosixPath(name)
    return f"{path.parent.name}/{path.stem}", np.array(rows, np.float64).reshape(-1, 5)


def write_prediction(folder: Path, name: str, found: Detections) -> None:
    """Write the faces of picture `EVENT/NAME` in the official layout, best first."""
    path = folder / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{path.stem}.jpg", str(len(found))]
    for (x1, y1, x2, y2), score in zip(found.boxes.tolist(), found.scores.tolist(), strict=True):
        lines.append(f"{x1:.2f} {y1:.2f} {x2 - x1:.2f} {y2 - y1:.2f} {score:.6f}")
    path.write_text("\n".join(lines) + "\n", "utf-8")


def evaluate(
    pictures: Mapping[str, Picture], predictions: Mapping[str, Rows], least_iou: float = 0.5
) -> dict[str, Curve]:
    """Return the curve of each level; pictures without a prediction count as empty ones."""
    stretched = _stretch(predictions)
    none = np.zeros((0, 5))
    tallies = {level: np.zeros((THRESHOLDS, 2), np.int64) for level in LEVELS}
    for name, picture in pictures.items():
        rows = stretched.get(name, none)
        if len(rows) and len(picture.faces):
            for level, tally in _tally(rows, picture, least_iou).items():
                tallies[level] += tally
    return {
        level: Curve.of(tally, sum(int(p.counts[level].sum()) for p in pictures.values()))
        for level, tally in tallies.items()
    }


def _stretch(predictions: Mapping[str, Rows]) -> dict[str, Rows]:
    """Stretch the scores of the whole set to 0..1."""
    scores = np.concatenate([rows[:, 4] for rows in predictions.values()])
    low, high = min(1.0, scores.min(initial=1.0)), max(0.0, scores.max(initial=0.0))
    span = high - low if high > low else 1.0
    return {
        name: np.column_stack([rows[:, :4], (rows[:, 4] - low) / span])
        for name, rows in predictions.items()
    }


def _tally(rows: Rows, picture: Picture, least_iou: float) -> dict[str, NDArray[np.int64]]:
    """Count proposals and hits of one picture at each threshold: (1000, 2) for each level."""
    overlap = iou(_corners(rows), _corners(picture.faces), inclusive=True)  # (N, M)
    face = overlap.argmax(1)  # (N,)
    found = overlap[np.arange(len(rows)), face] >= least_iou
    # The last row whose score reaches a threshold: scores need not fall, their best-from-here do.
    best_from_here = np.maximum.accumulate(rows[::-1, 4])[::-1]
    thresholds = 1 - np.arange(1, THRESHOLDS + 1) / THRESHOLDS
    reach = np.searchsorted(-best_from_here, -thresholds, side="right")  # (1000,) rows that count
    tallies = {}
    for level, counts in picture.counts.items():
        proposals = np.cumsum(~found | counts[face])
        first = np.zeros(len(rows), bool)
        hits = np.flatnonzero(found & counts[face])
        first[hits[np.unique(face[hits], return_index=True)[1]]] = True
        sums = np.stack([proposals, np.cumsum(first)], 1)
        tallies[level] = np.vstack([np.zeros((1, 2), np.int64), sums])[reach]
    return tallies


def _corners(rows: NDArray[np.float64]) -> NDArray[Any]:
    return np.column_stack([rows[:, :2], rows[:, :2] + rows[:, 2:4]])
