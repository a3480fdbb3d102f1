"""How encoders are weighed."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import encoding
from benchmarks.encoding import run, ssim
from benchmarks.results import encoding_table
from tests.pipeline.test_seek import noise
from tests.pipeline.video_files import write_video


def test_likeness_is_one_of_a_picture_with_itself_and_falls_with_noise() -> None:
    random = np.random.default_rng(1)
    picture = random.integers(0, 256, (40, 60), np.uint8).repeat(2, 0).repeat(2, 1)
    little, much = (
        np.clip(picture + random.normal(0, deviation, picture.shape), 0, 255).astype(np.uint8)
        for deviation in (5, 40)
    )
    assert ssim(picture, picture) == pytest.approx(1)
    assert 1 > ssim(picture, little) > ssim(picture, much) > 0


def test_a_lower_quality_is_smaller_and_less_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "PRESETS", ("veryfast",))
    monkeypatch.setattr(encoding, "QUALITIES", (35,))
    clip = write_video(tmp_path / "a.mp4", noise(10), options={"crf": "10"})
    fine, rough = run([clip], turns=1)
    assert (fine.crf, rough.crf) == (23, 35)
    assert fine.rate > rough.rate > 0
    assert 1 > fine.ssim > rough.ssim
    assert fine.worst == fine.ssim
    assert fine.cpu > 0


def test_table_of_encodings() -> None:
    one = {"preset": "fast", "crf": 23, "cpu": 12.34, "rate": 0.0567, "ssim": 0.98763, "worst": 0.9}
    assert encoding_table({"encodings": [one]}).splitlines()[-1] == (
        "| fast | 23 | 12.3 | 0.057 | 0.9876 | 0.9000 |"
    )
