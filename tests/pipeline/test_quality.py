"""The terms of a look's quality and its faults."""

import numpy as np
import pytest

from pipeline.link import link
from pipeline.quality import WEIGHTS, find_faults, measure_terms, overall
from pipeline.settings import LinkSettings, SelectSettings
from pipeline.types import QUALITY_TERMS, Reason, Scan, Tracks
from tests.helpers import make_scan

BOX = (100.0, 100, 180, 200)
TERMS = {name: place for place, name in enumerate(QUALITY_TERMS)}


def _one_face(box: tuple[float, ...] = BOX, score: float = 0.9, **columns: float) -> Scan:
    """Return a video of one frame with one face."""
    values = {name: np.array([value], np.float32) for name, value in columns.items()}
    return make_scan([(0, box, score)], 1, **values)


def _linked(scan: Scan) -> Tracks:
    return link(scan, LinkSettings(threshold=0.5))


def _terms(scan: Scan) -> dict[str, float]:
    terms = measure_terms(scan, _linked(scan))
    return dict(zip(QUALITY_TERMS, terms[0].tolist(), strict=True))


def _fault(scan: Scan) -> int:
    tracks = _linked(scan)
    return int(find_faults(tracks, measure_terms(scan, tracks), SelectSettings())[0])


def test_weights_are_those_of_the_terms_and_sum_to_one() -> None:
    assert set(WEIGHTS) == set(QUALITY_TERMS)
    assert sum(WEIGHTS.values()) == pytest.approx(1)


def test_size_counts_doublings() -> None:
    sizes = [_terms(_one_face((0, 0, side, side)))["size"] for side in (10, 20, 40, 80, 200, 400)]
    assert sizes[0] == pytest.approx(0, abs=1e-6)
    assert sizes[4:] == pytest.approx([1, 1])
    assert np.diff(sizes[:4]) == pytest.approx(np.log(2) / np.log(20), rel=1e-4)


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        (BOX, 1.0),
        ((300, 10, 400, 110), 1.0),
        ((0, 100, 100, 200), 1.05 / 1.1),  # ends at the edge
        ((-50, 100, 50, 200), 0.5),
        ((590, 430, 690, 530), 0.25),
        ((-200, 0, -100, 100), 0.0),
    ],
)
def test_inside_is_the_part_within_the_picture(box: tuple[float, ...], inside: float) -> None:
    assert _terms(_one_face(box))["inside"] == pytest.approx(inside, abs=1e-5)


@pytest.mark.parametrize(
    ("brightness", "contrast", "exposure"),
    [(0.5, 0.2, 1), (0.15, 0.1, 1), (0.02, 0.2, 0), (0.07, 0.2, 0.5), (0.93, 0.2, 0.5),
     (1.0, 0.2, 0), (0.5, 0.0, 0), (0.5, 0.045, 0.5)],
)  # fmt: skip
def test_exposure(brightness: float, contrast: float, exposure: float) -> None:
    terms = _terms(_one_face(brightness=brightness, contrast=contrast))
    assert terms["exposure"] == pytest.approx(exposure, abs=1e-5)


def test_sharpness_is_taken_as_it_is_and_scores_from_a_half_on() -> None:
    terms = _terms(_one_face(score=0.75, sharpness=0.25))
    assert (terms["score"], terms["sharpness"]) == pytest.approx((0.5, 0.25))
    assert _terms(_one_face(score=1))["score"] == 1


def test_quality_grows_with_every_term() -> None:
    middling = np.full((1, 5), 0.5, np.float32)
    assert overall(middling)[0] == pytest.approx(0.5)
    for place in range(5):
        better = middling.copy()
        better[0, place] = 0.6
        assert overall(better)[0] > overall(middling)[0]
        better[0, place] = 0
        assert overall(better)[0] == 0


@pytest.mark.parametrize(
    ("scan", "reason"),
    [
        (_one_face(), Reason.NONE),
        (_one_face((0, 0, 15, 15), sharpness=0.0), Reason.SMALL),
        (_one_face((-30, 0, 50, 80), sharpness=0.0), Reason.TRUNCATED),
        (_one_face(sharpness=0.05, brightness=0.0), Reason.BLURRED),
        (_one_face(brightness=0.0), Reason.EXPOSURE),
        (_one_face(contrast=0.0), Reason.EXPOSURE),
    ],
)
def test_the_gravest_fault_is_named(scan: Scan, reason: Reason) -> None:
    assert _fault(scan) == reason


def test_rescued_and_interpolated_boxes_are_at_fault() -> None:
    faces = [(k, BOX, 0.3 if k == 2 else 0.9) for k in range(6) if k != 4]
    scan = make_scan(faces, 6)
    tracks = _linked(scan)
    terms = measure_terms(scan, tracks)
    faults = find_faults(tracks, terms, SelectSettings())
    assert faults.tolist() == [0, 0, Reason.LOW_SCORE, 0, Reason.INTERPOLATED, 0]
    assert (terms[4] == 0).all()
    assert overall(terms)[4] == 0


def test_each_picture_has_its_own_edge() -> None:
    scan = make_scan([(k, BOX, 0.9) for k in range(4)], 4)
    scan.size[2:] = (170, 480)
    inside = measure_terms(scan, _linked(scan))[:, TERMS["inside"]]
    assert inside.tolist() == pytest.approx([1, 1, 74 / 88, 74 / 88], abs=1e-5)
