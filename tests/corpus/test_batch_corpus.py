"""The whole program over the whole corpus: it ends by itself, and says what became of each file."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.manifest import Manifest
from pipeline.names import decoded
from tests.corpus.test_decode_corpus import CHOSEN_FRAMES, PARTIAL, rows

pytestmark = [pytest.mark.shared, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
LONG = "long24h.mp4"  # is decoded by the tests beside these; rendering it takes half an hour


@pytest.fixture(scope="module")
def batch(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the record of one run, with the output folder and what was printed."""
    out = tmp_path_factory.mktemp("batch") / "out"
    command = [sys.executable, ROOT / "start.py", corpus, "-o", out, "--exclude", LONG]
    done = subprocess.run([*command, "--jobs", "2"], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    record = json.loads(next((out / "runs").glob("*.json")).read_text())
    return {**record, "out": out, "printed": done.stdout}


def test_every_file_ends_with_a_status_and_every_failure_with_a_reason(
    batch: dict[str, Any],
) -> None:
    assert batch["left"] == 0
    assert batch["ended"] == "whole"
    for video in batch["videos"]:
        if video["status"] not in ("done", "empty", "duplicate"):
            assert video["reason"], video
        assert not video["reason"].startswith("unexpected"), video
    assert not {"crashed", "timeout"} & {video["status"] for video in batch["videos"]}


def test_every_row_has_the_status_and_the_frames_that_it_should(
    corpus: Path, batch: dict[str, Any]
) -> None:
    videos = {decoded(video["name"]): video for video in batch["videos"]}
    for name, expected, *_ in rows(corpus):
        if name == LONG:
            continue
        video = videos[name]
        if video["status"] == "duplicate":
            continue  # its original has a row of its own
        if expected == "-" or (expected == "?" and name not in CHOSEN_FRAMES):
            assert video["status"] in ("skipped", "refused", "failed", "limit"), video
        else:
            assert video["status"] == ("partial" if name in PARTIAL else "empty"), video
            allowed = CHOSEN_FRAMES.get(name) or [int(expected)]
            assert video["frames"] in allowed, video


def test_every_visible_result_is_as_its_manifest_says(batch: dict[str, Any]) -> None:
    for file in batch["out"].rglob("video.json"):
        for name, output in Manifest.read(file.parent).outputs.items():
            assert (file.parent / name).stat().st_size == output.size


def test_nothing_was_made_beside_the_results(corpus: Path, batch: dict[str, Any]) -> None:
    assert not list(corpus.rglob("pwned*"))
    assert list((batch["out"] / ".facepics" / "staging").iterdir()) == []
