"""What is remembered of sources."""

import hashlib
import os
from pathlib import Path

import pytest

from pipeline.errors import OutputError, Refused, SourceChanging, Unreadable
from pipeline.sources import Content, Fingerprint, SourceIndex, is_there, sha256_of


@pytest.fixture
def index(tmp_path: Path) -> SourceIndex:
    return SourceIndex(tmp_path / "index.sqlite")


def test_hash_is_that_of_the_content(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x" * 3_000_000)
    assert sha256_of(file) == hashlib.sha256(b"x" * 3_000_000).hexdigest()


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "link").symlink_to("a")
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "fifo", "/dev/zero", "."):
        with pytest.raises(Refused):
            sha256_of(tmp_path / name)


def test_an_unchanged_file_is_not_hashed_again(tmp_path: Path, index: SourceIndex) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"one")
    content = index.content(file, sha256_of, None)
    index.put(file, content, "a")

    def never(path: Path) -> str:
        raise AssertionError(f"{path} was hashed again")

    assert index.content(file, never, index.get(file)) == content
    file.write_bytes(b"two")
    assert index.content(file, sha256_of, index.get(file)).sha256 != content.sha256


def test_a_restored_modification_time_does_not_deceive(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"one")
    before, stat = Fingerprint.of(file), file.stat()
    file.write_bytes(b"two")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert Fingerprint.of(file) != before


def test_a_file_that_changes_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"one")
    content = Content(Fingerprint.of(file), sha256_of(file))
    content.check_unchanged(file)
    file.write_bytes(b"longer")
    with pytest.raises(SourceChanging):
        content.check_unchanged(file)
    file.unlink()
    with pytest.raises(SourceChanging):
        content.check_unchanged(file)


def test_any_name_is_remembered(tmp_path: Path, index: SourceIndex) -> None:
    file = tmp_path / "bad-\udcff\n.mp4"
    file.write_bytes(b"x")
    content = index.content(file, sha256_of, None)
    index.put(file, content, "somewhere")
    assert index.known() == [(file, "somewhere")]
    assert index.owner("somewhere") == file
    assert index.folders_with(content.sha256) == ["somewhere"]


def test_a_damaged_index_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "index.sqlite"
    file.write_bytes(b"this is no database, and quite long enough to show it" * 100)
    with SourceIndex(file) as index:
        assert index.known() == []


def test_damage_that_shows_later_is_mended_too(tmp_path: Path) -> None:
    file = tmp_path / "index.sqlite"
    with SourceIndex(file) as index:
        for number in range(2000):
            path = tmp_path / f"a rather long name for a video, number {number}"
            index.put(path, Content(Fingerprint(0, 0, 0, 0, number), "00"), f"folder {number}")
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    file.write_bytes(content)
    with SourceIndex(file) as index:
        assert index.known() == []
        index.put(tmp_path, Content(Fingerprint(0, 0, 0, 0, 0), "00"), "a")
        assert index.known() == [(tmp_path, "a")]


def test_an_index_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    content = Content(Fingerprint(0, 0, 0, 0, 0), "00")
    with SourceIndex(tmp_path / "index.sqlite") as index:
        index._db.execute("PRAGMA query_only = ON")
        with pytest.raises(OutputError):
            index.put(tmp_path, content, "a")


def test_a_folder_has_one_owner(tmp_path: Path, index: SourceIndex) -> None:
    content = Content(Fingerprint(0, 0, 0, 0, 0), "00")
    index.put(tmp_path / "old", content, "a")
    index.put(tmp_path / "new", content, "a")
    assert index.known() == [(tmp_path / "new", "a")]


def test_without_a_file_everything_is_forgotten(tmp_path: Path) -> None:
    with SourceIndex(None) as index:
        index.put(tmp_path, Content(Fingerprint(0, 0, 0, 0, 0), "00"), "a")
        assert index.known() == [(tmp_path, "a")]
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_looked_at_is_neither_there_nor_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_there(tmp_path) is True
    assert is_there(tmp_path / "x") is False
    assert is_there(tmp_path / ("n" * 300)) is None  # the system will not even look


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        Fingerprint.of(tmp_path / "nowhere")
