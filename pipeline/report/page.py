"""What all pages share: the templates, and how numbers, times and names are shown."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from pipeline.names import printable


def render(template: str, **values: object) -> bytes:
    """Return a page: ``template`` filled with ``values``, everything escaped."""
    return _environment().get_template(template).render(values).encode()


def number(value: int) -> str:
    """Return ``12 345``: thousands apart by a narrow space that does not break."""
    return f"{value:,}".replace(",", "\u202f")


def plural(count: int, noun: str) -> str:
    """Return ``1 track`` or ``12 tracks``."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def clock(seconds: float, decimals: int = 3) -> str:
    """Return a time as ``0:04.920`` or ``1:02:03.000``."""
    ticks = round(seconds * 10**decimals)
    whole, part = divmod(ticks, 10**decimals)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
    return f"{text}.{part:0{decimals}d}" if decimals else text


def file_size(size: int) -> str:
    """Return bytes as ``4.2 MB``."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return plural(size, "byte")


def picture_size(width: int, height: int) -> str:
    """Return a picture's size, with a sign of multiplication."""
    return f"{width} \u00d7 {height}"


def name_parts(name: str) -> tuple[str, str]:
    """Return a source's folders, with a ``/`` at the end, and its file name, both to be shown."""
    folders, slash, file = name.rpartition("/")
    return printable(folders + slash), printable(file)


def _mark(seconds: float) -> str:
    return clock(seconds, 0 if seconds == round(seconds) else 1)


def _decimal(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, plural=plural, clock=clock, mark=_mark, decimal=_decimal
    )
    script = _text("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals.update(
        style=Markup(_text("style.css")),
        script=Markup(script),
        script_hash=f"sha256-{digest}",
    )
    return environment


def _text(name: str) -> str:
    return files("pipeline.report").joinpath("templates", name).read_text("utf-8")
