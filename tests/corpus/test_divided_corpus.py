"""Whatever file is divided: its stretches see what one pass sees."""

from pathlib import Path

import pytest

from pipeline.decode import Indivisible, open_video, stretch
from pipeline.errors import VideoError
from pipeline.scan import scan, scan_divided
from pipeline.settings import DecodeSettings, ScanSettings
from pipeline.types import Scan
from tests.pipeline.test_divided import assert_same, team

LONG = ("long24h.mp4", "fps1000.mp4")
"""Minutes of decoding, and nothing special but their length."""


def test_stretches_see_what_one_pass_sees(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretch, "SHORTEST", 0.05)
    divided = []
    for path in sorted(corpus.rglob("*.*")):
        parts = None if path.name in LONG else in_stretches(path)
        if parts is not None:
            divided.append(path.name)
            assert_same(in_one_pass(path), parts)
    print(f"\nDivided: {', '.join(divided)}")
    assert divided


def in_stretches(path: Path) -> Scan | None:
    try:
        with open_video(path, DecodeSettings()) as video:
            return scan_divided(video, team(4), ScanSettings(), 4, lambda _: None)
    except (Indivisible, VideoError):
        return None


def in_one_pass(path: Path) -> Scan:
    with open_video(path, DecodeSettings()) as video:
        return scan(video, team(1), ScanSettings(), 4)
