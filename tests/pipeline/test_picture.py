"""Pictures: upright however they were stored, and with square pixels."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.video.stream import VideoStream

from pipeline.decode.picture import square_size
from pipeline.types import Image
from tests.pipeline.video_files import bgr_frame, opened, write_video

WIDTH, HEIGHT = 96, 64

# Display matrices a, b, c, d (x' = a x + c y, y' = b x + d y), what they are called, and what
# they do to an array.
ORIENTATIONS: list[tuple[tuple[int, int, int, int], int, bool, Any]] = [
    ((1, 0, 0, 1), 0, False, lambda it: it),
    ((0, 1, -1, 0), 90, False, lambda it: np.rot90(it, -1)),
    ((-1, 0, 0, -1), 180, False, lambda it: np.rot90(it, 2)),
    ((0, -1, 1, 0), 270, False, lambda it: np.rot90(it, 1)),
    ((-1, 0, 0, 1), 0, True, np.fliplr),
    ((1, 0, 0, -1), 180, True, np.flipud),
    ((0, 1, 1, 0), 90, True, lambda it: it.swapaxes(0, 1)),
    ((0, -1, -1, 0), 270, True, lambda it: np.rot90(it, 2).swapaxes(0, 1)),
]


def stored_picture() -> Image:
    """Return grey with a red top left corner."""
    picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    picture[: HEIGHT // 2, : WIDTH // 2] = (0, 0, 255)
    return picture


def write_turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    a, b, c, d = (value << 16 for value in matrix)

    def turn(stream: VideoStream) -> None:
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])

    return write_video(path, [bgr_frame(stored_picture())] * 3, prepare=turn)


@pytest.mark.parametrize(("matrix", "rotation", "mirrored", "upright"), ORIENTATIONS)
def test_pictures_are_upright(
    tmp_path: Path, matrix: tuple[int, int, int, int], rotation: int, mirrored: bool, upright: Any
) -> None:
    expected = upright(stored_picture())
    with opened(write_turned(tmp_path / "a.mp4", matrix)) as video:
        assert (video.info.rotation, video.info.mirrored) == (rotation, mirrored)
        assert (video.info.height, video.info.width) == expected.shape[:2]
        picture = next(iter(video.frames())).picture
        half = picture.bgr((expected.shape[1] // 2, expected.shape[0] // 2))
        np.testing.assert_allclose(red(picture.bgr()), red(expected))
        np.testing.assert_allclose(red(half), red(expected)[::2, ::2])
        part = picture.part((10, 20, 31, 45))
        if rotation or mirrored:
            assert part is None
        else:
            np.testing.assert_array_equal(part, picture.bgr()[20:45, 10:31])
        dark = picture.luma() < 100  # red has less luma than the grey
        np.testing.assert_allclose(dark, red(expected))
        held = picture.yuv()
        np.testing.assert_allclose(held.y < 100, red(expected))
        np.testing.assert_allclose(held.v > 180, red(expected)[::2, ::2])


def red(picture: Image) -> Image:
    """Return where a picture is red."""
    return np.asarray((picture[..., 2] > 190) & (picture[..., 0] < 90), np.uint8)


def test_a_slanted_matrix_is_taken_to_the_nearest_quarter_turn(tmp_path: Path) -> None:
    def slant(stream: VideoStream) -> None:
        stream.set_display_matrix([9000, 64000, 0, -64000, 9000, 0, 0, 0, 1 << 30])

    path = write_video(tmp_path / "a.mp4", [bgr_frame(stored_picture())], prepare=slant)
    with opened(path) as video:
        assert (video.info.rotation, video.info.mirrored) == (90, False)


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        (None, (96, 64)),
        (Fraction(1), (96, 64)),
        (Fraction(2), (192, 64)),
        (Fraction(16, 11), (140, 64)),
        (Fraction(1, 2), (96, 128)),
        (Fraction(65535), (96, 64)),
        (Fraction(1, 65535), (96, 64)),
    ],
)
def test_pixels_become_square(aspect: Fraction | None, size: tuple[int, int]) -> None:
    assert square_size(96, 64, aspect) == size


@pytest.mark.parametrize("turned", [False, True])
def test_oblong_pixels_are_widened_before_the_turn(tmp_path: Path, turned: bool) -> None:
    def stretch(stream: VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(2)
        if turned:
            stream.set_display_matrix([0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30])

    path = write_video(tmp_path / "a.mp4", [bgr_frame(stored_picture())] * 3, prepare=stretch)
    size = (HEIGHT, 2 * WIDTH) if turned else (2 * WIDTH, HEIGHT)
    with opened(path) as video:
        assert (video.info.width, video.info.height) == size
        picture = next(iter(video.frames())).picture
        assert picture.bgr().shape[1::-1] == size
        assert picture.luma().shape[::-1] == size
        assert red(picture.bgr()).mean() == pytest.approx(0.25, abs=0.01)
