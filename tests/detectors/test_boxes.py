import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detectors.boxes import LEAST_VOTE, Boxes, clip, iou, suppress, vote
from detectors.suppression import Suppression

HEIGHT, WIDTH = 300, 400


def quarters(low: int, high: int) -> st.SearchStrategy[float]:
    """Draw quarters of a pixel: fine enough to overlap in every way, and exact in float32."""
    return st.integers(4 * low, 4 * high).map(lambda value: value / 4)


@st.composite
def some_boxes(draw, most: int = 20) -> Boxes:
    """Draw boxes (N, 4) in and around the picture; some are empty."""
    count = draw(st.integers(0, most))
    corners = draw(arrays(np.float32, (count, 2), elements=quarters(-50, 400)))
    sides = draw(arrays(np.float32, (count, 2), elements=quarters(0, 200)))
    return np.concatenate([corners, corners + sides], axis=1)


@st.composite
def scored_boxes(draw):
    boxes = draw(some_boxes())
    scores = draw(arrays(np.float32, len(boxes), elements=st.floats(0, 1, width=32)))
    return boxes, scores


def plain_iou(a, b, extra: float) -> float:
    """The definition, box by box, in float64."""
    width = min(a[2], b[2]) - max(a[0], b[0]) + extra
    height = min(a[3], b[3]) - max(a[1], b[1]) + extra
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0] + extra) * (box[3] - box[1] + extra) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


@given(some_boxes(), some_boxes(), st.booleans())
def test_iou_is_its_definition(a, b, inclusive):
    overlap = iou(a, b, inclusive=inclusive)
    expected = [[plain_iou(p, q, inclusive) for q in b.astype(float)] for p in a.astype(float)]
    assert overlap.dtype == np.float32
    np.testing.assert_allclose(overlap, np.reshape(expected, overlap.shape), atol=1e-6)


@given(some_boxes(), some_boxes())
def test_iou_is_symmetric_and_bounded(a, b):
    overlap = iou(a, b)
    np.testing.assert_array_equal(overlap, iou(b, a).T)
    assert ((overlap >= 0) & (overlap <= 1 + 1e-5)).all()


def test_iou_of_a_box_with_itself_is_one_unless_it_is_empty():
    boxes = np.array([[3, 4, 10, 20], [5, 5, 5, 9]], np.float32)
    np.testing.assert_array_equal(np.diag(iou(boxes, boxes)), [1, 0])


@given(scored_boxes(), st.sampled_from([0.1, 0.3, 0.5, 1.0]), st.booleans())
def test_suppression_is_greedy(boxes_scores, limit, inclusive):
    """Kept boxes leave each other alone; each that went overlaps a better one that stayed."""
    boxes, scores = boxes_scores
    kept = suppress(boxes, scores, Suppression(iou=limit, inclusive=inclusive))
    removes = iou(boxes, boxes, inclusive=inclusive)
    removes = removes >= np.float32(limit) if inclusive else removes > np.float32(limit)
    place = np.empty(len(boxes), dtype=int)
    place[np.argsort(-scores, kind="stable")] = np.arange(len(boxes))
    assert (np.diff(place[kept]) > 0).all()
    assert not np.triu(removes[np.ix_(kept, kept)], 1).any()
    for gone in np.setdiff1d(np.arange(len(boxes)), kept):
        assert any(removes[gone, one] and place[one] < place[gone] for one in kept)


@given(scored_boxes())
def test_suppressing_twice_changes_nothing(boxes_scores):
    boxes, scores = boxes_scores
    kept = suppress(boxes, scores, Suppression())
    again = suppress(boxes[kept], scores[kept], Suppression())
    np.testing.assert_array_equal(again, np.arange(len(kept)))


@given(scored_boxes(), st.integers(0, 5))
def test_limits_keep_the_best(boxes_scores, limit):
    boxes, scores = boxes_scores
    every = suppress(boxes, scores, Suppression())
    np.testing.assert_array_equal(suppress(boxes, scores, Suppression(keep=limit)), every[:limit])
    few = suppress(boxes, scores, Suppression(candidates=limit))
    best = np.argsort(-scores, kind="stable")[:limit]
    assert set(few) <= set(best)


@pytest.mark.parametrize(
    ("inclusive", "left"), [(False, [0, 1]), (True, [0])], ids=["exclusive", "inclusive"]
)
def test_conventions_differ_at_just_the_limit(inclusive, left):
    """An overlap of exactly one half: ours keeps the box, the published form removes it."""
    width = 9 if inclusive else 10  # 10 pixels in either convention
    boxes = np.array([[0, 0, width, width], [0, 0, width, width - 5]], np.float32)
    rule = Suppression(iou=0.5, inclusive=inclusive)
    assert suppress(boxes, np.array([0.9, 0.8], np.float32), rule).tolist() == left


@given(scored_boxes())
def test_without_others_voting_is_suppression(boxes_scores):
    boxes, scores = boxes_scores
    kept = suppress(boxes, scores, Suppression())
    voted, sure = vote(boxes, scores, Suppression())
    np.testing.assert_allclose(np.sort(sure)[::-1], scores[kept], atol=2e-6)
    assert voted.shape == boxes[kept].shape


@given(scored_boxes(), st.sampled_from([0.5, 0.6, 0.9]), st.sampled_from([0.0, 0.05, 1.0]))
def test_votes_raise_scores_and_stay_among_the_boxes(boxes_scores, least, support):
    boxes, scores = boxes_scores
    rule = Suppression(iou=0.3, vote=least, support=support)
    kept = suppress(boxes, scores, rule)
    voted, sure = vote(boxes, scores, rule)
    assert voted.shape == (len(kept), 4)
    assert (np.diff(sure) <= 0).all()
    assert ((sure >= 0) & (sure <= 1)).all()
    assert (np.sort(sure)[::-1] - scores[kept] >= -2e-6).all()
    if len(boxes):
        assert (voted >= boxes.min(0) - 1e-2).all()
        assert (voted <= boxes.max(0) + 1e-2).all()


ONE_THAT_A_BETTER_ONE_REMOVED = (
    np.array([[0, 0, 67.75, 4.25], [18.75, 0, 65.75, 5.5], [0, 0, 40.25, 3.5]], np.float32),
    np.array([0.5, 0, 1], np.float32),
)
"""The first box is removed by the last, and votes in the second, which has no score."""


@example(ONE_THAT_A_BETTER_ONE_REMOVED, False)
@given(scored_boxes(), st.booleans())
def test_all_that_overlap_enough_vote(boxes_scores, inclusive):
    """As the definition says it, box by box, in float64."""
    boxes, scores = boxes_scores
    least, support = 0.5503, 0.1  # no overlap of quarters of pixels is just that
    rule = Suppression(iou=0.3, inclusive=inclusive, vote=least, support=support)
    found = np.column_stack(vote(boxes, scores, rule))
    for row in suppress(boxes, scores, rule):
        overlap = np.array([plain_iou(boxes[row], box, inclusive) for box in boxes.astype(float)])
        others = (overlap >= least) & (scores >= LEAST_VOTE)
        others[row] = False
        weight = others * scores.astype(float) ** 2
        weight[row] = max(float(scores[row]) ** 2, 1e-30)
        doubt = (1 - float(scores[row])) * ((1 - scores[others].astype(float)) ** support).prod()
        expected = [*(weight @ boxes / weight.sum()), 1 - doubt]
        assert np.isclose(found, expected, rtol=1e-4, atol=2e-3).all(1).any()


def test_voting_by_hand():
    """The second box moves the first by its squared score; the third, elsewhere, by nothing."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [50, 50, 60, 60]], np.float32)
    scores = np.array([0.8, 0.4, 0.6], np.float32)
    voted, sure = vote(boxes, scores, Suppression(iou=0.4, vote=0.6, support=0.5))
    bottom = (0.64 * 10 + 0.16 * 8) / 0.8
    np.testing.assert_allclose(voted, [[0, 0, 10, bottom], boxes[2]], rtol=1e-6)
    np.testing.assert_allclose(sure, [1 - 0.2 * 0.6**0.5, 0.6], rtol=1e-6)


@pytest.mark.parametrize(
    ("score", "box"),
    [(LEAST_VOTE / 2, [0, 0, 10, 8]), (0.4, [0, 0, 10, 5])],
    ids=["improbable", "too far off"],
)
def test_some_have_no_vote(score, box):
    boxes = np.array([[0, 0, 10, 10], box], np.float32)
    scores = np.array([0.8, score], np.float32)
    voted, sure = vote(boxes, scores, Suppression(iou=0.4, vote=0.6, support=0.5))
    np.testing.assert_allclose(voted, boxes[:1])
    np.testing.assert_allclose(sure, scores[:1], rtol=1e-6)


@given(some_boxes())
def test_clipped_boxes_lie_in_the_picture_and_keep_what_was_in_it(boxes):
    clipped = clip(boxes, HEIGHT, WIDTH)
    assert (clipped >= 0).all()
    assert (clipped <= [WIDTH, HEIGHT, WIDTH, HEIGHT]).all()
    assert (clipped[:, 2:] >= clipped[:, :2]).all()
    inside = (boxes >= 0).all(1) & (boxes <= [WIDTH, HEIGHT, WIDTH, HEIGHT]).all(1)
    np.testing.assert_array_equal(clipped[inside], boxes[inside])
