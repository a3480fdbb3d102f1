"""What the injections share: an archive with faces, and what an undisturbed run makes of it.

How much is done is set by the environment: ``FACEPICS_FAULTS_KILLS`` (200),
``FACEPICS_FAULTS_MUTANTS`` (2000), ``FACEPICS_FAULTS_SIZES`` (12), ``FACEPICS_FAULTS_SEED`` (1).
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.faults.program import run, tree
from tests.test_flow import blank, excerpt


def pytest_report_header() -> str:
    return f"faults: seed {amount('SEED', 1)}, {amount('KILLS', 200)} kills"


def amount(name: str, default: int) -> int:
    return int(os.environ.get(f"FACEPICS_FAULTS_{name}", default))


@pytest.fixture(scope="session")
def kills() -> int:
    return amount("KILLS", 200)


@pytest.fixture(scope="session")
def mutants() -> int:
    return amount("MUTANTS", 2000)


@pytest.fixture(scope="session")
def sizes() -> int:
    return amount("SIZES", 12)


@pytest.fixture(scope="session")
def seed() -> int:
    return amount("SEED", 1)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short videos with faces, one without, a copy and a broken one."""
    folder = tmp_path_factory.mktemp("archive")
    (folder / "day").mkdir()
    excerpt(folder / "day" / "cut.mp4", 175, 185, (320, 180))
    excerpt(folder / "turn.mp4", 60, 67, (320, 180))
    blank(folder / "blank.mkv")
    shutil.copy(folder / "turn.mp4", folder / "turn-again.mp4")
    (folder / "broken.mp4").write_bytes((folder / "turn.mp4").read_bytes()[:1500])
    return folder


@pytest.fixture(scope="session")
def undisturbed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Path -> hash of everything that an undisturbed run leaves."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    done = run(archive, out)
    assert done.returncode == 3, done.stderr
    found = tree(out)
    assert any(name.endswith("best.jpg") for name in found)
    assert any(name.endswith("clip.mp4") for name in found)
    return found
