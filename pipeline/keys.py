"""What each stage's result depends on, as one hash a stage.

A stage runs again when its key changed. The key of a stage covers its settings and the key of the
stage before it, so that a change redoes everything downstream and nothing upstream. A library's
version is no part of it: an upgrade does not silently redo an archive. What changes results on
purpose raises the number of its stage in ``RESULT_VERSIONS``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from typing import Any

from pipeline.settings import Settings

STAGES = ("scan", "link", "select", "render")

RESULT_VERSIONS = {"decode": 2, "scan": 4, "link": 3, "select": 2, "render": 2}


def stage_keys(settings: Settings, weights: str) -> dict[str, str]:
    """Return stage -> key; ``weights`` is a hash of them and of how they are used.

    ``decode`` is only asked about sources that failed.
    """
    keys = {"decode": _key("decode", settings.decode, "")}
    upstream = ""
    for stage in STAGES:
        group = getattr(settings, stage)
        if stage == "scan":
            group = replace(group, weights=weights)
        upstream = keys[stage] = _key(stage, group, upstream)
    return keys


def _key(stage: str, group: Any, upstream: str) -> str:
    # 40 and 40.0 are the same setting, whichever way it was given
    values = {
        field.name: float(value) if field.type == "float" else value
        for field in fields(group)
        for value in [getattr(group, field.name)]
    }
    parts = [RESULT_VERSIONS[stage], values, upstream]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
