"""How whole runs are timed."""

import sys
import time
from pathlib import Path

import pytest

from benchmarks.batch import until_first_frame
from benchmarks.growth import Point, slope
from benchmarks.results import growth_table, speed_table
from benchmarks.speed import ROOT, time_in_turns, time_once


def test_a_program_is_measured_with_what_it_starts() -> None:
    work = "sum(range(10**7))"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{work}'])"
    cpu, wall, memory = time_once([sys.executable, "-c", child])
    assert cpu > 0.05
    assert wall > 0
    assert memory > 5


def test_the_memory_of_who_times_it_does_not_count() -> None:
    held = bytearray(b"1") * 200_000_000
    assert time_once([sys.executable, "-I", "-S", "-c", ""])[2] < len(held) / 4e6


def test_a_program_that_fails_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="oh dear"):
        time_once([sys.executable, "-c", "raise SystemExit('oh dear')"])


def test_the_first_turn_does_not_count() -> None:
    costs = time_in_turns({"nothing": [sys.executable, "-c", ""]}, turns=2)
    assert len(costs["nothing"]) == 2


def test_table_of_multiples() -> None:
    names = (("ffmpeg decode", 5.0), ("ffmpeg decode and encode", 20.0), ("facepics", 10.0))
    costs = [
        {"program": name, "height": 720, "cpu": cpu, "memory": 100.0, "frames": 1, "wall": 1.0}
        for name, cpu in names
    ]
    assert speed_table({"costs": costs}).splitlines()[-1] == (
        "| facepics | 720 | 10.0 | 2.00 | 0.50 | 100 |"
    )


def test_memory_that_grows_is_told_for_an_hour() -> None:
    points = [Point("memory", seconds, "", 0, 0, 0, mb) for seconds, mb in ((60, 100), (660, 150))]
    assert slope([Point("height", 1, "", 0, 0, 0, 999), *points]) == pytest.approx(300)


def test_table_of_growth() -> None:
    point = {"axis": "height", "x": 720, "frames": 100}
    points = [point | {"run": "crops", "cpu": 3.0}, point | {"run": "clips", "cpu": 4.5}]
    points += [one | {"axis": "start", "cpu": 2.0} for one in points]
    assert growth_table({"points": points, "slope": 3.2}).splitlines() == [
        "| CPU ms a frame, start-up aside | crops | clips |",
        "|---|--:|--:|",
        "| 720p | 10.0 | 25.0 |",
        "| memory, in an hour of 240p | 3 MB | |",
    ]


def test_the_first_frame_comes_long_before_the_end(tmp_path: Path) -> None:
    began = time.monotonic()
    seconds = until_first_frame(ROOT / "media" / "sample.mp4", tmp_path / "out")
    assert 0 < seconds < time.monotonic() - began
    assert not (tmp_path / "out" / "sample.mp4").exists()
