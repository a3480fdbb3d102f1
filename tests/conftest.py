"""What the tests of all rooms share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

# Examples are few and without a deadline: the machines that run the tests are small and busy.
settings.register_profile("facepics", deadline=None, max_examples=50)
settings.load_profile("facepics")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The shared reference material; tests that need it carry the mark `shared`."""
    folder = Path(os.environ.get("FACEPICS_SHARED", ROOT.parent / "shared"))
    if folder.is_dir():
        return folder
    if os.environ.get("FACEPICS_REQUIRE_SHARED") == "1":
        pytest.fail(f"FACEPICS_REQUIRE_SHARED=1, but there is no shared material in {folder}")
    pytest.skip(f"no shared reference material in {folder} (FACEPICS_SHARED names its place)")
