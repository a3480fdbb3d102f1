"""The pages: everything linked is there, nothing hostile gets through, equal input equal bytes."""

import base64
import dataclasses
import hashlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from pipeline.catalog import Catalog
from pipeline.facts import DecodeAudit, Status
from pipeline.manifest import Counts
from pipeline.report import index as index_module
from pipeline.report.index import write_index_page
from pipeline.report.page import clock, file_size, name_parts, number, plural
from pipeline.report.timeline import Span, timeline
from pipeline.report.video import write_video_page
from tests.pipeline.records import (
    INFO,
    crops_of,
    manifest_of,
    publish,
    scan_of,
    seal,
    selection_of,
    tracks_of,
)

HOSTILE = [
    "<script>alert(1)</script>.mp4",
    '"><img src=x onerror=alert(1)>.mp4',
    "' onmouseover='alert(1).mp4",
    "javascript:alert(1).mp4",
    "http:evil.example/a.mp4",
    "{{ 7 * 7 }}{% raise %}.mp4",
    "</style></title><b>.mp4",
    "a#b?c=d&e.mp4",
    "100%25.mp4",
    "n\udcffot utf-8.mp4",
    "right\u202eto left.mp4",
]
_VOID = {"meta", "img", "input", "br", "hr"}


class Page(HTMLParser):
    """A page taken apart; checks that its tags are closed in order and its ids are unique."""

    def __init__(self, file: Path):
        super().__init__()
        self.file = file
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(file.read_text("utf-8"))
        self.close()
        assert self._open == []
        ids = self.all("id")
        assert len(ids) == len(set(ids))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        kind = self._open[-1] if self._open else ""
        (self.scripts if kind == "script" else self.text).append(data)

    def all(self, attribute: str) -> list[str]:
        return [attrs[attribute] for _, attrs in self.tags if attribute in attrs]

    def links(self) -> list[str]:
        return self.all("href") + self.all("src")

    def shown(self) -> str:
        return " ".join("".join(self.text).split())

    def check_links(self):
        """Every link is relative and leads to a file or an id that is there."""
        for link in self.links():
            parts = urlsplit(link)
            assert not parts.scheme, link
            assert not parts.netloc, link
            target = (self.file.parent / unquote(parts.path)) if parts.path else self.file
            assert target.exists(), link
            if parts.fragment.startswith("track-"):
                assert parts.fragment in Page(target).all("id")


def report(output: Path) -> Page:
    with Catalog.open(output) as books:
        write_index_page(output, books)
    return Page(output / "index.html")


def video_page(folder: Path, count: int, **facts) -> Page:
    folder.mkdir(exist_ok=True)
    records = scan_of(count + 4), tracks_of(count), selection_of(count), crops_of(count)
    write_video_page(folder, manifest_of("a.mp4", count, **facts), *records)
    return Page(folder / "index.html")


# Every page ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_do_no_harm(tmp_path, name):
    pages = []
    for source in ("folder/" * name.count("/") + "plain.mp4", name):
        output = tmp_path / str(len(pages))
        folder, _ = publish(output, source)
        pages.append((report(output), Page(output / folder / "index.html")))
    for plain, page in zip(*pages, strict=True):
        assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
        assert not any(key.startswith("on") for _, attrs in page.tags for key in attrs)
        assert all(part in page.shown() for part in name_parts(name))
        page.check_links()


def test_pages_need_no_network_and_run_no_script_but_their_own(tmp_path):
    publish(tmp_path, "a.mp4")
    for page in (report(tmp_path), Page(tmp_path / "a.mp4" / "index.html")):
        source = page.file.read_text()
        assert "http://" not in source
        assert "https://" not in source
        assert "url(" not in source
        assert "@import" not in source
        (policy,) = (text for text in page.all("content") if "script-src" in text)
        digest = hashlib.sha256("".join(page.scripts).encode()).digest()
        assert f"script-src 'sha256-{base64.b64encode(digest).decode()}';" in policy


def test_pictures_say_what_they_show_and_load_when_needed(tmp_path):
    publish(tmp_path, "a.mp4")
    for page in (report(tmp_path), Page(tmp_path / "a.mp4" / "index.html")):
        pictures = [attrs for tag, attrs in page.tags if tag == "img"]
        assert pictures
        for attrs in pictures:
            assert attrs["alt"].startswith("Track ")
            assert attrs["loading"] == "lazy"
            assert int(attrs["width"]) == int(attrs["height"])


# One video -------------------------------------------------------------------------------------


def test_a_card_for_each_track(tmp_path):
    publish(tmp_path, "a.mp4", tracks=3)
    page = Page(tmp_path / "a.mp4" / "index.html")
    cards = [attrs["id"] for tag, attrs in page.tags if tag == "article"]
    assert cards == ["track-1", "track-2", "track-3"]
    assert page.shown().count("blurred") == 1
    assert "0:00.040 \u2013 0:00.160" in page.shown()
    assert "4 frames, 1 rescued, 1 filled in" in page.shown()
    assert "track_0003/000000_00m00.000s_2.jpg" in page.links()
    report(tmp_path)
    page.check_links()


def test_only_what_is_there_is_linked(tmp_path):
    folder = tmp_path / "with"
    (folder / "track_0001").mkdir(parents=True)
    (folder / "track_0001" / "clip.mp4").touch()
    (folder / "annotated.mp4").touch()
    whole, bare = video_page(folder, 2), video_page(tmp_path / "without", 2)
    assert "track_0001/clip.mp4" in whole.links()
    assert "track_0002/clip.mp4" not in whole.links()
    assert "annotated.mp4#t=0.041" in whole.links()
    assert any(tag == "video" for tag, _ in whole.tags)
    assert not any("clip.mp4" in link or "annotated" in link for link in bare.links())
    assert not any(tag == "video" for tag, _ in bare.tags)


def test_a_video_without_faces_has_a_page(tmp_path):
    page = video_page(tmp_path, 0, status=Status.EMPTY)
    assert "No face track was found" in page.shown()
    assert not any(tag in ("svg", "article") for tag, _ in page.tags)


def test_what_went_wrong_stands_on_the_page(tmp_path):
    audit = DecodeAudit(5, 2, 9, True, 0, 0, ("the stream ended early",))
    facts = {"status": Status.PARTIAL, "phase": "decode", "reason": "4 frames are missing"}
    folder = tmp_path / "a.mp4"
    folder.mkdir()
    manifest = dataclasses.replace(
        manifest_of("a.mp4", 1, warnings=("odd <b>", "the stream ended early"), **facts),
        audit=audit,
    )
    write_video_page(folder, manifest, scan_of(5), tracks_of(1), selection_of(1), crops_of(1))
    shown = Page(folder / "index.html").shown()
    assert "decode: 4 frames are missing" in shown
    assert "odd <b>" in shown
    assert shown.count("the stream ended early") == 1
    assert "Frames expected9" in shown
    assert "Not decodable2" in shown


def test_a_crowded_video_has_a_page_that_stays_small(tmp_path):
    page = video_page(tmp_path, 1000)
    assert sum(tag == "article" for tag, _ in page.tags) == 1000
    assert page.file.stat().st_size < 4_000_000


def test_many_crops_of_a_track_are_not_all_shown(tmp_path):
    many = {(1, n): f"track_0001/{n}.jpg" for n in range(1, 41)}
    tracks = tracks_of(1)
    wide = dataclasses.replace(
        tracks,
        **{
            name: np.tile(getattr(tracks, name), 10)
            for name in ("track_id", "scores", "kind", "detection")
        },
        frame=np.arange(40, dtype=np.int32),
        boxes=np.tile(tracks.boxes, (10, 1)),
    )
    chosen = dataclasses.replace(
        selection_of(10), rank=np.arange(1, 41, dtype=np.int32), reason=np.zeros(40, np.uint8)
    )
    write_video_page(tmp_path, manifest_of("a.mp4", 1), scan_of(40), wide, chosen, many)
    page = Page(tmp_path / "index.html")
    assert sum(tag == "img" for tag, _ in page.tags) == 13
    assert "+27" in page.shown()


def test_equal_records_give_equal_pages(tmp_path):
    first, second = (video_page(tmp_path / name, 3) for name in "ab")
    assert first.file.read_bytes() == second.file.read_bytes()


# All videos ------------------------------------------------------------------------------------


def test_the_page_over_nothing(tmp_path):
    assert "No video has been worked on yet" in report(tmp_path).shown()


def test_problems_stand_first_with_their_reasons(tmp_path):
    publish(tmp_path, "a.mp4")
    (tmp_path / "z.avi").mkdir()
    failure = manifest_of(
        "z.avi", status=Status.FAILED, phase="open", reason="its index is missing"
    )
    seal(tmp_path / "z.avi", dataclasses.replace(failure, video=None, counts=Counts()))
    page = report(tmp_path)
    shown = page.shown()
    assert shown.index("open: its index is missing") < shown.index("a.mp4")
    assert shown.index("Needs attention") < shown.index("Videos 1")
    assert "1 need attention" in shown
    page.check_links()


def test_footage_is_what_was_seen_not_what_files_claim(tmp_path):
    (tmp_path / "hole.mkv").mkdir()
    counts = Counts(int(20 * INFO.frame_rate), 0, 0, 0, 0)
    video = dataclasses.replace(INFO, duration=1e6)
    seal(
        tmp_path / "hole.mkv",
        dataclasses.replace(manifest_of("hole.mkv"), video=video, counts=counts),
    )
    assert f"{clock(20, 0)} of footage" in report(tmp_path).shown()


def test_a_duplicate_shows_the_faces_of_its_original(tmp_path):
    publish(tmp_path, "a.mp4")
    (tmp_path / "b.mp4").mkdir()
    copy = manifest_of("b.mp4", status=Status.DUPLICATE, duplicate_of="a.mp4")
    seal(tmp_path / "b.mp4", dataclasses.replace(copy, counts=Counts()))
    page = report(tmp_path)
    assert "same content as a.mp4" in page.shown()
    assert page.links().count("a.mp4/track_0001/best.jpg") == 2
    page.check_links()


def test_a_vanished_source_is_marked(tmp_path):
    publish(tmp_path, "a.mp4")
    with Catalog.open(tmp_path) as books:
        books.mark({"a.mp4": False})
    assert "source gone" in report(tmp_path).shown()


def test_more_tracks_than_fit_are_counted(tmp_path):
    publish(tmp_path, "a.mp4", tracks=11)
    assert "+3" in report(tmp_path).shown()


def test_pages_are_written_only_when_they_change(tmp_path):
    publish(tmp_path, "a.mp4")
    with Catalog.open(tmp_path) as books:
        assert write_index_page(tmp_path, books)
        before = (tmp_path / "index.html").stat()
        assert not write_index_page(tmp_path, books)
        assert (tmp_path / "index.html").stat() == before
        books.update(*publish(tmp_path, "b.mp4"))
        assert write_index_page(tmp_path, books)


def test_many_videos_are_spread_over_pages(tmp_path, monkeypatch):
    monkeypatch.setattr(index_module, "_VIDEOS_A_PAGE", 2)
    for name in ("a.mp4", "b.mp4", "c/d.mp4", "e.mp4", "f.mp4"):
        publish(tmp_path, name, tracks=1)
    report(tmp_path)
    pages = [tmp_path / "index.html", tmp_path / "pages/2.html", tmp_path / "pages/3.html"]
    lists = [Page(path).all("data-tracks") for path in pages]
    assert [len(rows) for rows in lists] == [2, 2, 1]
    for path in pages:
        Page(path).check_links()
    with Catalog.open(tmp_path) as books:
        for name in ("d", "e", "f"):
            books.remove(f"{name}.mp4")
        assert write_index_page(tmp_path, books)
    assert not pages[2].exists()


# Parts -----------------------------------------------------------------------------------------


def test_timeline_places_tracks_cuts_and_gaps():
    line = timeline(scan_of(10), tracks_of(2))
    assert line.seconds == pytest.approx(0.4)
    assert [bar.lane for bar in line.bars] == [0, 1]
    assert line.bars[1].span == Span(pytest.approx(10), pytest.approx(40))
    assert line.bars[1].filled == (Span(pytest.approx(30), pytest.approx(10)),)
    assert [cut.left for cut in line.cuts] == [pytest.approx(10)]


def test_tracks_one_after_the_other_share_a_lane():
    tracks = tracks_of(3)
    apart = dataclasses.replace(tracks, frame=(np.arange(12) // 4 + np.arange(12)).astype(np.int32))
    line = timeline(scan_of(15), apart)
    assert [bar.lane for bar in line.bars] == [0, 0, 0]
    assert line.lanes == 1


def test_a_timeline_of_nothing():
    line = timeline(scan_of(0), tracks_of(0))
    assert (line.seconds, line.lanes, line.bars, line.cuts, line.marks) == (0, 0, (), (), ())


@pytest.mark.parametrize("frames", [1, 2, 30, 400, 9000, 300_000])
def test_marks_are_few_and_within(frames):
    line = timeline(scan_of(frames), tracks_of(0))
    assert 1 <= len(line.marks) <= max(11, frames / 25 / 60 + 1)
    assert all(0 <= mark.left <= 100 for mark in line.marks)


def test_numbers_for_people():
    assert clock(4.92) == "0:04.920"
    assert clock(3723.0004) == "1:02:03.000"
    assert clock(59.9999) == "1:00.000"
    assert clock(59.6, 0) == "1:00"
    assert number(1234567) == "1\u202f234\u202f567"
    assert (plural(1, "track"), plural(0, "track")) == ("1 track", "0 tracks")
    assert [file_size(n) for n in (12, 1500, 4_200_000, 5 * 10**9)] == [
        "12 bytes",
        "1.5 kB",
        "4.2 MB",
        "5.0 GB",
    ]
    assert name_parts("a/b/c.mp4") == ("a/b/", "c.mp4")
    assert name_parts("a\n\udcff.mp4") == ("", "a\\n\\xff.mp4")
