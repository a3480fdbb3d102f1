"""Encoders: x264 always, those of graphics cards where they are."""

import pytest

from pipeline.errors import SetUpError
from pipeline.render import encoders
from pipeline.render.encoders import HARDWARE, Encoder, choose_encoder, try_out
from pipeline.settings import RenderSettings


def test_x264_works() -> None:
    try_out("x264")


def test_one_that_fails_is_an_error_of_setting_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is that fails: here the format of the pictures."""
    broken = Encoder("libx264", "none", {})
    monkeypatch.setattr(encoders, "choose_encoder", lambda _: broken)
    with pytest.raises(SetUpError, match=r"nvenc.*--encoder x264"):
        try_out.__wrapped__("nvenc")


@pytest.mark.parametrize("name", ["x264", *HARDWARE])
def test_the_quality_reaches_the_encoder(name: str) -> None:
    options = choose_encoder(RenderSettings(encoder=name, crf=31)).options
    assert "31" in options.values()


def test_the_preset_is_x264s() -> None:
    assert choose_encoder(RenderSettings(preset="slow")).options["preset"] == "slow"
