"""Deciding, source by source, what there is to do: nothing, a record, or a video to work on.

Done or not follows from the content's hash, the keys of the stages and the hash of the weights.
Nothing here opens a video.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pipeline import __version__, names
from pipeline.errors import VideoError
from pipeline.facts import Source, Status
from pipeline.manifest import BrokenManifest, Manifest
from pipeline.publish import OutputFolder
from pipeline.settings import Settings
from pipeline.sources import Content, Remembered, SourceIndex, is_there, sha256_of
from pipeline.tombstones import Tombstone


class Action(StrEnum):
    """What is to be done about a source."""

    WORK = "work"
    REUSE = "reuse"
    """Its result stands."""
    DUPLICATE = "duplicate"
    """Its content is worked on under another path."""
    SKIP = "skip"
    """It is known to be no video."""
    WAIT = "wait"
    """It is left for a later run."""
    REPORT = "report"
    """It cannot even be read."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about one source."""

    source: Source
    action: Action
    why: str
    """In words, for a dry run."""
    folder: str = ""
    """Where its result is or will be, below the output folder."""
    content: Content | None = None
    old: Manifest | None = None
    """What an earlier run made of this content, be it a result or a failure."""
    status: Status = Status.FAILED
    """What is reported of a source that cannot be read, or of which nothing is to be made."""
    failure: Manifest | None = None
    """How an earlier run failed at this content."""
    twin: str = ""
    """Folder of the source with the same content, for a duplicate."""


@dataclass(slots=True)
class Planner:
    """Decides about sources in turn; remembers what the run has already given out."""

    output: OutputFolder
    index: SourceIndex
    settings: Settings
    keys: dict[str, str]
    purged: Mapping[str, Tombstone] = field(default_factory=dict)
    """Hash -> what of this content must not come back."""
    given: dict[str, str] = field(default_factory=dict)
    """Hash -> folder of everything decided in this run."""
    taken: set[str] = field(default_factory=set)
    """Folders given out in this run."""

    names: dict[str, str] = field(default_factory=dict)
    """Folder -> name of its source, for everything decided in this run."""

    def decide(self, source: Source) -> Decision:
        """Decide about ``source``. Hashes the file unless it is as remembered."""
        if source.young:
            return Decision(source, Action.WAIT, "it changed just now; it is left for a later run")
        known = self.index.get(source.path)
        try:
            content = self.index.content(source.path, sha256_of, known)
        except VideoError as error:
            return Decision(source, Action.REPORT, str(error), status=Status(error.status))
        if known is not None and known.fingerprint != str(content.fingerprint):
            known = replace(known, skipped="", failure="")
        if known and known.skipped and not source.named and not self._again:
            reason = known.skipped
            return Decision(source, Action.SKIP, reason, content=content, status=Status.SKIPPED)
        folder = self._folder(source, content, known)
        stone = self.purged.get(content.sha256)
        if stone is not None:
            decision = self._purged(source, content, folder, stone)
        else:
            decision = self._decide(source, content, folder, known)
        self.taken.add(folder)
        self.names[folder] = source.name
        if decision.action is not Action.DUPLICATE:
            self.given.setdefault(content.sha256, folder)
        return decision

    def name_of(self, folder: str) -> str:
        """Return the name of the source whose result is, or will be, in ``folder``."""
        if folder not in self.names:
            manifest = self.output.manifest(folder)
            self.names[folder] = manifest.name if manifest else folder
        return self.names[folder]

    @property
    def _again(self) -> bool:
        return self.settings.run.force or self.settings.run.retry_failed

    def _decide(
        self, source: Source, content: Content, folder: str, known: Remembered | None
    ) -> Decision:
        old = self._manifest(folder, content)
        twin = self._twin(content, folder)
        if twin and old and old.status is Status.DUPLICATE:
            original = self._manifest(twin, content)
            if original is not None and original.name == old.duplicate_of:
                why = f"the same as {twin}"
                return Decision(source, Action.REUSE, why, folder, content, old, twin=twin)
        if twin and (old is None or not old.status.has_results):
            why = f"the same as {twin}"
            return Decision(source, Action.DUPLICATE, why, folder, content, old, twin=twin)
        failure = old if old and not old.status.has_results else _failure(known)
        for earlier in (old, failure):
            if earlier is not None and not self.settings.run.force and self._stands(earlier):
                return Decision(source, Action.REUSE, _how(earlier), folder, content, earlier)
        why = self._why(old)
        return Decision(source, Action.WORK, why, folder, content, old, failure=failure)

    def _purged(self, source: Source, content: Content, folder: str, stone: Tombstone) -> Decision:
        """Leave as it is what purging left, whatever the settings are; bring nothing back."""
        old = self._manifest(folder, content)
        if old is not None and not stone.whole:
            return Decision(source, Action.REUSE, "tracks were purged", folder, content, old)
        twin = "" if stone.whole else self._purged_twin(content, folder)
        if twin:
            why = f"the same as {twin}, of which tracks were purged"
            return Decision(source, Action.DUPLICATE, why, folder, content, old, twin=twin)
        places = str(self.output.path), str(source.path)
        command = shlex.join(["facepics", "purge", places[0], "--source", places[1], "--forget"])
        why = f"it was purged; to have it done again, all of it: {command}"
        return Decision(source, Action.SKIP, why, folder, content, status=Status.PURGED)

    def _purged_twin(self, content: Content, folder: str) -> str:
        """Return the folder in which a result without its purged tracks stands, if any."""
        given = self.given.get(content.sha256)
        others = [given] if given else self.index.folders_with(content.sha256)
        for other in others:
            manifest = None if other == folder else self._manifest(other, content)
            if manifest and manifest.status.has_results:
                return other
        return ""

    def _manifest(self, folder: str, content: Content) -> Manifest | None:
        """Return the manifest in ``folder`` if it is about that content."""
        manifest = self.output.manifest(folder)
        return manifest if manifest and manifest.sha256 == content.sha256 else None

    def _stands(self, old: Manifest) -> bool:
        """Tell whether an older result of the same content is what this run would make.

        What killed or stalled its worker is tried once more: that may have been an accident.
        """
        if old.status.has_results:
            return old.keys.get("render") == self.keys["render"]
        if old.status is Status.DUPLICATE or self.settings.run.retry_failed:
            return False
        settled = old.attempts > 1 or not old.status.may_be_accident
        return settled and old.keys == self.keys and old.program == __version__

    def _why(self, old: Manifest | None) -> str:
        if old is None:
            return "new"
        if not old.status.has_results:
            return f"was {old.status.value}"
        changed = [stage for stage in self.keys if old.keys.get(stage) != self.keys[stage]]
        return f"settings of {changed[0]} changed" if changed else "asked for"

    def _twin(self, content: Content, folder: str) -> str:
        """Return the folder that stands for the same content under another path, if any."""
        given = self.given.get(content.sha256)
        if given is not None:
            return given if given != folder else ""
        for other in self.index.folders_with(content.sha256):
            manifest = None if other == folder else self._manifest(other, content)
            if manifest and manifest.status.has_results and self._will_stay(other, manifest):
                return other
        return ""

    def _will_stay(self, folder: str, manifest: Manifest) -> bool:
        """Tell whether ``folder`` will still hold results of its content after this run."""
        owner = self.index.owner(folder)
        if owner is None or is_there(owner) is False:
            return self._stands(manifest) and not self.settings.run.force
        return self.index.is_unchanged(owner)

    def _folder(self, source: Source, content: Content, known: Remembered | None) -> str:
        """Return where the results of ``source`` belong; two sources never share a folder."""
        remembered = known.folder if known else ""
        if remembered and self._may_have(remembered):
            return remembered
        wish = source.name if names.is_safe(source.name) else names.slug(source.name)
        own = names.beside(source.name, str(source.path))
        candidates = (wish, names.slug(source.name))
        return next((f for f in candidates if self._is_free(f, source, content)), own)

    def _may_have(self, folder: str) -> bool:
        return folder not in self.taken and self.output.may_hold_result(folder)

    def _is_free(self, folder: str, source: Source, content: Content) -> bool:
        if not self._may_have(folder):
            return False
        there = self.output.manifest(folder)
        if there is None:
            return True
        owner = self.index.owner(folder)
        gone = owner is None or owner == source.path or is_there(owner) is False
        return gone and there.sha256 == content.sha256


def _how(manifest: Manifest) -> str:
    """Return what stands: ``done``, or ``failed: no frame can be decoded``."""
    reason = f": {manifest.reason}" if manifest.reason else ""
    return f"{manifest.status.value}{reason}"


def _failure(known: Remembered | None) -> Manifest | None:
    """Return the failure that is remembered instead of an older result, if any."""
    try:
        return Manifest.from_json(known.failure) if known and known.failure else None
    except BrokenManifest:
        return None
