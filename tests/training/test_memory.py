import subprocess
import sys

import pytest

USE_TWICE = """
import resource
import numpy as np
from training.memory import keep_memory
kept = {keep} and keep_memory()
np.ones(8_000_000)  # 64 MB, cleared page by page when they come from the system
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(8_000_000)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a call of glibc")
def test_memory_is_not_fetched_twice():
    fetched = {}
    for keep in (False, True):
        command = [sys.executable, "-c", USE_TWICE.format(keep=keep)]
        kept, pages = subprocess.run(command, capture_output=True, check=True).stdout.split()
        assert kept.decode() == str(keep)
        fetched[keep] = int(pages)
    assert fetched[True] < fetched[False] / 4
