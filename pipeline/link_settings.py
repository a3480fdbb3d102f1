"""What is asked of the settings of linking beyond ranges: a tracker that there is, a region."""

from __future__ import annotations

from typing import Final

from pipeline.errors import SetUpError
from pipeline.region import parse_region
from pipeline.settings import LinkSettings

OFFLINE: Final = "offline"
"""The tracker that has seen the whole shot; the others are those of :data:`trackers.TRACKERS`."""


def check_link_settings(settings: LinkSettings) -> None:
    """Raise SetUpError for a tracker that there is not, or a region that makes no sense."""
    if settings.tracker != OFFLINE:
        _check_online(settings.tracker)
    if settings.region:
        parse_region(settings.region)


def _check_online(tracker: str) -> None:
    from trackers import TRACKERS  # with all that they compute with: only where one is asked for

    if tracker not in TRACKERS:
        names = ", ".join((OFFLINE, *TRACKERS))
        raise SetUpError(f"Choose one of the trackers {names}, not {tracker!r}.")
