"""Discovery: each file once, in a stable order, and nothing that facepics made."""

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pipeline.discover import discover, is_output_folder
from pipeline.errors import SetUpError
from pipeline.facts import Source
from pipeline.settings import DiscoverSettings


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """A folder with ``b.mp4``, ``a/c.mkv``, ``a/deep/d.avi`` and ``notes.txt``."""
    for name in ("media/b.mp4", "media/a/c.mkv", "media/a/deep/d.avi", "media/notes.txt"):
        touch(tmp_path / name)
    return tmp_path / "media"


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"content")
    return path


def found(*inputs: str | Path, output: str | Path = "/nowhere", **settings: object) -> list[Source]:
    return discover(inputs, Path(output), DiscoverSettings(**settings))  # type: ignore[arg-type]


def names(sources: Iterable[Source]) -> list[str]:
    return [source.name for source in sources]


ALL = ["a/c.mkv", "a/deep/d.avi", "b.mp4", "notes.txt"]


def test_a_folder_is_walked_to_its_depths(media: Path) -> None:
    sources = found(media)
    assert names(sources) == ALL
    assert [source.path for source in sources] == [media / name for name in ALL]
    assert not any(source.named for source in sources)


def test_a_file_is_named_by_the_user(media: Path) -> None:
    (source,) = found(media / "a" / "c.mkv")
    assert (source.name, source.named) == ("c.mkv", True)


def test_the_current_folder_may_be_given(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(media)
    assert names(found(".")) == ALL
    (source,) = found("b.mp4")
    assert source.path == media / "b.mp4"


def test_each_file_comes_once(media: Path) -> None:
    assert names(found(media, media, media / "a")) == ALL
    sources = found(media, media / "b.mp4", media / "a" / ".." / "b.mp4")
    assert names(sources) == ALL
    assert [source.named for source in sources] == [False, False, True, False]


def test_hard_links_are_files_of_their_own(media: Path) -> None:
    (media / "e.mp4").hardlink_to(media / "b.mp4")
    assert names(found(media)) == [*ALL[:3], "e.mp4", "notes.txt"]


def test_the_order_is_that_of_bytes(tmp_path: Path) -> None:
    raw = [b"Z", b"a", b"\xc3\xa9", b"bad-\xff\xfe", b" ", b"new\nline", b"-rf", b"n" * 255, b".h"]
    for name in raw:
        touch(tmp_path / os.fsdecode(name))
    assert [os.fsencode(name) for name in names(found(tmp_path))] == sorted(raw)


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (("*.mp4",), (), ["b.mp4"]),
        (("*.mp4", "*.avi"), (), ["a/deep/d.avi", "b.mp4"]),
        (("a/*",), (), ["a/c.mkv", "a/deep/d.avi"]),
        ((), ("*.txt",), ALL[:3]),
        ((), ("deep",), ["a/c.mkv", "b.mp4", "notes.txt"]),
        ((), ("a",), ["b.mp4", "notes.txt"]),
        (("*.m*",), ("c.*",), ["b.mp4"]),
        (("*.MP4",), (), []),
    ],
)
def test_patterns_let_in_and_keep_out(
    media: Path, include: tuple[str, ...], exclude: tuple[str, ...], expected: list[str]
) -> None:
    assert names(found(media, include=include, exclude=exclude)) == expected


# --- patterns and lists ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.mp4", ["b.mp4"]),
        ("[ab]*", ["b.mp4", "c.mkv", "deep/d.avi"]),
        ("**/*.?[vk]*", ["c.mkv", "d.avi"]),
    ],
)
def test_a_pattern_is_expanded(media: Path, pattern: str, expected: list[str]) -> None:
    sources = found(f"{media}/{pattern}")
    assert names(sources) == expected
    assert not any(source.named for source in sources)


def test_a_file_with_the_very_name_comes_before_a_pattern(media: Path) -> None:
    touch(media / "b*.mp4")
    (source,) = found(media / "b*.mp4")
    assert (source.name, source.named) == ("b*.mp4", True)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\0"])
def test_a_list_holds_inputs(media: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.chdir(media)
    listed = ["b.mp4", "a", "*.txt", str(media / "gone.mp4")]
    (media.parent / "list.txt").write_bytes("".join(it + end for it in listed).encode())
    sources = found(f"@{media.parent}/list.txt")
    assert names(sources) == ["b.mp4", "c.mkv", "deep/d.avi", "gone.mp4", "notes.txt"]
    assert [source.named for source in sources] == [True, False, False, True, False]


def test_a_list_may_hold_any_name(tmp_path: Path) -> None:
    path = touch(tmp_path / os.fsdecode(b"bad-\xff\n.mp4"))
    (tmp_path / "list").write_bytes(os.fsencode(path) + b"\0")
    assert [source.path for source in found(f"@{tmp_path}/list")] == [path]


@pytest.mark.parametrize("given", ["gone.mp4", "gone/*.mp4", "@gone.txt"])
def test_an_input_that_is_not_there_is_said(tmp_path: Path, given: str) -> None:
    with pytest.raises(SetUpError, match="gone"):
        found(tmp_path / given if given[0] != "@" else f"@{tmp_path}/{given[1:]}")


# --- links and what is no file --------------------------------------------------------------


def test_only_regular_files_are_met(media: Path) -> None:
    os.mkfifo(media / "pipe.mp4")
    (media / "zero.mp4").symlink_to("/dev/zero")
    (media / "link.mp4").symlink_to("b.mp4")
    (media / "loop").symlink_to(".")
    (media / "dangling.mp4").symlink_to("nowhere")
    assert names(found(media)) == ALL
    assert names(found(f"{media}/*.mp4")) == ["b.mp4"]


def test_links_are_followed_if_asked(media: Path, tmp_path: Path) -> None:
    outside = touch(tmp_path / "outside" / "e.mp4")
    (media / "loop").symlink_to(".")
    (media / "z").symlink_to(outside.parent)
    (media / "f.mp4").symlink_to(outside)
    (media / "zero.mp4").symlink_to("/dev/zero")
    (media / "kernel").symlink_to("/proc")
    (media / "self.mp4").symlink_to("self.mp4")
    sources = found(media, follow_symlinks=True)
    assert names(sources) == ["a/c.mkv", "a/deep/d.avi", "b.mp4", "f.mp4", "notes.txt"]
    assert sources[3].path == outside


def test_a_linked_folder_may_be_named(media: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(media)
    sources = found(tmp_path / "link")
    assert names(sources) == ALL
    assert sources[0].path == media / ALL[0]


def test_what_the_user_names_is_passed_on(media: Path) -> None:
    (media / "link.mp4").symlink_to("b.mp4")
    os.mkfifo(media / "pipe.mp4")
    sources = found(media / "link.mp4", media / "pipe.mp4")
    assert [(source.path.name, source.named) for source in sources] == [
        ("link.mp4", True),
        ("pipe.mp4", True),
    ]


def test_a_folder_that_cannot_be_read_is_left_out(
    media: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = os.scandir

    def scandir(folder: str) -> object:
        if folder.endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    with caplog.at_level(logging.WARNING):
        assert names(found(media)) == ["b.mp4", "notes.txt"]
    assert "/a' is left out: Permission denied" in caplog.text


# --- outputs --------------------------------------------------------------------------------


def test_no_output_is_an_input(media: Path) -> None:
    touch(media / "other" / "c.mkv" / "clip.mp4")
    (media / "other" / ".facepics").mkdir()
    assert is_output_folder(media / "other")
    assert names(found(media)) == ALL


@pytest.mark.parametrize("place", ["facepics", "a/out", "link/out"])
def test_no_output_lies_below_an_input(media: Path, place: str) -> None:
    (media.parent / "link").symlink_to(media)
    output = media.parent / place if place.startswith("link") else media / place
    with pytest.raises(SetUpError, match="nothing is ever written"):
        found(media, output=output)
    assert names(found(media / "b.mp4", output=output)) == ["b.mp4"]


def test_a_pattern_passes_over_outputs(media: Path) -> None:
    touch(media / "out" / ".facepics" / "lock")
    touch(media / "out" / "b.mp4" / "annotated.mp4")
    for pattern in ("*", "**/*.mp4", "out*"):
        sources = found(media / pattern, output=media / "out")
        assert not [source for source in sources if "out" in source.path.parts]


@pytest.mark.parametrize("given", ["out", "out/holiday", "out/holiday/x.mp4", "out/*/*.mp4"])
@pytest.mark.parametrize("marked", [True, False])
def test_an_input_in_an_output_is_refused(tmp_path: Path, given: str, marked: bool) -> None:
    touch(tmp_path / "out" / "holiday" / "x.mp4")
    if marked:
        (tmp_path / "out" / ".facepics").mkdir()
    with pytest.raises(SetUpError, match="output folder"):
        found(tmp_path / given, output="/nowhere" if marked else tmp_path / "out")


def test_no_link_leads_into_an_output(media: Path, tmp_path: Path) -> None:
    clip = touch(tmp_path / "out" / "holiday" / "x.mp4")
    (media / "folder").symlink_to(clip.parent)
    (media / "file.mp4").symlink_to(clip)
    sources = found(media, output=tmp_path / "out", follow_symlinks=True)
    assert names(sources) == ALL


# --- age and number -------------------------------------------------------------------------


def test_links_that_are_left_out_are_told_of(media: Path, caplog: pytest.LogCaptureFixture) -> None:
    (media / "known.mp4").symlink_to(media / "b.mp4")
    (media / "known").symlink_to(media / "a")
    (media / "broken").symlink_to(media / "nowhere")
    (media / "loop").symlink_to(media / "loop")
    assert names(found(media)) == ALL
    assert not caplog.messages
    (media / "link.mp4").symlink_to(touch(media.parent / "else" / "x.mp4"))
    (media / "folder").symlink_to(media.parent / "else")
    (media / "results").symlink_to(touch(media.parent / "out" / ".facepics" / "lock").parents[1])
    assert names(found(media, media.parent / "media" / "*.mp4")) == ALL
    (message,) = caplog.messages
    assert "left out: 2; --follow-symlinks" in message
    caplog.clear()
    found(media, follow_symlinks=True)
    assert not caplog.messages


@pytest.mark.parametrize("follow_symlinks", [False, True])
def test_links_to_where_nobody_may_go_are_passed_over(
    media: Path, monkeypatch: pytest.MonkeyPatch, follow_symlinks: bool
) -> None:
    secret = touch(media.parent / "secret" / "x.mp4").parent
    (media / "file.mp4").symlink_to(secret / "x.mp4")
    (media / "folder").symlink_to(secret / "deeper")
    stat = os.stat

    def refuse(path: Any, *args: Any, **more: Any) -> os.stat_result:
        if os.fspath(path).startswith(f"{secret}/"):
            raise PermissionError(13, "Permission denied")
        return stat(path, *args, **more)

    monkeypatch.setattr(os, "stat", refuse)
    assert names(found(media, follow_symlinks=follow_symlinks)) == ALL


def test_young_files_are_marked(media: Path) -> None:
    now = time.time()
    os.utime(media / "b.mp4", (now - 100, now - 100))
    os.utime(media / "notes.txt", (now + 1000, now + 1000))  # a clock that was wrong once
    young = {source.name: source.young for source in found(media, settle=60)}
    assert young == {
        "a/c.mkv": True,
        "a/deep/d.avi": True,
        "b.mp4": False,
        "notes.txt": False,
    }
    assert not any(source.young for source in found(media))


def test_ten_thousand_files_are_listed_at_once(tmp_path: Path) -> None:
    for folder in range(100):
        (tmp_path / str(folder)).mkdir()
        for number in range(100):
            os.mknod(tmp_path / str(folder) / f"{number}.mp4")
    start = time.process_time()
    assert len(found(tmp_path, settle=10, exclude=("*.txt",))) == 10_000
    assert time.process_time() - start < 1
