"""The corpus of odd, broken and hostile videos: an existing one, or one that is built now."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpus(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the corpus: ``FACEPICS_CORPUS``, or built by the shared script."""
    if "FACEPICS_CORPUS" in os.environ:
        return Path(os.environ["FACEPICS_CORPUS"])
    if shutil.which("ffmpeg") is None:
        pytest.skip("building the corpus needs the ffmpeg command; or name one: FACEPICS_CORPUS")
    folder = tmp_path_factory.mktemp("corpus") / "videos"
    script = shared_dir / "tools" / "make_video_corpus.sh"
    environment = {**os.environ, "BOMBS": "1", "LONG": "1"}
    subprocess.run(["bash", script, folder], check=True, env=environment, capture_output=True)
    return folder
