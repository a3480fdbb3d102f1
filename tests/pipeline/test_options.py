"""Every setting is an option, a variable and a line of the settings file."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from pipeline.options import SectionedCommand, add_settings, groups, settings_from
from pipeline.options import read_settings_file as read
from pipeline.settings import Settings


@pytest.fixture
def made() -> list[Settings]:
    return []


@pytest.fixture
def command(made: list[Settings]) -> click.Command:
    def load(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value:
            ctx.default_map = read(Path(value))

    @click.command(cls=SectionedCommand)
    @click.option("-c", is_eager=True, expose_value=False, callback=load)
    @add_settings
    def run(**values: Any) -> None:
        made.append(settings_from(values))

    return run


def call(command: click.Command, *args: str, **environment: str) -> int:
    return CliRunner().invoke(command, args, env=environment).exit_code


def test_names_of_settings_are_unique() -> None:
    names = [field.name for _, group in groups() for field in group]
    assert len(names) == len(set(names))


def test_without_options_the_defaults_hold(command: click.Command, made: list[Settings]) -> None:
    assert call(command) == 0
    assert made == [Settings()]


def test_every_setting_can_be_given(command: click.Command, made: list[Settings]) -> None:
    for group, group_fields in groups():
        for field in group_fields:
            default = getattr(getattr(Settings(), group), field.name)
            flag = "--" + field.name.replace("_", "-")
            args, wanted = argument(flag, field.metadata, default)
            assert call(command, *args) == 0, args
            assert getattr(getattr(made[-1], group), field.name) == wanted


def argument(flag: str, metadata: Any, default: Any) -> tuple[list[str], Any]:
    """Return arguments that change a setting, and the value they should give."""
    if isinstance(default, bool):
        return ([f"--no-{flag[2:]}"] if default else [flag]), not default
    if "choices" in metadata:
        value = (
            metadata["choices"][-1]
            if default != metadata["choices"][-1]
            else metadata["choices"][0]
        )
        return [flag, value], value
    if isinstance(default, tuple):
        return [flag, "*.mp4", flag, "*.mkv"], ("*.mp4", "*.mkv")
    if isinstance(default, str):
        return [flag, "5"], "5"
    value = default - 1 if default == metadata.get("maximum") else default + type(default)(1)
    if metadata.get("maximum") == 1:
        value = 0.5 * default + 0.25
    return [flag, str(value)], value


def test_command_line_over_environment_over_file_over_default(
    command: click.Command, made: list[Settings], tmp_path: Path
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[scan]\nmin_face = 31\n[link]\nmax_gap = 2\n[select]\nmin_crop = 33\n")
    args = ("-c", str(file), "--min-face", "51")
    assert call(command, *args, FACEPICS_MIN_FACE="41", FACEPICS_MAX_GAP="3") == 0
    assert made[0].scan.min_face == 51
    assert made[0].link.max_gap == 3
    assert made[0].select.min_crop == 33
    assert made[0].render == Settings().render


@pytest.mark.parametrize(
    "text",
    ["[scan]\nmin_fase = 3", "[skan]\nmin_face = 3", "min_face = 3", "[scan", "\x00", "scan = 3"],
)
def test_nonsense_in_the_settings_file_is_a_usage_error(
    command: click.Command, made: list[Settings], tmp_path: Path, text: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    assert call(command, "-c", str(file)) == 2
    assert made == []


@pytest.mark.parametrize(
    "args", [("--min-face", "x"), ("--min-face", "1"), ("--video", "all"), ("--crf", "99")]
)
def test_values_out_of_range_are_usage_errors(command: click.Command, args: tuple[str]) -> None:
    assert call(command, *args) == 2


def test_help_lists_every_setting_under_its_stage(command: click.Command) -> None:
    text = CliRunner().invoke(command, ["--help"]).output
    for group, _ in groups():
        assert f"\n{group.capitalize()}:\n" in text
    for group in fields(Settings):
        for field in fields(getattr(Settings(), group.name)):
            assert "--" + field.name.replace("_", "-") in text
