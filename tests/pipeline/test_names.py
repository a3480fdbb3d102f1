"""Names of files: shown, stored and made safe."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.names import SAFE_PART, beside, counted, decoded, encoded, is_safe, printable, slug

any_name = st.binary(min_size=1, max_size=300).filter(lambda b: b"\0" not in b).map(os.fsdecode)


@given(any_name)
def test_encoding_is_reversible_and_plain(name: str) -> None:
    text = encoded(name)
    assert decoded(text) == name
    assert text.isprintable()
    text.encode("utf-8")


@given(any_name)
def test_printable_holds_nothing_that_steers_a_terminal(name: str) -> None:
    assert printable(name).isprintable()
    printable(name).encode("utf-8")


@given(any_name)
def test_slugs_are_safe_and_tell_names_apart(name: str) -> None:
    assert is_safe(slug(name))
    assert slug(name) != slug(name + "x")


@given(any_name)
def test_folders_are_as_deep_as_names(name: str) -> None:
    assert slug(name).count("/") == beside(name, "/p").count("/") == name.count("/")
    assert is_safe(beside(name, "/p"))


def test_paths_too_long_for_any_system_become_short() -> None:
    name = "/".join(["d" * 120] * 30)
    for folder in (slug(name), beside(name, "/p")):
        assert is_safe(folder)
        assert "/" not in folder


@pytest.mark.parametrize(
    "name", ["a.mp4", "holiday/day 1.mp4", "ÄÖÜ-日本語-😀.mp4", "percent%d.mp4", "0"]
)
def test_readable_names_are_safe(name: str) -> None:
    assert is_safe(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a//b",
        "/etc/passwd",
        ".hidden",
        "-rf.mp4",
        " lead",
        "tail ",
        "dot.",
        "a:b.mp4",
        "new\nline",
        "esc\x1b[31m",
        "back\\slash",
        "CON.mp4",
        "nul",
        "bad-\udcff",
        "rtl-\u202e4pm.exe",
        "nfd-e\u0301",
        "n" * (SAFE_PART + 1),
        "/".join(["deep"] * 300),
    ],
)
def test_names_that_some_system_cannot_hold_are_not_safe(name: str) -> None:
    assert not is_safe(name)


def test_one_thing_is_not_counted_as_several() -> None:
    assert [counted(count, "file") for count in (0, 1, 1200)] == [
        "0 files",
        "1 file",
        "1,200 files",
    ]
