"""A video that goes over a limit is given up with the reason, and the others are not."""

import json
from pathlib import Path

import pytest

from tests.faults.program import assert_whole, run, tree

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--max-frames", "9"), "more than 9 frames"),
        (("--max-duration", "0.37s"), "longer than 0.37s"),
        (("--max-megapixels", "0.0575"), "too large"),
        (("--max-output", "0.00002"), "--max-output"),
    ],
)
def test_it_ends_as_limit_and_what_keeps_the_limit_is_done(
    archive: Path, tmp_path: Path, options: tuple[str, str], reason: str
) -> None:
    out = tmp_path / "out"
    assert run(archive, out, *options).returncode == 3
    record = json.loads(next((out / "runs").glob("*.json")).read_text())
    statuses = {video["name"]: video["status"] for video in record["videos"]}
    over = [video for video in record["videos"] if video["status"] == "limit"]
    assert over
    assert all(reason in video["reason"] for video in over), over
    assert statuses["broken.mp4"] == "failed"
    assert_whole(out)


def test_a_video_that_takes_too_long_is_given_up(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(archive, out, "--max-wall", "0.5s")
    record = json.loads(next((out / "runs").glob("*.json")).read_text())
    assert "timeout" in {video["status"] for video in record["videos"]}
    assert_whole(out)
    run(archive, out)  # what may have been an accident is tried once more
    assert not [name for name in tree(out) if name.endswith(".part")]
    record = json.loads(max((out / "runs").glob("*.json")).read_text())
    assert "timeout" not in {video["status"] for video in record["videos"]}
