"""Files that are not what they should be are found before anyone sees them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import OutputError
from pipeline.render import render, verify
from tests.pipeline.render.scenes import BeepSource, frames_of, job_of

CROP, VIDEO = "track_0001/best.jpg", "annotated.mp4"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def strip(path: Path) -> None:
    path.write_bytes(cv2.imencode(".jpg", np.zeros((9, 9, 3), np.uint8))[1].tobytes())


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        (CROP, Path.unlink, "No such file"),
        (CROP, lambda path: path.write_bytes(b""), "cannot be read back"),
        (CROP, lambda path: path.write_bytes(bytes(900)), "cannot be read back"),
        (CROP, strip, "no record"),
        (VIDEO, Path.unlink, "cannot be read back"),
        (VIDEO, cut, "frames|cannot be read back"),
        (VIDEO, lambda path: path.write_bytes(b""), "cannot be read back"),
        ("track_0001/clip.mp4", cut, "frames|cannot be read back"),
    ],
)
def test_a_spoilt_file_is_named(
    name: str, spoil: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    job = job_of((0, 5))
    result = render(frames_of(job), job, tmp_path)
    verify(tmp_path, result)
    spoil(tmp_path / name)
    with pytest.raises(OutputError, match=message) as error:
        verify(tmp_path, result)
    assert name in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"frames": 7}, "frames"), ({"seconds": 1.0}, "lasts"), ({"sound": True}, "sound")],
)
def test_a_video_that_is_not_as_meant_is_named(
    changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    job = job_of((0, 5), settings={"video": "annotated"})
    result = render(frames_of(job), job, tmp_path)
    meant = replace(result, videos=(replace(result.videos[0], **changes),))
    with pytest.raises(OutputError, match=message):
        verify(tmp_path, meant)


def test_sound_is_seen(tmp_path: Path) -> None:
    job = job_of((0, 5), settings={"video": "annotated"})
    result = render(frames_of(job), job, tmp_path, BeepSource(seconds=1))
    assert result.videos[0].sound
    verify(tmp_path, result)
