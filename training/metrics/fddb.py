"""FDDB: the discrete and the continuous ROC curve as its evaluation program computes them.

Faces are ellipses, detections rectangles; both are drawn as pixels on a canvas of the picture's
size, and overlaps count those pixels.

Reference:
    Jain & Learned-Miller, FDDB: A Benchmark for Face Detection in Unconstrained Settings, 2010,
    technical report UM-CS-2010-009.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from detectors import Detections
from training.errors import LabelError, TrainingError

LEAST_IOU: Final = 0.5  # more than this counts as found in the discrete curve

Ellipses = NDArray[np.float64]  # (M, 5) major and minor radius, angle, centre x, y
Rows = NDArray[np.float64]  # (N, 5) x, y, w, h, score
Size = tuple[int, int]  # width, height, px


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """Both curves at each distinct score of the set, the lowest first: (K,) each.

    Attributes:
        discrete: Share of the faces that are found.
        continuous: Sum of the overlaps of matched pairs, divided by the number of faces.
        false_positives: Detections that found no face, over all pictures.
        thresholds: The scores; the last is the largest float where a picture has no detection,
            as the official program writes it.
    """

    discrete: NDArray[np.float64]
    continuous: NDArray[np.float64]
    false_positives: NDArray[np.int64]
    thresholds: NDArray[np.float64]

    def at(self, false_positives: int) -> tuple[float, float]:
        """Read both rates off at the most detections with so many false positives at most."""
        allowed = np.flatnonzero(self.false_positives <= false_positives)
        if len(allowed) == 0:
            return 0.0, 0.0
        return float(self.discrete[allowed[0]]), float(self.continuous[allowed[0]])

    def write(self, folder: Path) -> None:
        """Write DiscROC.txt and ContROC.txt as the official program does."""
        columns = (self.discrete, self.continuous, self.false_positives, self.thresholds)
        rows = list(zip(*columns, strict=True))
        discrete = "".join(f"{d:.6g} {f} {t:.6g}\n" for d, _, f, t in rows)
        continuous = "".join(f"{c:.6g} {f}\n" for _, c, f, _ in rows)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "DiscROC.txt").write_text(discrete)
        (folder / "ContROC.txt").write_text(continuous)


def read_truth(folder: Path) -> dict[str, Ellipses]:
    """Read FDDB-fold-NN-ellipseList.txt, all that are there, in order: picture to its ellipses.

    Raises:
        TrainingError: There is none.
        LabelError: One is not in this form; the message names its line.
    """
    paths = sorted(folder.glob("FDDB-fold-*-ellipseList.txt"))
    if not paths:
        raise TrainingError(f"{folder}: no FDDB-fold-NN-ellipseList.txt here; give FDDB-folds")
    return {name: rows[:, :5] for path in paths for name, rows in _read_groups(path, 6)}


def read_predictions(path: Path) -> dict[str, Rows]:
    """Read detections: picture, count, then x y w h score, for one picture after the other."""
    return dict(_read_groups(path, 5))


def _read_groups(path: Path, columns: int) -> Iterator[tuple[str, NDArray[np.float64]]]:
    lines = path.read_text("utf-8").splitlines()
    place = 0
    while place < len(lines):
        if not lines[place].strip():
            place += 1
            continue
        name, first = lines[place].strip(), place + 2
        try:
            count = int(lines[place + 1])
        except (IndexError, ValueError) as error:
            raise LabelError(path, f"line {place + 2}", "is not a number of rows") from error
        place = first + count
        rows = [_numbers(path, n, lines, columns) for n in range(first, place)]
        yield name, np.array(rows, np.float64).reshape(-1, columns)


def _numbers(path: Path, place: int, lines: Sequence[str], columns: int) -> list[float]:
    try:
        numbers = [float(word) for word in lines[place].split()]
    except (IndexError, ValueError):
        numbers = []
    if len(numbers) != columns:
        raise LabelError(path, f"line {place + 1}", f"is not a row of {columns} numbers")
    return numbers


def write_predictions(path: Path, found: Iterable[tuple[str, Detections]]) -> None:
    """Write the detections of all pictures in the order of the folds, in the official layout."""
    lines = []
    for name, faces in found:
        lines += [name, str(len(faces))]
        for (x1, y1, x2, y2), score in zip(faces.boxes.tolist(), faces.scores, strict=True):
            lines.append(f"{x1:.2f} {y1:.2f} {x2 - x1:.2f} {y2 - y1:.2f} {score:.7f}")
    path.write_text("\n".join(lines) + "\n", "utf-8")


def read_sizes(path: Path) -> dict[str, Size]:
    """Read `PICTURE width height`, a line a picture: all that is needed of the pictures."""
    sizes = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            name, width, height = line.split()
            sizes[name] = (int(width), int(height))
        except ValueError as error:
            raise LabelError(
                path, f"line {number}", "is not a picture, width and height"
            ) from error
    return sizes


def evaluate(
    truth: Mapping[str, Ellipses], predictions: Mapping[str, Rows], sizes: Mapping[str, Size]
) -> Roc:
    """Match the detections of every picture at every score, and add the pictures up.

    Raises:
        TrainingError: The size of a picture is not known.
    """
    unknown = truth.keys() - sizes.keys()
    if unknown:
        raise TrainingError(f"the size of {min(unknown)} is not known; give all pictures or sizes")
    none = np.zeros((0, 5))
    tables = [
        _match_at_all(overlaps(ellipses, rows, sizes[name]), rows[:, 4])
        for name, ellipses in truth.items()
        for rows in [predictions.get(name, none)]
    ]
    faces = sum(map(len, truth.values()))
    any_empty = any(len(scores) == 0 for scores, _ in tables)
    return _add_up(tables, faces, any_empty)


def overlaps(ellipses: Ellipses, rows: Rows, size: Size) -> NDArray[np.float64]:
    """Return the IoU in pixels of each ellipse (M, 5) and each rectangle (N, 5): (M, N)."""
    limit = np.array([*size, *size])
    corners = np.rint(np.column_stack([rows[:, :2], rows[:, :2] + rows[:, 2:4]]))
    corners[:, 2:] += 1  # the last pixel belongs to it
    x1, y1, x2, y2 = corners.clip(0, limit).astype(int).T
    areas = (x2 - x1) * (y2 - y1)  # (N,)
    result = np.zeros((len(ellipses), len(rows)))
    for index, ellipse in enumerate(ellipses):
        sums = cv2.integral(draw(ellipse, size))  # (H + 1, W + 1)
        shared = sums[y2, x2] - sums[y1, x2] - sums[y2, x1] + sums[y1, x1]
        covered = sums[-1, -1] + areas - shared
        result[index] = np.divide(shared, covered, where=covered > 0, out=np.zeros(len(rows)))
    return result


def draw(ellipse: NDArray[np.float64], size: Size) -> NDArray[np.uint8]:
    """Draw a filled ellipse as ones (H, W), with the official program's way of rounding."""
    major, minor, angle, *centre = ellipse.tolist()
    middle = [int(np.rint(np.float32(value))) for value in centre]
    canvas = np.zeros(size[::-1], np.uint8)
    degrees = angle * 180 / np.pi
    cv2.ellipse(canvas, middle, (int(major), int(minor)), degrees, 0, 360, 1, -1)
    return canvas


Table = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Distinct scores (K,) ascending, and what is so at each: found, overlap, kept (K, 3)."""


def _match_at_all(overlap: NDArray[np.float64], scores: NDArray[np.float64]) -> Table:
    """Match one picture anew at each of its own scores."""
    levels = np.unique(scores)
    rows = np.zeros((len(levels), 3))
    for place, level in enumerate(levels):
        kept = overlap[:, scores >= level]
        pairs = kept[linear_sum_assignment(kept, maximize=True)]
        rows[place] = (pairs > LEAST_IOU).sum(), pairs.sum(), kept.shape[1]
    return levels, rows


def _add_up(tables: Sequence[Table], faces: int, any_empty: bool) -> Roc:
    """Sum over pictures: at a threshold, each gives its row of the lowest own score from there."""
    nothing = np.zeros((1, 3))
    scores = np.concatenate([levels for levels, _ in tables])
    changes = np.concatenate([np.diff(rows, axis=0, append=nothing) for _, rows in tables])
    everything = sum((rows[0] for _, rows in tables if len(rows)), np.zeros(3))
    order = np.argsort(scores, kind="stable")
    thresholds = np.unique(scores)
    passed = np.searchsorted(scores[order], thresholds)  # scores below each threshold
    sums = np.vstack([nothing, changes[order].cumsum(0)])[passed] + everything
    if any_empty:
        thresholds, sums = np.append(thresholds, sys.float_info.max), np.vstack([sums, nothing])
    found, overlap, kept = sums.T
    false = np.rint(kept - found).astype(np.int64)
    return Roc(found / faces, overlap / faces, false, thresholds)
