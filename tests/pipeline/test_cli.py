"""The command as people call it: exit codes, and what start.py costs before it works."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.sources import SourceIndex

ROOT = Path(__file__).parents[2]


def start(*args: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "start.py", *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("args", [("--help",), ("run", "--help"), ("inspect", "--help")])
def test_help_loads_nothing_heavy(args: tuple[str, ...]) -> None:
    program = (
        "import sys, runpy\n"
        "sys.argv = ['start.py', *sys.argv[1:]]\n"
        "try: runpy.run_path('start.py', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'numpy', 'cv2', 'av', 'scipy', 'pyarrow', 'openvino'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *args], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stderr.strip() == "[]"
    assert "Usage" in done.stdout


def test_version() -> None:
    assert start("--version").stdout.startswith("facepics, version ")


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--no-such-option", "media"),
        ("nowhere",),
        ("media", "--weights", "nowhere"),
        ("media", "--keep", "nonsense"),
        ("media", "--every", "nonsense"),
        ("media", "--region", "nonsense"),
        ("media", "--tracker", "nonsense"),
        ("media", "-c", "nowhere.toml"),
        ("inspect", "README.md"),
        ("catalog", "media"),
        ("verify", "media"),
        ("purge", "media", "--source", "a.mp4"),
        ("media", "--min-face", "nan"),
        ("media", "--device", "nonsense"),
        ("media", "--redact", "solid", "--video", "clips"),
    ],
)
def test_wrong_usage_is_2_with_one_sentence_and_writes_nothing(
    args: tuple[str, ...], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = start(
        *args,
        *(
            ("-o", out)
            if args[:1] not in ((), ("inspect",), ("catalog",), ("verify",), ("purge",))
            else ()
        ),
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
    assert not out.exists()
    assert not (ROOT / "media" / ".facepics").exists()


def test_an_output_that_cannot_be_made_is_4(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = start("media", "-o", tmp_path / "file" / "out")
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_folder_is_fine(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    done = start(tmp_path / "in", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "none found" in done.stdout


def test_a_wrong_value_of_a_variable_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEPICS_MIN_FACE", "many")
    done = start(tmp_path, "-o", tmp_path.parent / "out")
    assert done.returncode == 2
    assert "--min-face" in done.stderr
    assert "FACEPICS_MIN_FACE" in done.stderr


def test_a_wrong_value_of_a_settings_file_names_it(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[scan]\nmin_face = "many"\n')
    done = start(tmp_path, "-o", tmp_path.parent / "out", "-c", tmp_path / "mine.toml")
    assert done.returncode == 2
    assert "'many' is not a valid number" in done.stderr
    assert f"It comes from the file {tmp_path / 'mine.toml'}" in done.stderr


def test_a_variable_that_is_nearly_one_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FACEPICS_MINFACE", "FACEPICS_OUTPU", "FACEPICS_SHARED"):
        monkeypatch.setenv(name, "40")
    done = start(tmp_path, "-o", tmp_path.parent / "out")
    assert done.returncode == 0
    told = [line.split()[3] + line.split()[6] for line in done.stderr.splitlines()]
    assert told == ["FACEPICS_MINFACEFACEPICS_MIN_FACE", "FACEPICS_OUTPUFACEPICS_OUTPUT"]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.mp4", "a-copy.mp4", "b.mp4"):
        (folder / name).write_text(name[0])
    done = start(folder, "-o", tmp_path / "out", "--dry-run", "--limit", "1")
    assert done.returncode == 0, done.stderr
    lines = [line.split()[:2] for line in done.stdout.splitlines()[:3]]
    assert lines == [["work", "a-copy.mp4"], ["duplicate", "a.mp4"], ["left", "b.mp4"]]
    assert not (tmp_path / "out").exists()


def test_files_that_changed_just_now_are_left(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.mp4").write_text("a")
    log = tmp_path / "log"
    args = ("--settle", "3600", "--log-file", log, "--log-format", "json")
    done = start(folder, "-o", tmp_path / "out", *args)
    assert done.returncode == 0, done.stderr
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert any("skipped a.mp4: it changed just now" in entry["message"] for entry in entries)


def test_a_limit_leaves_the_rest_untouched_and_the_next_run_goes_on(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_text(f"{name} is no video")
    for looked_at in (1, 2, 3):
        done = start(folder, "-o", out, "--limit", "1")
        assert done.returncode == 0, done.stderr
        record = json.loads(max((out / "runs").glob("*.json")).read_text())
        assert record["left"] == 3 - looked_at
        with SourceIndex(out / ".facepics" / "index.sqlite") as index:
            known = [name for name in ("a", "b", "c") if index.get(folder / name)]
        assert known == ["a", "b", "c"][:looked_at]
