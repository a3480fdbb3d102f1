"""Deciding, source by source, what there is to do: nothing, a record, or a video to work on.

Done or not follows from the content's hash, the keys of the stages and the hash of the weights.
Nothing here opens a video.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline import __version__, names
from pipeline.errors import VideoError
from pipeline.manifest import Manifest
from pipeline.publish import OutputFolder
from pipeline.settings import Settings
from pipeline.sources import Content, Remembered, SourceIndex, sha256_of
from pipeline.types import Source, Status


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about one source."""

    source: Source
    action: str
    """``work``, ``reuse`` (its result stands), ``duplicate``, ``skip``; or the status of a source
    that cannot even be read: ``failed``, ``refused``, ``changing``."""
    why: str
    """In words, for a dry run."""
    folder: str = ""
    """Where its result is or will be, below the output folder."""
    content: Content | None = None
    old: Manifest | None = None
    """The manifest that stands in ``folder``, if it belongs to this source."""
    twin: str = ""
    """Folder of the source with the same content, for a duplicate."""


@dataclass(slots=True)
class Planner:
    """Decides about sources in turn; remembers what the run has already given out."""

    output: OutputFolder
    index: SourceIndex
    settings: Settings
    keys: dict[str, str]
    given: dict[str, str] = field(default_factory=dict)
    """Hash -> folder of everything decided in this run."""
    taken: set[str] = field(default_factory=set)
    """Folders given out in this run."""

    names: dict[str, str] = field(default_factory=dict)
    """Folder -> name of its source, for everything decided in this run."""

    def decide(self, source: Source) -> Decision:
        """Decide about ``source``. Hashes the file unless it is as remembered."""
        if source.young:
            return Decision(source, "skip", "it changed just now; it is left for a later run")
        known = self.index.get(source.path)
        try:
            content = self.index.content(source.path, sha256_of, known)
        except VideoError as error:
            return Decision(source, error.status, str(error))
        same = known is not None and known.fingerprint == str(content.fingerprint)
        if known and known.skipped and same and not source.named and not self._again:
            return Decision(source, "skip", known.skipped, content=content)
        folder = self._folder(source, content, known)
        decision = self._decide(source, content, folder)
        self.taken.add(folder)
        self.names[folder] = source.name
        if decision.action != "duplicate":
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

    def _decide(self, source: Source, content: Content, folder: str) -> Decision:
        old = self.output.manifest(folder)
        if old is not None and old.sha256 != content.sha256:
            old = None
        twin = self._twin(content, folder)
        if twin and old and old.status is Status.DUPLICATE:
            twin_manifest = self.output.manifest(twin)
            if twin_manifest is not None and twin_manifest.name == old.duplicate_of:
                return Decision(source, "reuse", "as before", folder, content, old, twin)
        if twin and (old is None or not old.status.has_results):
            return Decision(source, "duplicate", f"the same as {twin}", folder, content, old, twin)
        if old is not None and not self.settings.run.force and self._stands(old):
            return Decision(source, "reuse", "done", folder, content, old)
        return Decision(source, "work", self._why(old), folder, content, old)

    def _stands(self, old: Manifest) -> bool:
        """Tell whether an older result of the same content is what this run would make."""
        if old.status.has_results:
            return old.keys.get("render") == self.keys["render"]
        if old.status is Status.DUPLICATE or self.settings.run.retry_failed:
            return False
        return old.keys == self.keys and old.program == __version__

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
            manifest = None if other == folder else self.output.manifest(other)
            if (
                manifest is not None
                and manifest.sha256 == content.sha256
                and manifest.status.has_results
                and (self._stands(manifest) or self._has_owner(other))
            ):
                return other
        return ""

    def _has_owner(self, folder: str) -> bool:
        return any(path.exists() for path in self.index.owners(folder))

    def _folder(self, source: Source, content: Content, known: Remembered | None) -> str:
        """Return where the results of ``source`` belong; two sources never share a folder."""
        if known is not None and known.folder and known.folder not in self.taken:
            return known.folder
        wish = source.name if names.is_safe(source.name) else names.slug(source.name)
        own = names.beside(source.name, str(source.path))
        candidates = (wish, names.slug(source.name))
        return next((f for f in candidates if self._is_free(f, source, content)), own)

    def _is_free(self, folder: str, source: Source, content: Content) -> bool:
        if folder in self.taken or not self.output.may_hold_result(folder):
            return False
        there = self.output.manifest(folder)
        if there is None:
            return True
        owners = [path for path in self.index.owners(folder) if path != source.path]
        return there.sha256 == content.sha256 and not any(path.exists() for path in owners)
