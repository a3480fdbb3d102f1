"""What redoes which stage."""

from dataclasses import fields, replace
from typing import Any

import pytest

from pipeline.keys import STAGES, stage_keys
from pipeline.options import groups
from pipeline.settings import Settings

BASE = stage_keys(Settings(), "weights")


def other(value: Any) -> Any:
    """Return a value of the same type that differs."""
    return {str: lambda: value + "x", bool: lambda: not value, tuple: lambda: ("x",)}.get(
        type(value), lambda: value + 1
    )()


@pytest.mark.parametrize("stage", STAGES)
def test_a_setting_redoes_its_stage_and_what_follows(stage: str) -> None:
    for field in fields(getattr(Settings(), stage)):
        if field.name == "weights":
            continue  # goes by hash
        group = replace(
            getattr(Settings(), stage),
            **{field.name: other(getattr(getattr(Settings(), stage), field.name))},
        )
        keys = stage_keys(replace(Settings(), **{stage: group}), "weights")
        changed = [name for name in STAGES if keys[name] != BASE[name]]
        assert changed == list(STAGES[STAGES.index(stage) :]), field.name


@pytest.mark.parametrize("group", [name for name, _ in groups() if name not in STAGES])
def test_no_other_setting_redoes_anything(group: str) -> None:
    for field in fields(getattr(Settings(), group)):
        value = getattr(getattr(Settings(), group), field.name)
        changed = replace(getattr(Settings(), group), **{field.name: other(value)})
        keys = stage_keys(replace(Settings(), **{group: changed}), "weights")
        assert {name: keys[name] for name in STAGES} == {name: BASE[name] for name in STAGES}


def test_it_does_not_matter_how_a_number_was_written() -> None:
    settings = replace(Settings(), scan=replace(Settings().scan, min_face=40))
    same = replace(Settings(), scan=replace(Settings().scan, min_face=40.0))
    assert stage_keys(settings, "weights") == stage_keys(same, "weights")


def test_weights_count_by_hash_not_by_name() -> None:
    assert stage_keys(Settings(), "others")["scan"] != BASE["scan"]
    renamed = replace(Settings(), scan=replace(Settings().scan, weights="another-name"))
    assert stage_keys(renamed, "weights") == BASE
