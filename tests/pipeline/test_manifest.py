"""The manifest survives the way to disk and back, and nothing else does."""

import json
from fractions import Fraction

import pytest

from pipeline.facts import DecodeAudit, Status, VideoInfo
from pipeline.manifest import BrokenManifest, Counts, Manifest, Output

INFO = VideoInfo(
    width=1280,
    height=720,
    frame_rate=Fraction(30000, 1001),
    time_base=Fraction(1, 90000),
    duration=12.5,
    container="mov",
    codec="h264",
    pixel_format="yuv420p",
    rotation=90,
    mirrored=False,
    transfer="sdr",
    stream=0,
    video_streams=1,
    has_audio=True,
)
MANIFEST = Manifest(
    name="holiday/day-\udcff.mp4",
    size=123,
    sha256="00ff",
    status=Status.PARTIAL,
    keys={"scan": "1"},
    settings={"link": {"max_gap": 0.5}},
    weights={"name": "faceboxes", "sha256": "aa"},
    program="0.1.0",
    video=INFO,
    audit=DecodeAudit(10, 1, None, True, 0, 0, ("cut off",)),
    counts=Counts(10, 5, 2, 3, 1),
    warnings=("cut off",),
    outputs={"annotated.mp4": Output(12, "bb")},
)


def test_round_trip() -> None:
    text = MANIFEST.to_json()
    assert Manifest.from_json(text) == MANIFEST
    assert Manifest.from_json(text).to_json() == text
    assert "day-%FF" in text


def test_without_a_video() -> None:
    manifest = Manifest("a", 0, "00", Status.FAILED, phase="open", reason="broken")
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_torn_anywhere_is_not_whole() -> None:
    text = MANIFEST.to_json()
    for end in range(len(text) - 2):
        with pytest.raises(BrokenManifest):
            Manifest.from_json(text[:end])


def test_any_changed_byte_is_noticed_or_harmless() -> None:
    whole = MANIFEST.to_json().encode()
    for place in range(len(whole)):
        try:
            changed = Manifest.from_json(whole[:place] + b"\xff" + whole[place + 1 :])
        except BrokenManifest:
            continue
        assert isinstance(changed.keys, dict)


def test_tables_are_tables() -> None:
    for table in ("keys", "settings", "weights", "outputs", "counts"):
        data = json.loads(MANIFEST.to_json())
        data[table] = None
        with pytest.raises(BrokenManifest):
            Manifest.from_json(json.dumps(data))


@pytest.mark.parametrize("text", ["[]", "null", "3", "{}", '{"schema": 1}', '{"schema": 999}'])
def test_anything_else_is_no_manifest(text: str) -> None:
    with pytest.raises(BrokenManifest):
        Manifest.from_json(text)


def test_unknown_fields_are_no_manifest_of_this_schema() -> None:
    data = json.loads(MANIFEST.to_json())
    data["surprise"] = 1
    with pytest.raises(BrokenManifest):
        Manifest.from_json(json.dumps(data))
