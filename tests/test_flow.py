"""The whole program on real video, run as a user runs it."""

import csv
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pyarrow.parquet as parquet
import pytest

from pipeline.decode import open_video
from pipeline.errors import SetUpError
from pipeline.manifest import Manifest
from pipeline.render import encoders
from pipeline.settings import DecodeSettings
from trackers.assignment import iou

ROOT = Path(__file__).parents[1]
BOOKS = ("runs", ".facepics", "catalog.sqlite")
SAMPLE = ROOT / "media" / "sample.mp4"


def facepics(*args: str | Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "start.py", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


def tree(folder: Path) -> dict[str, str]:
    """Return path -> hash of every result; the books of the runs are left out."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in BOOKS
    }


def stamps(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def heed_signals() -> None:
    """Undo what a shell does to jobs in the background: they are started deaf to SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def last_run(out: Path) -> dict[str, object]:
    return json.loads(max((out / "runs").glob("*.json")).read_text())


def excerpt(
    path: Path, first: int, last: int, size: tuple[int, int] = (640, 360), slower: int = 1
) -> None:
    """Write some frames of the sample as a small video without sound."""
    with av.open(str(SAMPLE)) as source, av.open(str(path), "w") as target:
        options = {"preset": "ultrafast", "crf": "20", "g": "50"}
        stream = target.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.time_base = Fraction(1, 25)
        for index, frame in enumerate(source.decode(video=0)):
            if first <= index <= last:
                small = frame.reformat(*size, format="yuv420p")
                small.pts, small.time_base = slower * (index - first), Fraction(1, 25)
                target.mux(stream.encode(small))
        target.mux(stream.encode())


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive: two videos with faces, one without, a copy, a broken one, and a note."""
    folder = tmp_path_factory.mktemp("media")
    (folder / "day 1").mkdir()
    excerpt(folder / "day 1" / "cut.mp4", 160, 195)
    excerpt(folder / "turn.mp4", 60, 80)
    blank(folder / "blank.mkv")
    shutil.copy(folder / "turn.mp4", folder / "turn-again.mp4")
    whole = (folder / "turn.mp4").read_bytes()
    (folder / "broken.mp4").write_bytes(whole[: len(whole) // 3])
    for name in ("notes.txt", "notes-again.txt"):
        (folder / name).write_text("no video")
    return folder


def blank(path: Path) -> None:
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _ in range(10):
            frame = av.VideoFrame(320, 180, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([90]) * plane.buffer_size)
            target.mux(stream.encode(frame))
        target.mux(stream.encode())


@pytest.fixture(scope="session")
def first(media: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, int]:
    """The archive worked through once: output, what was printed, exit code."""
    out = tmp_path_factory.mktemp("first") / "facepics"
    done = facepics(media, "-o", out)
    assert "Traceback" not in done.stderr, done.stderr
    return out, done.stdout, done.returncode


@pytest.fixture
def results(first: tuple[Path, str, int], tmp_path: Path) -> Path:
    """The results of the first run, to be changed at will."""
    return Path(shutil.copytree(first[0], tmp_path / "facepics", copy_function=shutil.copy2))


def test_each_source_ends_with_a_status_and_the_run_with_a_code(
    first: tuple[Path, str, int],
) -> None:
    out, printed, code = first
    assert code == 3
    assert "broken.mp4" in printed
    statuses = {video["name"]: video["status"] for video in last_run(out)["videos"]}  # type: ignore[attr-defined]
    assert statuses == {
        "blank.mkv": "empty",
        "broken.mp4": "failed",
        "day 1/cut.mp4": "done",
        "notes.txt": "skipped",
        "notes-again.txt": "skipped",
        "turn-again.mp4": "done",
        "turn.mp4": "duplicate",
    }


def test_every_output_is_as_its_manifest_says(first: tuple[Path, str, int]) -> None:
    for file in first[0].rglob("video.json"):
        outputs = Manifest.read(file.parent).outputs
        there = {name: digest for name, digest in tree(file.parent).items() if name != "video.json"}
        assert there == {name: output.sha256 for name, output in outputs.items()}


def test_a_video_leaves_everything_that_the_readme_promises(
    first: tuple[Path, str, int],
) -> None:
    folder = first[0] / "day 1" / "cut.mp4"
    names = set(tree(folder))
    assert {"index.html", "annotated.mp4", "tracks.csv", "boxes.parquet", "mot.txt"} <= names
    assert {"video.json", "scan.npz", "track_0001/best.jpg", "track_0001/clip.mp4"} <= names
    with (folder / "tracks.csv").open() as file:
        tracks = list(csv.DictReader(file))
    assert len(tracks) == Manifest.read(folder).counts.tracks >= 3  # the cut parts them
    crops = [
        name for name in names if re.fullmatch(r"track_\d+/\d{6}_\d\dm\d\d\.\d{3}s_\d+\.jpg", name)
    ]
    assert len(crops) == Manifest.read(folder).counts.crops
    for name in crops:
        assert cv2.imread(str(folder / name)) is not None


def test_times_are_those_of_the_source(media: Path, first: tuple[Path, str, int]) -> None:
    with av.open(str(media / "day 1" / "cut.mp4")) as video:
        times = [frame.time for frame in video.decode(video=0)]
    table = parquet.read_table(first[0] / "day 1" / "cut.mp4" / "boxes.parquet").to_pydict()
    for frame, moment in zip(table["frame"], table["time_s"], strict=True):
        assert moment == pytest.approx(times[frame], abs=1e-6)
    with av.open(str(first[0] / "day 1" / "cut.mp4" / "annotated.mp4")) as video:
        annotated = [frame.time for frame in video.decode(video=0)]
    assert annotated == pytest.approx(times, abs=1e-3)


def test_results_are_for_their_owner_only(first: tuple[Path, str, int]) -> None:
    for path in [first[0], *first[0].rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_nothing_is_written_below_the_input(media: Path, first: tuple[Path, str, int]) -> None:
    names = {path.name for path in media.rglob("*")}
    assert names == {
        "day 1",
        "cut.mp4",
        "turn.mp4",
        "turn-again.mp4",
        "blank.mkv",
        "broken.mp4",
        "notes.txt",
        "notes-again.txt",
    }


def test_a_second_run_decodes_nothing_and_changes_no_byte(media: Path, results: Path) -> None:
    before, times = tree(results), stamps(results)
    done = facepics(media, "-o", results)
    assert done.returncode == 3
    assert tree(results) == before
    assert {name: times[name] for name in times} == {
        name: stamp for name, stamp in stamps(results).items() if name in times
    }
    assert all(video["reused"] for video in last_run(results)["videos"])  # type: ignore[attr-defined]


def test_a_second_run_starts_without_what_takes_long_to_load(media: Path, results: Path) -> None:
    command = [sys.executable, "-X", "importtime", ROOT / "start.py", media, "-o", results]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    told = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = {line.rpartition("|")[2].strip() for line in told}
    assert "pipeline.batch" in loaded
    assert not loaded & {"numpy", "pyarrow", "jinja2", "scipy", "cv2", "av", "openvino", "torch"}


def test_nothing_is_loaded_that_reports_on_its_use(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "start.py", SAMPLE, "-o", tmp_path, "--video", "none"]
    told = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    done = subprocess.run(
        [*command, "--every", "100"], capture_output=True, text=True, timeout=120, env=told
    )
    assert done.returncode == 0
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "openvino" in loaded
    assert not {name for name in loaded if "telemetry" in name}


def test_another_tracking_option_does_not_scan_again(media: Path, results: Path) -> None:
    """A detector that cannot be had is not missed where the scan is kept."""
    before = tree(results)
    args = (media, "-o", results, "--exclude", "b*", "--device", "cuda:99")
    done = facepics(*args, "--tracker", "sort", "--min-iou", "0.9")
    assert done.returncode == 0, done.stderr
    after = tree(results)
    scans = [name for name in before if name.endswith("scan.npz")]
    assert [after[name] for name in scans] == [before[name] for name in scans]
    assert after["day 1/cut.mp4/mot.txt"] != before["day 1/cut.mp4/mot.txt"]
    assert facepics(*args, "--min-face", "30").returncode == 2


def test_jobs_change_no_byte(media: Path, first: tuple[Path, str, int], tmp_path: Path) -> None:
    facepics(media, "-o", tmp_path / "out", "--jobs", "2")
    assert tree(tmp_path / "out") == tree(first[0])


def test_detectors_side_by_side_change_no_byte(tmp_path: Path) -> None:
    """Where there are more workers than videos, several detectors look at one, if it is long."""
    for jobs in ("1", "3"):
        facepics(SAMPLE, "-o", tmp_path / jobs, "--jobs", jobs, "--video", "none")
    assert tree(tmp_path / "3") == tree(tmp_path / "1")


def test_stretches_side_by_side_change_no_byte(tmp_path: Path) -> None:
    """A longer video is divided at key frames."""
    path = tmp_path / "long.mp4"
    excerpt(path, 0, 299, slower=2)
    with open_video(path, DecodeSettings()) as video:
        assert len(video.stretches(3)) == 2
    for jobs in ("1", "3"):
        facepics(path, "-o", tmp_path / jobs, "--jobs", jobs, "--video", "none")
    assert tree(tmp_path / "3") == tree(tmp_path / "1")
    assert Manifest.read(tmp_path / "1" / "long.mp4").counts.tracks


def test_an_encoder_that_is_not_there_ends_the_run(media: Path, tmp_path: Path) -> None:
    try:
        encoders.try_out("nvenc")
    except SetUpError:
        done = facepics(media / "turn.mp4", "-o", tmp_path / "out", "--encoder", "nvenc")
        assert done.returncode == 2
        assert "--encoder x264" in done.stderr
        assert not list((tmp_path / "out").rglob("*.mp4"))
    else:
        pytest.skip("this machine has one")


def test_an_interrupted_run_leaves_whole_results_and_goes_on(
    media: Path, first: tuple[Path, str, int], tmp_path: Path
) -> None:
    command = [sys.executable, ROOT / "start.py", media, "-o", tmp_path / "out"]
    for stop, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=heed_signals) as run:
            deadline = time.monotonic() + 60
            while not list((tmp_path / "out").glob(".facepics/staging/*/*")):  # in mid-video
                assert run.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.005)
            run.send_signal(stop)
            assert run.wait(10) == code
        for file in (tmp_path / "out").rglob("video.json"):
            outputs = Manifest.read(file.parent).outputs
            assert all(tree(file.parent)[name] == one.sha256 for name, one in outputs.items())
    facepics(media, "-o", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(first[0])


def test_a_locked_output_is_11(media: Path, results: Path) -> None:
    from pipeline.publish import OutputFolder

    with OutputFolder(results):
        done = facepics(media, "-o", results)
    assert done.returncode == 11
    assert "another run" in done.stderr


def test_a_source_that_vanished_keeps_its_results_and_is_marked(
    media: Path, first: tuple[Path, str, int], tmp_path: Path
) -> None:
    archive = Path(shutil.copytree(media, tmp_path / "media"))
    out = tmp_path / "out"
    facepics(archive, "-o", out, "--video", "none", "--include", "turn.mp4", "--include", "*cut*")
    (archive / "turn.mp4").unlink()
    facepics(archive, "-o", out, "--video", "none", "--include", "turn.mp4", "--include", "*cut*")
    assert (out / "turn.mp4" / "tracks.csv").exists()
    with sqlite3.connect(out / "catalog.sqlite") as catalog:
        present = dict(catalog.execute("SELECT name, present FROM videos"))
    assert present == {"turn.mp4": 0, "day 1/cut.mp4": 1}


def test_the_catalog_is_rebuilt_from_the_manifests_alone(results: Path) -> None:
    def rows() -> list[tuple[object, ...]]:
        with sqlite3.connect(results / "catalog.sqlite") as catalog:
            tables = ("videos", "tracks", "crops")
            return [
                row for t in tables for row in catalog.execute(f"SELECT * FROM {t} ORDER BY 1,2,3")
            ]

    before = rows()
    (results / "catalog.sqlite").unlink()
    done = facepics("catalog", results)
    assert done.returncode == 0, done.stderr
    assert rows() == before


def test_the_example_of_the_readme_runs(media: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 1
    program = blocks[0].replace("media/sample.mp4", str(media / "turn.mp4"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "tracks in" in done.stdout


def test_a_crop_tells_where_it_comes_from(first: tuple[Path, str, int]) -> None:
    done = facepics("inspect", first[0] / "day 1" / "cut.mp4" / "track_0001" / "best.jpg")
    assert done.returncode == 0
    assert "day 1/cut.mp4" in done.stdout
    assert "track 1" in done.stdout.replace("track    1", "track 1")


def test_results_verify_until_one_byte_changes(results: Path) -> None:
    done = facepics("verify", results)
    assert done.returncode == 0, done.stdout + done.stderr
    table = results / "day 1" / "cut.mp4" / "mot.txt"
    table.write_bytes(table.read_bytes()[::-1])
    done = facepics("verify", results)
    assert (done.returncode, done.stdout.splitlines()[0]) == (3, "day 1/cut.mp4/mot.txt: changed")


def test_what_was_purged_stays_away_until_it_is_forgotten(media: Path, results: Path) -> None:
    args = (media, "-o", results, "--exclude", "b*", "--min-iou", "0.9", "--video", "none")
    track = "day 1/cut.mp4:1"
    assert facepics("purge", results, "--track", track).returncode == 0
    assert facepics("purge", results, "--source", "turn-again.mp4").returncode == 0
    purged = tree(results)
    assert "day 1/cut.mp4/track_0001/best.jpg" not in purged
    assert facepics(*args).returncode == 0
    assert tree(results) == purged
    done = facepics("verify", results)
    assert done.returncode == 0, done.stdout
    assert facepics("purge", results, "--track", track, "--forget").returncode == 0
    assert facepics("purge", results, "--source", media / "turn.mp4", "--forget").returncode == 0
    assert facepics(*args).returncode == 0
    again = tree(results)
    assert {"day 1/cut.mp4/track_0001/best.jpg", "turn-again.mp4/tracks.csv"} <= again.keys()


def test_a_redacted_result_shows_no_face(media: Path, tmp_path: Path) -> None:
    import detectors

    args = (media, "-o", tmp_path / "out", "--include", "turn.mp4", "--redact", "solid")
    assert facepics(*args).returncode == 0
    folder = tmp_path / "out" / "turn.mp4"
    assert {path.suffix for path in folder.rglob("*") if path.is_file()}.isdisjoint({".jpg"})
    assert [path.name for path in folder.rglob("*.mp4")] == ["annotated.mp4"]
    assert '<div class="best none">hidden</div>' in (folder / "index.html").read_text()
    counts = Manifest.read(folder).counts
    assert counts.tracks > 0
    assert counts.crops == 0
    table = parquet.read_table(folder / "boxes.parquet").to_pydict()
    assert set(table["crop"]) == {None}
    assert max(table["rank"]) > 0
    assert facepics("verify", tmp_path / "out").returncode == 0
    boxes = np.stack([table[edge] for edge in ("x1", "y1", "x2", "y2")], axis=1)
    frame = np.array(table["frame"])
    find = detectors.load()

    def faces_on_boxes(video: Path) -> int:
        with av.open(str(video)) as file:
            images = [picture.to_ndarray(format="bgr24") for picture in file.decode(video=0)]
        found = [find([image])[0].boxes for image in images]
        return sum(
            int((iou(faces, boxes[frame == n]) > 0.3).sum()) for n, faces in enumerate(found)
        )

    assert faces_on_boxes(media / "turn.mp4") > 20
    assert faces_on_boxes(folder / "annotated.mp4") == 0
