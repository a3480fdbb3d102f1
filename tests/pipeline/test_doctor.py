"""What is said of machines that can and cannot do the work."""

import fcntl
import os
import re
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from click.testing import CliRunner

import detectors.weights
from pipeline import doctor
from pipeline.cli import cli
from pipeline.doctor import Finding, Plan, State

ROOT = Path(__file__).parents[2]


def wrong(findings: list[Finding]) -> list[str]:
    return [finding.text for finding in findings if finding.state is State.WRONG]


def test_nothing_is_wrong_where_the_tests_pass_and_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    findings = doctor.examine(Plan(tmp_path / "out" / "not" / "there"))
    assert wrong(findings) == []
    assert doctor.exit_code(findings) == 0
    text = "\n".join(map(str, findings))
    for said in ("Python", "H.264, HEVC, AV1, VP9 can be read", "weights faceboxes", "flock"):
        assert said in text
    assert f"{tmp_path / 'out'} can be written to" in text
    assert list(tmp_path.rglob("*")) == [tmp_path / "out"]


def test_the_tested_versions_are_those_of_the_constraints() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line)
    assert {name: pinned[name] for name in doctor.TESTED} == doctor.TESTED
    needed = re.search(r"install_requires =\n(.*?)\n\n", (ROOT / "setup.cfg").read_text(), re.S)
    assert needed is not None
    names = set(re.findall(r"^\s+([\w-]+)", needed[1], re.M))
    assert names - {"filterpy"} == {name.lower() for name in doctor.TESTED}


def test_other_versions_are_noted_and_missing_ones_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "TESTED", {"click": "0.1", "no-such-thing": "1.0"})
    note, missing = doctor.libraries(Plan(tmp_path))
    assert note.state is State.NOTE
    assert note.text.endswith("tested was 0.1")
    assert missing.text.startswith("no-such-thing is not installed: ")


def test_an_older_python_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 0))
    assert "install Python 3.11 or later" in wrong(list(doctor.python(Plan(tmp_path))))[0]


def test_codecs_that_lack_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_DECODERS", {"H.264": ("h264",), "AV9": ("none", "libx264")})
    read, written, encoders = doctor.codecs(Plan(tmp_path))
    assert read.text.startswith("AV9 cannot be read")
    assert written.state is encoders.state is State.OK
    assert "x264" in encoders.text


def test_weights_that_changed_are_wrong(tmp_path: Path) -> None:
    entry = detectors.weights.find("faceboxes")
    shutil.copy(entry.path.with_name("manifest.toml"), tmp_path)
    data = bytearray(entry.path.read_bytes())
    data[-1] ^= 1
    (tmp_path / entry.path.name).write_bytes(data)
    (text,) = wrong(list(doctor.detector(Plan(tmp_path, str(tmp_path / entry.path.name)))))
    assert "another sha256" in text


def test_a_device_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    assert len(wrong(list(doctor.detector(Plan(tmp_path, device="cuda:99"))))) == 1


def test_an_output_that_cannot_be_written_to_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (text,) = wrong(list(doctor.output(Plan(tmp_path / "file" / "out"))))
    assert "cannot be written to (Not a directory)" in text


@pytest.mark.parametrize(("free", "state"), [(5e8, State.WRONG), (5e9, State.NOTE), (5e10, "ok")])
def test_little_room_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, state: State
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage(free))
    assert list(doctor.output(Plan(tmp_path)))[-1].state == state


def test_file_systems_without_locks_or_exchange_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    monkeypatch.setattr(doctor, "renameat2", lambda *_: False)
    writable, locks, exchange, _ = doctor.output(Plan(tmp_path))
    assert writable.state is State.OK
    assert locks.text.startswith("locks do not hold")
    assert exchange.state is State.NOTE


def test_the_command_ends_with_2_where_something_is_wrong(tmp_path: Path) -> None:
    def run(*args: str) -> tuple[int, str]:
        line = ["doctor", os.fspath(tmp_path), *args]
        done = CliRunner().invoke(cli, line, standalone_mode=False)
        return done.return_value, done.output

    assert run()[0] == 0
    code, text = run("--weights", "no-such-weights")
    assert code == 2
    assert re.search(r"^wrong .*no-such-weights", text, re.M)
