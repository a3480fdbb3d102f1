"""A scan comes back from disk as it was, or not at all."""

import io
import zipfile
from dataclasses import fields, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.scan import scanfile
from pipeline.scan.scanfile import UnusableScan
from pipeline.types import Scan
from tests.helpers import make_scan

ARRAYS = [field.name for field in fields(Scan) if field.name not in ("info", "audit", "detector")]


def example(faces: int = 7) -> Scan:
    scan = make_scan([(i, (i, 1, i + 30.25, 40), 0.5) for i in range(faces)], frames=9, cuts=[4])
    info = replace(scan.info, frame_rate=Fraction(30000, 1001), duration=None, rotation=90)
    audit = replace(scan.audit, expected=None, warnings=("Größe \N{RIGHTWARDS ARROW} 0.", "\udcff"))
    return replace(scan, info=info, audit=audit)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "scan.npz"
    scanfile.save(example(), path)
    return path


def same(one: Scan, other: Scan) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in ARRAYS]
    alike = all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)
    return alike and (one.info, one.audit, one.detector) == (
        other.info,
        other.audit,
        other.detector,
    )


@pytest.mark.parametrize("faces", [0, 1, 7])
def test_round_trip(tmp_path, faces):
    scan = example(faces)
    scanfile.save(scan, tmp_path / "scan.npz")
    assert same(scan, scanfile.load(tmp_path / "scan.npz"))


@given(
    faces=st.lists(st.tuples(st.integers(0, 8), st.floats(-9e3, 9e3, width=32)), max_size=20),
    duration=st.none() | st.floats(0, 1e6),
    rate=st.fractions(1, 240),
    warnings=st.lists(st.text(max_size=20), max_size=3),
)
def test_any_scan_comes_back(tmp_path_factory, faces, duration, rate, warnings):
    scan = make_scan([(f, (x, x, x + 9, x + 9), 0.5) for f, x in sorted(faces)], frames=9)
    info = replace(scan.info, duration=duration, frame_rate=rate)
    scan = replace(scan, info=info, audit=replace(scan.audit, warnings=tuple(warnings)))
    path = tmp_path_factory.mktemp("scan") / "scan.npz"
    scanfile.save(scan, path)
    assert same(scan, scanfile.load(path))


def test_the_same_scan_makes_the_same_bytes(path, tmp_path):
    again = tmp_path / "again.npz"
    scanfile.save(scanfile.load(path), again)
    assert again.read_bytes() == path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_path_is_taken_as_it_is(tmp_path):
    scanfile.save(example(), tmp_path / "scan")
    assert [file.name for file in tmp_path.iterdir()] == ["scan"]


def test_an_hour_of_video_is_small(tmp_path):
    scan = make_scan([(i, (9, 9, 40, 40), 0.5) for i in range(5000)], frames=90_000)
    path = tmp_path / "scan.npz"
    scanfile.save(scan, path)
    assert path.stat().st_size < 2_000_000


def test_numpy_alone_can_read_it(path):
    with np.load(path, allow_pickle=False) as archive:
        assert archive["boxes"].shape == (7, 4)
        assert b'"schema": 2' in archive["about"].tobytes()


def test_a_file_that_is_not_there_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        scanfile.load(tmp_path / "none.npz")


def test_every_truncation_is_noticed(path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(UnusableScan):
            scanfile.load(path)


@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(1, 255))
def test_a_changed_byte_is_noticed_or_harmless(tmp_path_factory, place, value):
    path = tmp_path_factory.mktemp("scan") / "scan.npz"
    scanfile.save(example(), path)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= value
    path.write_bytes(content)
    try:
        loaded = scanfile.load(path)
    except UnusableScan:
        return
    assert same(loaded, example())


def rewritten(path, **arrays) -> None:
    """Write the archive again with other arrays; None leaves one out."""
    with np.load(path) as archive:
        old = {name: archive[name] for name in archive.files}
    new = {name: array for name, array in {**old, **arrays}.items() if array is not None}
    np.savez(path, allow_pickle=True, **new)


@pytest.mark.parametrize(
    "arrays",
    [
        {"boxes": None},
        {"about": None},
        {"boxes": np.zeros((7, 3), np.float32)},
        {"scores": np.zeros(6, np.float32)},
        {"frame": np.array([None] * 7, object)},
        {"about": np.frombuffer(b"{", np.uint8)},
        {"about": np.frombuffer(b"[]", np.uint8)},
        {"about": np.frombuffer(b'{"schema": 2}', np.uint8)},
        {"about": np.frombuffer(b'{"schema": 2, "info": {}, "audit": {}}', np.uint8)},
        {"about": np.array(5.0)},
    ],
)
def test_another_content_is_refused(path, arrays):
    rewritten(path, **arrays)
    with pytest.raises(UnusableScan, match=r"scan\.npz"):
        scanfile.load(path)


def exchange(path, member, change) -> None:
    """Write the archive again with a change of the bytes of one of its files."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, change(content) if name == member else content)


def test_an_array_that_claims_any_size_is_refused(path):
    about = {"descr": "<f4", "fortran_order": False, "shape": (1 << 60,)}
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, about)
    exchange(path, "scores.npy", lambda _: buffer.getvalue())
    with pytest.raises(UnusableScan):
        scanfile.load(path)


def test_a_directory_before_the_beginning_is_refused(path):
    content = bytearray(path.read_bytes())
    content[-6] += 1  # of the 4 bytes that say where the directory of the archive begins
    path.write_bytes(content)
    with pytest.raises(UnusableScan):
        scanfile.load(path)


def test_an_array_longer_than_it_says_is_refused(path):
    exchange(path, "scores.npy", lambda content: content + b"x")
    with pytest.raises(UnusableScan, match="longer"):
        scanfile.load(path)


def test_the_order_in_memory_does_not_matter(tmp_path):
    scan = example()
    turned = replace(scan, boxes=np.asfortranarray(scan.boxes))
    scanfile.save(turned, tmp_path / "scan.npz")
    assert same(scanfile.load(tmp_path / "scan.npz"), scan)


def test_another_schema_is_refused(path):
    with np.load(path) as archive:
        about = archive["about"].tobytes().replace(b'"schema": 2', b'"schema": 1')
    rewritten(path, about=np.frombuffer(about, np.uint8))
    with pytest.raises(UnusableScan, match="schema 1"):
        scanfile.load(path)


@pytest.mark.parametrize("kind", ["text", "npy", "zip", "pickle", "empty"])
def test_a_foreign_file_is_refused(tmp_path, kind):
    path, buffer = tmp_path / "scan.npz", io.BytesIO()
    if kind == "npy":
        np.save(buffer, np.zeros(3))
    elif kind == "zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("readme.txt", "hello")
    elif kind == "pickle":
        np.save(buffer, np.array([{}], object), allow_pickle=True)
    elif kind == "text":
        buffer.write(b"not at all a scan")
    path.write_bytes(buffer.getvalue())
    with pytest.raises(UnusableScan):
        scanfile.load(path)
