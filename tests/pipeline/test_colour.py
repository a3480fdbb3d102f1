"""Colours: by the mark of the video, with HDR brought to SDR."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from pipeline.decode.colour import Converter, planes_of, transfer
from pipeline.decode.hdr import to_sdr

BT601, BT709, BT2020, YCGCO = 5, 1, 9, 8
LIMITED, FULL = 1, 2
PQ, HLG, SDR = 16, 18, 1

# Pure red as limited-range YUV by either matrix (ITU-R BT.601 and BT.709)
RED_601, RED_709 = (81, 90, 240), (63, 102, 240)


def flat(
    samples: Sequence[int],
    size: tuple[int, int] = (64, 48),
    pixels: str = "yuv420p",
    matrix: int = 2,
    levels: int = LIMITED,
    curve: int = SDR,
) -> VideoFrame:
    """Return a frame with the same sample in each place of a plane."""
    frame = VideoFrame(*size, pixels)
    kind = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
    for plane, sample in zip(frame.planes, samples, strict=True):
        count = plane.buffer_size // np.dtype(kind).itemsize
        plane.update(np.full(count, sample, kind).tobytes())
    frame.colorspace, frame.color_range, frame.color_trc = matrix, levels, curve
    return frame


def colour(frame: VideoFrame, size: tuple[int, int] | None = None) -> list[int]:
    picture = Converter().bgr(frame, size or (frame.width, frame.height))
    assert picture.dtype == np.uint8
    return [int(value) for value in picture[picture.shape[0] // 2, picture.shape[1] // 2]]


@pytest.mark.parametrize(
    ("size", "pixels", "matrix", "levels"),
    [
        ((1920, 1080), "yuv420p", BT709, LIMITED),
        ((1280, 720), "yuv420p", 2, LIMITED),  # unmarked: by the size of the whole
        ((853, 480), "yuv420p", BT2020, LIMITED),
        ((641, 362), "yuvj420p", 2, FULL),
    ],
)
def test_a_part_is_that_of_the_whole(
    size: tuple[int, int], pixels: str, matrix: int, levels: int
) -> None:
    random = np.random.default_rng(1)
    frame = VideoFrame(*size, pixels)
    for plane in planes_of(frame).planes:
        plane[:] = random.integers(0, 256, plane.shape, np.uint8)
    frame.colorspace, frame.color_range = matrix, levels
    whole = Converter().bgr(frame, size)
    for _ in range(50):
        left, right = np.sort(random.choice(size[0] + 1, 2, replace=False)).tolist()
        top, bottom = np.sort(random.choice(size[1] + 1, 2, replace=False)).tolist()
        part = Converter().bgr_part(frame, (left, top, right, bottom))
        np.testing.assert_array_equal(part, whole[top:bottom, left:right])


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (flat((81, 90, 240), (64, 49)), "its last row is alone"),
        (flat((81, 90, 240), pixels="yuv422p"), "another kind"),
        (flat((81, 90, 240), curve=PQ), "HDR"),
    ],
)
def test_where_a_part_looks_otherwise_alone_there_is_none(frame: VideoFrame, why: str) -> None:
    assert Converter().bgr_part(frame, (0, 0, 16, 16)) is None, why


@pytest.mark.parametrize(
    ("yuv", "matrix", "size"),
    [
        (RED_601, BT601, (64, 48)),
        (RED_601, BT601, (1280, 720)),
        (RED_709, BT709, (64, 48)),
        (RED_601, 2, (720, 576)),  # unmarked
        (RED_709, 2, (1280, 720)),
        (RED_601, 3, (64, 48)),  # reserved
        (RED_601, YCGCO, (64, 48)),  # not known to the scaler: better than nothing
    ],
)
def test_red_is_red(yuv: tuple[int, int, int], matrix: int, size: tuple[int, int]) -> None:
    assert colour(flat(yuv, size, matrix=matrix)) == pytest.approx([0, 0, 255], abs=3)
    assert colour(flat(yuv, size, matrix=matrix), (32, 24)) == pytest.approx([0, 0, 255], abs=3)


@pytest.mark.parametrize(("levels", "black", "white"), [(LIMITED, 16, 235), (FULL, 0, 255)])
def test_the_range_is_the_marked_one(levels: int, black: int, white: int) -> None:
    assert colour(flat((black, 128, 128), levels=levels)) == pytest.approx([0] * 3, abs=1)
    assert colour(flat((white, 128, 128), levels=levels)) == pytest.approx([255] * 3, abs=1)


def test_scaling_down_averages() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, ::2] = 255
    frame = VideoFrame.from_ndarray(picture, format="bgr24")
    np.testing.assert_allclose(Converter().bgr(frame, (8, 8))[:, 1:-1], 127, atol=4)


@pytest.mark.parametrize(
    ("alpha", "red"), [(255, 200), (128, 100), (0, 0)], ids=["opaque", "half", "clear"]
)
def test_transparent_parts_are_before_black(alpha: int, red: int) -> None:
    picture = np.full((48, 64, 4), (0, 0, 200, alpha), np.uint8)
    frame = VideoFrame.from_ndarray(picture, format="bgra")
    assert colour(frame) == pytest.approx([0, 0, red], abs=1)


@pytest.mark.parametrize(
    ("pixels", "samples"),
    [
        ("yuv420p", (100, 128, 128)),
        ("yuvj420p", (100, 128, 128)),
        ("nv12", (100, 128)),
        ("gray", (100,)),
        ("yuv420p10le", (400, 512, 512)),
        ("yuv444p12le", (1600, 2048, 2048)),
        ("gray16le", (25600,)),
    ],
)
def test_luma_is_the_stored_one(pixels: str, samples: tuple[int, ...]) -> None:
    luma = Converter().luma(flat(samples, pixels=pixels))
    assert luma.shape == (48, 64)
    assert luma.dtype == np.uint8
    assert (luma == 100).all()


def test_luma_of_8_bit_video_is_no_copy() -> None:
    frame = flat((100, 128, 128))
    luma = Converter().luma(frame)
    frame.planes[0].update(bytes([7]) * frame.planes[0].buffer_size)
    assert (luma == 7).all()


@pytest.mark.parametrize("pixels", ["bgr24", "bgra", "gbrp", "p010le", "yuyv422", "monow", "pal8"])
def test_luma_of_other_formats_is_made(pixels: str) -> None:
    grey = VideoFrame.from_ndarray(np.full((48, 64, 3), 200, np.uint8), format="bgr24")
    luma = Converter().luma(grey.reformat(format=pixels) if pixels != "pal8" else palette())
    assert luma.shape == (48, 64)
    assert 150 < luma.mean() < 256


def palette() -> VideoFrame:
    """Return a light frame with a palette."""
    colours = np.zeros((256, 4), np.uint8)
    colours[1] = (255, 200, 200, 200)
    indices = np.ones((48, 64), np.uint8)
    return VideoFrame.from_ndarray((indices, colours), format="pal8")  # type: ignore[arg-type]


# --- HDR ------------------------------------------------------------------------------------


def pq(nits: float) -> float:
    """PQ's inverse EOTF, from SMPTE ST 2084."""
    power = (nits / 10000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def hlg(nits: float) -> float:
    """Grey of so much light as an HLG signal, from BT.2100 with a display of 1000 cd/m2."""
    scene = (nits / 1000) ** (1 / 1.2)
    if scene <= 1 / 12:
        return float(np.sqrt(3 * scene))
    return float(0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073)


def sdr(nits: float) -> float:
    """The 8-bit signal of that light on an SDR display with white at 203 cd/m2."""
    return float(255 * (nits / 203) ** (1 / 2.4))


CURVES = [(PQ, "pq", pq), (HLG, "hlg", hlg)]


@pytest.mark.parametrize(("curve", "name", "signal"), CURVES)
@pytest.mark.parametrize("nits", [0.5, 5, 20, 50, 90])
def test_hdr_light_stays_the_same_light(curve, name, signal, nits) -> None:  # type: ignore[no-untyped-def]
    code = round(64 + 876 * signal(nits))
    frame = flat((code, 512, 512), pixels="yuv420p10le", matrix=BT2020, curve=curve)
    assert transfer(frame) == name
    assert colour(frame) == pytest.approx([sdr(nits)] * 3, abs=3)
    assert colour(frame, (32, 24)) == pytest.approx([sdr(nits)] * 3, abs=3)


@pytest.mark.parametrize(("curve", "name", "signal"), CURVES)
def test_hdr_highlights_are_rolled_off(curve, name, signal) -> None:  # type: ignore[no-untyped-def]
    lights = [90, 150, 203, 300, 500, 1000]
    codes = np.array([signal(nits) * 65535 for nits in lights]).round().astype(np.uint16)
    greys = to_sdr(np.repeat(codes[None, :, None], 3, axis=2), name)[0, :, 1].astype(int)
    assert (np.diff(greys) > 0).all()
    assert 220 < greys[2] < 240  # white paper is not burnt out
    assert greys[-1] == 255


def test_hdr_red_becomes_the_red_of_bt709() -> None:
    """BT.709 red of 50 cd/m2, written in BT.2020 (BT.2087), comes back as it was."""
    light = np.array([0.6274, 0.0691, 0.0164]) * 50
    codes = np.array([[[round(65535 * pq(value)) for value in light]]], np.uint16)
    assert to_sdr(codes, "pq")[0, 0].tolist() == pytest.approx([0, 0, sdr(50)], abs=6)


def test_hdr_hue_survives_the_roll_off() -> None:
    skin = np.array([0.9, 0.6, 0.45])
    codes = [[[round(65535 * pq(nits * part)) for part in skin]] for nits in (50, 400)]
    dim, bright = to_sdr(np.array(codes, np.uint16), "pq")[:, 0].astype(np.float32) / 255
    linear = np.stack([dim, bright]) ** 2.4
    ratios = linear / linear[:, 2:]
    np.testing.assert_allclose(ratios[0], ratios[1], atol=0.03)


def test_hdr_rows_do_not_depend_on_the_band_they_are_in() -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 65536, (300, 5, 3), np.uint16)
    whole = to_sdr(codes, "hlg")
    np.testing.assert_array_equal(whole[140:141], to_sdr(codes[140:141], "hlg"))
    assert whole.shape == codes.shape


@pytest.mark.parametrize(("curve", "name", "signal"), CURVES)
def test_hdr_luma_is_that_of_the_sdr_picture(curve, name, signal) -> None:  # type: ignore[no-untyped-def]
    code = round(64 + 876 * signal(60))
    frame = flat((code, 512, 512), pixels="yuv420p10le", matrix=BT2020, curve=curve)
    grey = cv2.cvtColor(Converter().bgr(frame, (64, 48)), cv2.COLOR_BGR2GRAY)
    np.testing.assert_allclose(Converter().luma(frame), grey, atol=4)


SLOPE = np.add.outer(np.arange(50), 2 * np.arange(71))  # (50, 71)


def sloping(pixels: str, matrix: int, levels: int, curve: int) -> VideoFrame:
    """Return a frame of colours that change slowly, 71 x 50, in any format."""
    image = np.stack([255 - SLOPE, SLOPE, 40 + SLOPE // 2], axis=2).clip(0, 255).astype(np.uint8)
    frame = VideoReformatter().reformat(
        VideoFrame.from_ndarray(image, format="bgr24"),
        format=pixels,
        dst_colorspace=matrix,
        dst_color_range=levels,
    )
    frame.colorspace, frame.color_range, frame.color_trc = matrix, levels, curve
    return frame


@pytest.mark.parametrize("size", [(71, 50), (36, 26)])
@pytest.mark.parametrize(
    ("pixels", "matrix", "levels", "curve"),
    [
        ("yuv420p", BT709, LIMITED, SDR),
        ("yuv420p", BT601, LIMITED, SDR),
        ("yuv420p", BT709, FULL, SDR),
        ("yuvj420p", BT601, FULL, SDR),
        ("yuv422p10le", BT709, LIMITED, SDR),
        ("nv12", BT709, LIMITED, SDR),
        ("gray", BT709, FULL, SDR),
        ("bgr24", 2, 0, SDR),
        ("bgra", 2, 0, SDR),
        ("yuv420p10le", BT2020, LIMITED, PQ),
        ("yuv420p10le", BT2020, LIMITED, HLG),
    ],
)
def test_a_video_holds_the_colours_that_a_crop_shows(
    pixels: str, matrix: int, levels: int, curve: int, size: tuple[int, int]
) -> None:
    frame = sloping(pixels, matrix, levels, curve)
    crop, planes = Converter().bgr(frame, size), Converter().yuv(frame, size)
    assert [plane.shape for plane in planes.planes] == [
        size[::-1],
        *[(-(-size[1] // 2), -(-size[0] // 2))] * 2,
    ]
    held = VideoFrame(*size, "yuv420p")
    for place, plane in zip(planes_of(held).planes, planes.planes, strict=True):
        place[:] = plane
    held.colorspace, held.color_range = BT709, LIMITED
    shown = Converter().bgr(held, size).astype(int)
    assert np.abs(shown - crop).mean() < 3  # of colour, a quarter of the samples is left


def test_what_is_as_videos_hold_it_is_not_copied() -> None:
    frame = flat(RED_709, matrix=BT709)
    for plane, own in zip(Converter().yuv(frame, (64, 48)).planes, frame.planes, strict=True):
        assert np.shares_memory(plane, np.frombuffer(memoryview(own), np.uint8))
