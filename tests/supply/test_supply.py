"""What is inside the wheels, and what the lock promises."""

import re
from pathlib import Path

import av

from supply.__main__ import carried

ROOT = Path(__file__).parents[2]


def test_ffmpeg_in_both_wheels_is_named():
    versions = {(one["group"], one["name"]): one["version"] for one in carried()}
    assert versions["av", "ffmpeg"] == av.ffmpeg_version_info
    assert re.fullmatch(r"\d+\.\d+\.\d+", versions["av", "libavcodec"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", versions["opencv-python-headless", "avcodec"])


def test_the_lock_has_the_tested_versions_and_a_hash_for_each():
    text = (ROOT / "requirements.lock").read_text("utf-8")
    pins = dict(re.findall(r"^([\w-]+)==(\S+)", text, re.MULTILINE))
    tested = (ROOT / "constraints.txt").read_text("utf-8")
    versions = {
        name.lower().replace("_", "-"): version
        for name, version in re.findall(r"^([\w-]+)==(\S+)", tested, re.MULTILINE)
    }
    for name in ("torch", "openvino", "av", "numpy", "opencv-python-headless", "scipy", "click"):
        assert pins[name].removesuffix("+cpu") == versions[name]
    for block in re.split(r"\n(?=[a-z])", text.split("\n", 2)[2]):
        assert "--hash=sha256:" in block, block
