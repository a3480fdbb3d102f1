"""Settings that were found to make sense, with what follows from them for a batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import detectors.weights
from detectors import DetectorError
from detectors.errors import check_device_name
from pipeline.errors import SetUpError
from pipeline.every import parse_every
from pipeline.keep import parse_keep
from pipeline.keys import stage_keys
from pipeline.link_settings import check_link_settings
from pipeline.machine import count_workers
from pipeline.publish import OutputFolder
from pipeline.sandbox import Confinement
from pipeline.settings import RenderSettings, Settings, check_settings


@dataclass(frozen=True, slots=True)
class CheckedSettings:
    """What :func:`pipeline.batch.process_batch` goes by."""

    settings: Settings
    keys: dict[str, str]
    weights: dict[str, str]
    """``name`` and ``sha256``."""
    weights_file: Path

    @classmethod
    def check(cls, settings: Settings) -> CheckedSettings:
        """Check what can be checked without opening anything large; raises SetUpError."""
        check_settings(settings)
        parse_every(settings.scan.every)
        parse_keep(settings.select.keep)
        check_link_settings(settings.link)
        _check_redaction(settings.render)
        try:
            check_device_name(settings.run.device)
            entry = detectors.weights.find(settings.scan.weights)
        except DetectorError as error:
            raise SetUpError(str(error)) from error
        if not settings.link.threshold:
            settings = replace(settings, link=replace(settings.link, threshold=entry.threshold))
        if settings.link.threshold < settings.scan.score_floor:
            floor = settings.link.threshold  # what counts must not be thrown away before
            settings = replace(settings, scan=replace(settings.scan, score_floor=floor))
        weights = {"name": entry.name, "sha256": entry.sha256}
        return cls(settings, stage_keys(settings, entry.fingerprint), weights, entry.path)

    @property
    def workers(self) -> int:
        """How many there are at most."""
        return count_workers(self.settings.run.jobs)

    def confinement(self, out: OutputFolder) -> Confinement:
        """Return how workers are shut in that write to ``out``."""
        manifest = self.weights_file.with_name(detectors.weights.MANIFEST)
        run = self.settings.run
        return Confinement(
            reads=(str(self.weights_file), str(manifest), str(out.path)),
            writes=(str(out.staging),),
            memory=run.worker_memory,
            file_size=run.max_output,
            isolate=run.sandbox,
        )


def _check_redaction(settings: RenderSettings) -> None:
    """Raise SetUpError where all that is asked for is what redaction leaves out."""
    if settings.redact != "none" and settings.video == "clips":
        raise SetUpError(
            "with --redact no clips are written: use --video annotated, or none for tables alone"
        )
