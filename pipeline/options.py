"""Command-line options, made from the fields of the settings.

A value comes from the command line, else from the environment (``FACEPICS_MIN_FACE``), else from
the settings file, else from the default. In the settings file (TOML) the settings stand in a table
for each stage, as in :class:`pipeline.settings.Settings`.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import click

from pipeline.settings import Settings

_PREFIX: Final = "FACEPICS_"
_CLOSE: Final = 0.9
"""Likeness of two names from which one is taken for a slip of the other."""


def groups() -> Iterator[tuple[str, tuple[dataclasses.Field[Any], ...]]]:
    """Yield each group's name with its fields, in the order of the stages."""
    for group in dataclasses.fields(Settings):
        yield group.name, dataclasses.fields(group.default)  # type: ignore[arg-type]


def add_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for every setting to a click command (use as a decorator)."""
    for _, fields in reversed(list(groups())):
        for field in reversed(fields):
            command = _option(field)(command)
    return command


def settings_from(values: dict[str, Any]) -> Settings:
    """Build the settings from the values of all options."""
    built = {}
    for name, fields in groups():
        group_type = type(getattr(Settings(), name))
        built[name] = group_type(**{field.name: values[field.name] for field in fields})
    return Settings(**built)


def read_settings_file(path: Path) -> dict[str, Any]:
    """Return option -> value from a settings file; raises click's usage errors."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path} cannot be read as TOML: {error}") from error
    known = {name: {field.name for field in fields} for name, fields in groups()}
    defaults = {name: getattr(Settings(), name) for name in known}
    values: dict[str, Any] = {}
    for table, entries in tables.items():
        if table not in known or not isinstance(entries, dict):
            raise click.BadParameter(
                f"{path}: [{table}] is no table of settings; there are {', '.join(known)}"
            )
        if unknown := set(entries) - known[table]:
            raise click.BadParameter(
                f"{path}: {sorted(unknown)[0]!r} is no setting of [{table}]; there are "
                f"{', '.join(sorted(known[table]))}"
            )
        for name, value in entries.items():
            if isinstance(value, str) and isinstance(getattr(defaults[table], name), tuple):
                raise click.BadParameter(f'{path}: {name} is a list: write {name} = ["{value}"]')
        values.update(entries)
    return values


def mistaken_variables(
    command: click.Command, environment: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield variables that are nearly those of options, each with the one that is meant."""
    known = [str(param.envvar) for param in command.params if param.envvar]
    for name in sorted(environment):
        if name.startswith(_PREFIX) and name not in known:
            for meant in get_close_matches(name, known, 1, _CLOSE):
                yield name, meant


class SectionedCommand(click.Command):
    """A command whose help lists the options under a heading for each stage."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those of no stage first."""
        sections: dict[str, list[tuple[str, str]]] = {"options": []}
        stage_of = {field.name: name for name, fields in groups() for field in fields}
        options = (param for param in self.get_params(ctx) if isinstance(param, click.Option))
        for parameter in options:
            record = parameter.get_help_record(ctx)
            if record is not None:
                sections.setdefault(stage_of.get(str(parameter.name), "options"), []).append(record)
        for name, records in sections.items():
            with formatter.section(name.capitalize()):
                formatter.write_dl(records)


class _Number(click.FloatRange):
    name = "number"  # as what is none is told that it is no such thing


class _WholeNumber(click.IntRange):
    name = "whole number"


def _option(field: dataclasses.Field[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    flag = "--" + field.name.replace("_", "-")
    common: dict[str, Any] = {
        "default": field.default,
        "help": field.metadata["help"],
        "envvar": f"{_PREFIX}{field.name.upper()}",
        "show_default": True,
    }
    if field.type == "bool":
        names = f"{flag}/--no-{field.name.replace('_', '-')}" if field.default else flag
        return click.option(names, field.name, is_flag=True, **common)
    if str(field.type).startswith("tuple"):
        common.update(multiple=True, default=(), show_default=False)
    return click.option(flag, field.name, type=_type(field), metavar=_metavar(field), **common)


def _type(field: dataclasses.Field[Any]) -> click.ParamType[Any]:
    low, high = field.metadata.get("minimum"), field.metadata.get("maximum")
    if "choices" in field.metadata:
        return click.Choice(field.metadata["choices"])
    if field.type == "float":
        return _Number(low, high)
    if field.type == "int":
        return _WholeNumber(low, high)
    return click.STRING


def _metavar(field: dataclasses.Field[Any]) -> str | None:
    if "choices" in field.metadata:
        return None
    return {"float": "NUMBER", "int": "N"}.get(str(field.type), "TEXT")
