"""What each stage's result depends on, as one hash a stage.

A stage runs again when its key changed. The key of a stage covers its settings and the key of the
stage before it, so that a change redoes everything downstream and nothing upstream. A library's
version is no part of it: an upgrade does not silently redo an archive. What changes results on
purpose raises the number of its stage in ``RESULT_VERSIONS``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

from pipeline.settings import Settings

STAGES = ("scan", "link", "select", "render")

RESULT_VERSIONS = {"decode": 1, "scan": 1, "link": 2, "select": 1, "render": 1}


def stage_keys(settings: Settings, weights_sha256: str) -> dict[str, str]:
    """Return stage -> key. ``decode`` is only asked about sources that failed."""
    scan = asdict(replace(settings.scan, weights=weights_sha256))
    keys = {"decode": _key("decode", asdict(settings.decode), "")}
    upstream = _key("scan", scan, "")
    keys["scan"] = upstream
    for stage in STAGES[1:]:
        values = asdict(getattr(settings, stage))
        upstream = keys[stage] = _key(stage, values, upstream)
    return keys


def _key(stage: str, values: dict[str, Any], upstream: str) -> str:
    parts = [RESULT_VERSIONS[stage], values, upstream]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
