"""What is done again, and what is not."""

import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import __version__
from pipeline.facts import Source, Status
from pipeline.keys import stage_keys
from pipeline.manifest import FILE_NAME, Manifest
from pipeline.planning import Decision, Planner
from pipeline.publish import OutputFolder
from pipeline.settings import Settings
from pipeline.sources import SourceIndex
from pipeline.tombstones import PurgedTrack, Tombstone

KEYS = stage_keys(Settings(), "weights")


class Archive:
    """A folder of files, and the output folder that a run would write."""

    def __init__(self, root: Path, out: OutputFolder, index: SourceIndex) -> None:
        self.root, self.out, self.index = root, out, index
        self.purged: dict[str, Tombstone] = {}

    def put(self, name: str, content: str, root: str = "media") -> Source:
        path = self.root / root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return Source(path, name)

    def decide(self, *sources: Source, **changes: object) -> list[Decision]:
        """Decide as a new run would; ``changes`` are settings of the run or of linking."""
        settings = Settings()
        link = {name: value for name, value in changes.items() if name == "max_gap"}
        run = {name: value for name, value in changes.items() if name != "max_gap"}
        settings = replace(
            settings,
            run=replace(settings.run, **run),  # type: ignore[arg-type]
            link=replace(settings.link, **link),  # type: ignore[arg-type]
        )
        keys = stage_keys(settings, "weights")
        planner = Planner(self.out, self.index, settings, keys, self.purged)
        return [planner.decide(source) for source in sources]

    def finish(self, decision: Decision, status: Status = Status.DONE, **facts: object) -> None:
        """Publish a result for a decision, as a run would."""
        assert decision.content is not None
        manifest = Manifest(
            decision.source.name,
            decision.content.fingerprint.size,
            decision.content.sha256,
            status,
            **{"keys": KEYS, "program": __version__, **facts},  # type: ignore[arg-type]
        )
        stage = self.out.stage(decision.folder)
        (stage / FILE_NAME).write_text(manifest.to_json())
        self.out.publish(stage, decision.folder)
        self.index.put(decision.source.path, decision.content, decision.folder)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with OutputFolder(tmp_path / "out") as out, SourceIndex(out.inner / "index.sqlite") as index:
        yield Archive(tmp_path, out, index)


def test_a_new_video_is_worked_on_under_its_own_name(archive: Archive) -> None:
    (decision,) = archive.decide(archive.put("holiday/day 1.mp4", "x"))
    assert (decision.action, decision.why) == ("work", "new")
    assert decision.folder == "holiday/day 1.mp4"


@pytest.mark.parametrize("status", [Status.DONE, Status.EMPTY, Status.PARTIAL])
def test_what_was_worked_through_stands(archive: Archive, status: Status) -> None:
    source = archive.put("a.mp4", "x")
    archive.finish(archive.decide(source)[0], status)
    assert archive.decide(source)[0].action == "reuse"
    assert archive.decide(source, retry_failed=True)[0].action == "reuse"
    assert archive.decide(source, force=True)[0].action == "work"


def test_changed_settings_say_which_stage_they_redo(archive: Archive) -> None:
    source = archive.put("a.mp4", "x")
    archive.finish(archive.decide(source)[0])
    (decision,) = archive.decide(source, max_gap=9.0)
    assert (decision.action, decision.why) == ("work", "settings of link changed")
    assert decision.old is not None


def test_changed_content_is_worked_on_in_the_same_folder(archive: Archive) -> None:
    source = archive.put("a.mp4", "x")
    archive.finish(archive.decide(source)[0])
    archive.put("a.mp4", "other")
    (decision,) = archive.decide(source)
    assert (decision.action, decision.folder, decision.old) == ("work", "a.mp4", None)


@pytest.mark.parametrize("status", [Status.FAILED, Status.REFUSED, Status.LIMIT])
def test_what_failed_is_left_until_something_changes(archive: Archive, status: Status) -> None:
    source = archive.put("a.mp4", "x")
    archive.finish(archive.decide(source)[0], status)
    assert archive.decide(source)[0].action == "reuse"
    assert archive.decide(source, retry_failed=True)[0].action == "work"
    assert archive.decide(source, max_gap=9.0)[0].action == "work"
    archive.finish(archive.decide(source)[0], status, program="another version")
    assert archive.decide(source)[0].action == "work"


@pytest.mark.parametrize("status", [Status.CRASHED, Status.TIMEOUT])
def test_what_may_have_been_an_accident_is_tried_once_more(
    archive: Archive, status: Status
) -> None:
    source = archive.put("a.mp4", "x")
    archive.finish(archive.decide(source)[0], status)
    (again,) = archive.decide(source)
    assert again.action == "work"
    assert again.failure is not None
    archive.finish(again, status, attempts=2)
    assert archive.decide(source)[0].action == "reuse"
    assert archive.decide(source, retry_failed=True)[0].action == "work"
    assert archive.decide(source, max_gap=9.0)[0].action == "work"


def test_a_failure_under_new_settings_stands_beside_the_older_result(archive: Archive) -> None:
    source = archive.put("a.mp4", "x")
    archive.finish(archive.decide(source)[0])
    (decision,) = archive.decide(source, max_gap=9.0)
    assert decision.content is not None
    keys = stage_keys(replace(Settings(), link=replace(Settings().link, max_gap=9.0)), "weights")
    failure = Manifest(
        "a.mp4", 1, decision.content.sha256, Status.FAILED, keys=keys, program=__version__
    )
    archive.index.put(source.path, decision.content, "a.mp4", failure=failure.to_json())
    (again,) = archive.decide(source, max_gap=9.0)
    assert again.action == "reuse"
    assert again.old == failure
    (back,) = archive.decide(source)
    assert back.action == "reuse"
    assert back.old is not None
    assert back.old.status is Status.DONE


def test_a_file_that_moved_and_one_that_took_its_place_are_two(archive: Archive) -> None:
    source = archive.put("inbox/day.mp4", "x")
    archive.finish(archive.decide(source)[0])
    moved, new = archive.put("archive/day-1.mp4", "x"), archive.put("inbox/day.mp4", "y")
    assert [decision.action for decision in archive.decide(moved, new)] == ["work", "work"]


def test_a_folder_that_was_adopted_has_one_owner(archive: Archive) -> None:
    source = archive.put("clip.mp4", "x", root="s1")
    archive.finish(archive.decide(source)[0])
    source.path.unlink()
    moved = archive.put("clip.mp4", "x", root="s2")
    (decision,) = archive.decide(moved)
    assert decision.folder == "clip.mp4"
    assert decision.content is not None
    archive.index.put(moved.path, decision.content, decision.folder)
    (other,) = archive.decide(archive.put("clip.mp4", "y", root="s1"))
    assert other.folder != "clip.mp4"


def test_a_folder_of_the_user_is_never_taken_for_a_result(archive: Archive) -> None:
    source = archive.put("a.mp4", "x")
    archive.finish(archive.decide(source)[0])
    (archive.out.path / "a.mp4" / FILE_NAME).unlink()
    (archive.out.path / "a.mp4" / "mine.txt").write_text("keep this")
    assert archive.decide(source)[0].folder != "a.mp4"


def test_the_same_content_is_worked_on_once(archive: Archive) -> None:
    first, second = archive.put("a.mp4", "x"), archive.put("b.mp4", "x")
    one, two = archive.decide(first, second)
    assert (one.action, two.action, two.twin) == ("work", "duplicate", "a.mp4")
    archive.finish(one)
    archive.finish(two, Status.DUPLICATE, duplicate_of="a.mp4")
    assert [decision.action for decision in archive.decide(first, second)] == ["reuse", "reuse"]
    changed = archive.decide(first, second, max_gap=9.0)
    assert [decision.action for decision in changed] == ["work", "reuse"]


def test_to_force_works_on_a_duplicate_whose_original_is_gone(archive: Archive) -> None:
    first, second = archive.put("a.mp4", "x"), archive.put("b.mp4", "x")
    one, two = archive.decide(first, second)
    archive.finish(one)
    archive.finish(two, Status.DUPLICATE, duplicate_of="a.mp4")
    first.path.unlink()
    assert archive.decide(second)[0].action == "reuse"
    assert archive.decide(second, force=True)[0].action == "work"


def test_what_stands_is_called_by_its_name(archive: Archive) -> None:
    good, bad = archive.put("a.mp4", "x"), archive.put("b.mp4", "y")
    one, two = archive.decide(good, bad)
    archive.finish(one)
    archive.finish(two, Status.FAILED, reason="no frame can be decoded: there is none")
    reasons = [decision.why for decision in archive.decide(good, bad)]
    assert reasons == ["done", "failed: no frame can be decoded: there is none"]


def test_a_duplicate_met_first_leaves_the_work_where_it_was_done(archive: Archive) -> None:
    original = archive.put("b.mp4", "x")
    archive.finish(archive.decide(original)[0])
    copy = archive.put("a.mp4", "x")
    decisions = archive.decide(copy, original)
    assert [decision.action for decision in decisions] == ["duplicate", "reuse"]
    changed = archive.decide(copy, original, max_gap=9.0)
    assert [decision.action for decision in changed] == ["duplicate", "work"]


def test_a_duplicate_whose_original_became_another_video_is_worked_on(archive: Archive) -> None:
    first, second = archive.put("a.mp4", "x"), archive.put("b.mp4", "x")
    one, two = archive.decide(first, second)
    archive.finish(one)
    archive.finish(two, Status.DUPLICATE, duplicate_of="a.mp4")
    archive.put("a.mp4", "other")
    archive.finish(archive.decide(first, second)[0])
    assert archive.decide(first, second)[1].action == "work"


def test_two_videos_of_one_name_never_share_a_folder(archive: Archive) -> None:
    here, there = archive.put("a.mp4", "x"), archive.put("a.mp4", "y", root="other")
    one, two = archive.decide(here, there)
    assert one.folder == "a.mp4"
    assert two.folder.startswith("a.mp4-")
    archive.finish(one)
    archive.finish(two)
    assert [one.folder, two.folder] == [each.folder for each in archive.decide(here, there)]
    (alone,) = archive.decide(there)
    assert (alone.action, alone.folder) == ("reuse", two.folder)


def test_another_video_of_that_name_on_another_night_does_not_replace_the_first(
    archive: Archive,
) -> None:
    here = archive.put("a.mp4", "x")
    archive.finish(archive.decide(here)[0])
    (decision,) = archive.decide(archive.put("a.mp4", "y", root="other"))
    assert decision.folder != "a.mp4"


def test_a_moved_archive_keeps_its_results(archive: Archive) -> None:
    source = archive.put("a.mp4", "x")
    archive.finish(archive.decide(source)[0])
    source.path.unlink()
    (decision,) = archive.decide(archive.put("a.mp4", "x", root="moved"))
    assert (decision.action, decision.folder) == ("reuse", "a.mp4")


def test_a_vanished_video_is_not_replaced_by_another_of_its_name(archive: Archive) -> None:
    source = archive.put("a.mp4", "x")
    archive.finish(archive.decide(source)[0])
    source.path.unlink()
    (decision,) = archive.decide(archive.put("a.mp4", "y", root="moved"))
    assert decision.folder != "a.mp4"


def test_without_the_index_nothing_is_done_again_and_nothing_is_lost(archive: Archive) -> None:
    source = archive.put("a.mp4", "x")
    archive.finish(archive.decide(source)[0])
    with SourceIndex(archive.root / "new-index.sqlite") as archive.index:
        (decision,) = archive.decide(source)
        assert (decision.action, decision.folder) == ("reuse", "a.mp4")
        archive.put("a.mp4", "other")
        assert archive.decide(source)[0].folder != "a.mp4"


def test_a_torn_manifest_is_not_done(archive: Archive) -> None:
    source = archive.put("a.mp4", "x")
    archive.finish(archive.decide(source)[0])
    file = archive.out.path / "a.mp4" / FILE_NAME
    file.write_text(file.read_text()[:50])
    (decision,) = archive.decide(source)
    assert (decision.action, decision.folder) == ("work", "a.mp4")


def test_names_that_no_system_can_hold_get_a_safe_folder(archive: Archive) -> None:
    sources = [
        archive.put(name, ascii(name)) for name in ("bad-\udcff.mp4", "a\nb.mp4", "a b?.mp4", "CON")
    ]
    folders = [decision.folder for decision in archive.decide(*sources)]
    assert len(set(folders)) == 4
    assert all(folder.isascii() and "?" not in folder for folder in folders)


def test_a_video_below_another_ones_result_gets_a_folder_beside_it(archive: Archive) -> None:
    archive.finish(archive.decide(archive.put("a.mp4", "x"))[0])
    (decision,) = archive.decide(archive.put("a.mp4/b.mp4", "y", root="other"))
    top, _, rest = decision.folder.partition("/")
    assert top.startswith("a.mp4-")
    assert rest == "b.mp4"


def test_what_is_no_video_is_not_asked_again(archive: Archive) -> None:
    source = archive.put("notes.txt", "x")
    (decision,) = archive.decide(source)
    assert decision.content is not None
    archive.index.put(source.path, decision.content, skipped="it is no video")
    assert archive.decide(source)[0].action == "skip"
    assert archive.decide(replace(source, named=True))[0].action == "work"
    archive.put("notes.txt", "other")
    assert archive.decide(source)[0].action == "work"


def test_an_unreadable_file_is_said_so(archive: Archive) -> None:
    source = archive.put("a.mp4", "x")
    source.path.unlink()
    (decision,) = archive.decide(source)
    assert (decision.action, decision.status) == ("report", Status.FAILED)


def test_what_was_purged_is_not_done_again_under_any_name_or_setting(archive: Archive) -> None:
    source, copy = archive.put("a.mp4", "x"), archive.put("copy.mp4", "x")
    (first, _) = archive.decide(source, copy)
    assert first.content is not None
    archive.purged = {first.content.sha256: Tombstone("a.mp4")}
    for changes in ({}, {"max_gap": 9.0}, {"force": True}, {"retry_failed": True}):
        decisions = archive.decide(source, copy, **changes)
        assert [decision.action for decision in decisions] == ["skip", "skip"]
    program, *words = shlex.split(decisions[1].why.partition("all of it: ")[2])
    assert (program, words[0]) == ("facepics", "purge")
    assert words[1:] == [str(archive.out.path), "--source", str(copy.path), "--forget"]
    archive.put("a.mp4", "other")
    assert archive.decide(source)[0].action == "work"


def test_a_result_without_a_purged_track_stands_whatever_the_settings_are(
    archive: Archive,
) -> None:
    source = archive.put("a.mp4", "x")
    (first,) = archive.decide(source)
    assert first.content is not None
    archive.finish(first)
    track = PurgedTrack(1, 0.0, 1.0, (0, 0, 9, 9))
    archive.purged = {first.content.sha256: Tombstone("a.mp4", (track,))}
    for changes in ({}, {"max_gap": 9.0}, {"force": True}):
        assert archive.decide(source, **changes)[0].action == "reuse"
    copy = archive.put("copy.mp4", "x")
    (decision,) = archive.decide(copy)
    assert (decision.action, decision.twin) == ("duplicate", "a.mp4")
    source.path.rename(source.path.with_name("elsewhere.mp4"))
    for changes in ({}, {"force": True}):
        assert archive.decide(copy, **changes)[0].twin == "a.mp4"
    shutil.rmtree(archive.out.path / "a.mp4")
    (decision,) = archive.decide(copy)
    assert (decision.action, decision.status) == ("skip", Status.PURGED)
