"""One pass over a video: what is looked at, at what size, and where the faces end up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Detections
from pipeline.errors import SetUpError
from pipeline.facts import DecodeAudit
from pipeline.scan import MAX_ENLARGEMENT, network_size, scan
from pipeline.settings import ScanSettings
from pipeline.types import Frame, Image
from tests.helpers import make_info

SIZE = (320, 180)
NATIVE = ScanSettings(min_face=20, least_side=0)
"""With the fake detector: pictures at their own size."""


@dataclass
class FakePicture:
    pixels: Image
    asked: list[tuple[int, int]] = field(default_factory=list)

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        return self.pixels.shape[0]

    def luma(self) -> Image:
        return self.pixels

    def bgr(self, size: tuple[int, int] | None = None) -> Image:
        assert size is not None, "a full-size colour picture was made"
        self.asked.append(size)
        return cv2.cvtColor(cv2.resize(self.pixels, size), cv2.COLOR_GRAY2BGR)


class FakeVideo:
    def __init__(self, pictures: Sequence[Image], rate: int = 25) -> None:
        self.info = make_info(SIZE, rate)
        self.pictures = [FakePicture(picture) for picture in pictures]
        self.rate = rate

    def frames(self) -> Iterator[Frame]:
        for index, picture in enumerate(self.pictures):
            yield Frame(index, index * 1000 // self.rate, index / self.rate, picture)

    @property
    def audit(self) -> DecodeAudit:
        return DecodeAudit(len(self.pictures), 0, None, False, 0, 0, ("An old warning.",))


class WhiteSquares:
    """Takes white squares for faces: the first sure, the others less and less so."""

    name = "white-squares"
    runtime = "NumPy"
    smallest_face = 20.0

    def __init__(self) -> None:
        self.batches: list[list[tuple[int, ...]]] = []

    def __call__(self, images: Sequence[Image]) -> list[Detections]:
        self.batches.append([image.shape for image in images])
        return [self._faces(image) for image in images]

    def _faces(self, image: Image) -> Detections:
        white = (image[..., 0] > 200).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(white)
        if count == 1:
            return Detections.none()
        x, y, w, h = stats[1:, :4].T.astype(np.float32)
        boxes = np.column_stack([x, y, x + w, y + h])
        return Detections(boxes, np.linspace(0.9, 0.05, len(boxes)).astype(np.float32))


def picture(*squares: tuple[int, int, int], size: tuple[int, int] = SIZE) -> Image:
    """Draw squares (x, y, side) on grey."""
    pixels = np.full(size[::-1], 80, np.uint8)
    for x, y, side in squares:
        pixels[y : y + side, x : x + side] = 255
    return pixels


def test_faces_stand_where_they_are_in_the_full_picture():
    video = FakeVideo([picture((40, 60, 24)), picture(), picture((200, 100, 50), (10, 20, 30))])
    seen = scan(video, WhiteSquares(), NATIVE, 2)
    assert seen.frame.tolist() == [0, 2]
    assert seen.boxes[0] == pytest.approx([40, 60, 64, 84], abs=1)
    assert seen.boxes.dtype == np.float32
    assert seen.scores == pytest.approx([0.9, 0.9])
    assert seen.pts.tolist() == [0, 40, 80]
    assert seen.time == pytest.approx([0, 0.04, 0.08])
    assert seen.size.tolist() == [list(SIZE)] * 3
    assert seen.looked.all()


def test_low_scores_are_kept_down_to_the_floor():
    video = FakeVideo([picture((10, 10, 20), (100, 10, 20), (200, 10, 20))])
    kept = scan(video, WhiteSquares(), replace(NATIVE, score_floor=0.4), 1)
    assert kept.scores == pytest.approx([0.9, 0.475])
    assert len(scan(video, WhiteSquares(), replace(NATIVE, score_floor=0.01), 1).scores) == 3


@pytest.mark.parametrize("min_face", [12.0, 40.0, 100.0])
def test_boxes_do_not_depend_on_the_size_that_is_looked_at(min_face):
    video = FakeVideo([picture((80, 40, 80))])
    settings = ScanSettings(min_face=min_face, least_side=0)
    seen = scan(video, WhiteSquares(), settings, 1)
    assert video.pictures[0].asked == [network_size(SIZE, settings, 20)]
    assert seen.boxes[0] == pytest.approx([80, 40, 160, 120], abs=100 / 20)


def test_the_network_sees_the_smallest_face_at_its_smallest():
    def at(size: tuple[int, int], min_face: float, least_side: int = 0) -> tuple[int, int]:
        settings = ScanSettings(min_face=min_face, least_side=least_side)
        return network_size(size, settings, 20)

    assert at((1920, 1080), 40) == (960, 540)
    assert at((1920, 1080), 20) == (1920, 1080)
    assert at((640, 360), 8) == (1280, 720), "enlarged no more than twofold"
    assert at((2, 8000), 200) == (1, 800)
    assert at((480, 270), 40, least_side=640) == (640, 360), "small pictures are enlarged"
    assert at((240, 320), 40, least_side=640) == (480, 640)
    assert at((160, 120), 40, least_side=640) == (320, 240), "but no more than twofold"
    assert at((1920, 1080), 40, least_side=640) == (960, 540)


@pytest.mark.parametrize(("min_face", "warned"), [(9.0, True), (10.0, False), (24.0, False)])
def test_a_face_too_small_for_the_network_is_warned_of(min_face, warned):
    seen = scan(FakeVideo([picture()]), WhiteSquares(), ScanSettings(min_face=min_face), 1)
    assert seen.audit.warnings[0] == "An old warning."
    assert len(seen.audit.warnings) == 1 + warned
    if warned:
        smallest = 20 / MAX_ENLARGEMENT
        assert f"below {smallest:.0f} pixels" in seen.audit.warnings[1]


def test_pictures_are_looked_at_in_batches():
    detector = WhiteSquares()
    scan(FakeVideo([picture()] * 7), detector, NATIVE, 3)
    assert [len(batch) for batch in detector.batches] == [3, 3, 1]


def test_a_batch_holds_pictures_of_one_size():
    detector = WhiteSquares()
    wide, high = picture(), picture((30, 40, 24), size=SIZE[::-1])
    seen = scan(FakeVideo([wide, wide, high, high, high]), detector, NATIVE, 4)
    assert detector.batches == [[(180, 320, 3)] * 2, [(320, 180, 3)] * 3]
    assert seen.size.tolist() == [[320, 180]] * 2 + [[180, 320]] * 3
    assert seen.frame.tolist() == [2, 3, 4]
    assert seen.boxes[2] == pytest.approx([30, 40, 54, 64], abs=1)


def test_huge_pictures_do_not_pile_up(monkeypatch):
    monkeypatch.setattr("pipeline.scan.faces._MAX_PENDING_PIXELS", 2 * SIZE[0] * SIZE[1])
    detector = WhiteSquares()
    scan(FakeVideo([picture()] * 5), detector, NATIVE, 64)
    assert [len(batch) for batch in detector.batches] == [2, 2, 1]


@given(faces=st.lists(st.booleans(), max_size=12), batch=st.integers(1, 5))
def test_batches_change_nothing(faces, batch):
    pictures = [picture((8 * i, 10, 30)) if face else picture() for i, face in enumerate(faces)]
    together = scan(FakeVideo(pictures), WhiteSquares(), NATIVE, batch)
    alone = scan(FakeVideo(pictures), WhiteSquares(), NATIVE, 1)
    for name in ("frame", "boxes", "scores", "sharpness", "thumbnail", "cut_score", "looked"):
        np.testing.assert_array_equal(getattr(together, name), getattr(alone, name))
    assert together.frame.tolist() == np.flatnonzero(faces).tolist()


def test_frames_that_are_not_looked_at_have_rows_and_cut_scores():
    noise = np.random.default_rng(0).integers(0, 150, (2, 9, 16)).astype(np.uint8)
    first, second = (cv2.resize(n, SIZE, interpolation=cv2.INTER_NEAREST) for n in noise)
    video = FakeVideo([first] * 7 + [second] * 6)
    seen = scan(video, WhiteSquares(), replace(NATIVE, every="5"), 4)
    assert np.flatnonzero(seen.looked).tolist() == [0, 5, 10]
    assert [len(p.asked) for p in video.pictures] == seen.looked.astype(int).tolist()
    assert np.flatnonzero(seen.cut_score > 0.35).tolist() == [7]
    assert len(seen.time) == 13


def test_nonsense_for_every_is_an_error_before_anything_is_decoded():
    with pytest.raises(SetUpError, match="5, or a time such as"):
        scan(FakeVideo([picture()]), WhiteSquares(), replace(NATIVE, every="often"), 1)


def test_progress_is_told_frame_by_frame():
    told: list[tuple[int, float]] = []
    scan(FakeVideo([picture()] * 3), WhiteSquares(), NATIVE, 2, lambda *state: told.append(state))
    assert told == [(1, 0.0), (2, 0.04), (3, 0.08)]


def test_a_video_without_frames_is_zero_rows():
    seen = scan(FakeVideo([]), WhiteSquares(), NATIVE, 2)
    assert len(seen.pts) == len(seen.frame) == len(seen.cut_score) == 0
    assert seen.boxes.shape == (0, 4)
