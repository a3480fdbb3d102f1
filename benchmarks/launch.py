"""Run a program; print the CPU and wall seconds that it took, and its most memory in MB, as JSON.

python -I -S benchmarks/launch.py PROGRAM ARGUMENTS

For the system, the memory of the process that starts a program counts as the program's: this one
has hardly any. What the program prints goes where errors go.
"""

from __future__ import annotations

import json
import os
import sys
import time

if __name__ == "__main__":
    began = time.perf_counter()
    together = [(os.POSIX_SPAWN_DUP2, 2, 1)]
    child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=together)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - began
    print(json.dumps([usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024]))
    sys.exit(os.waitstatus_to_exitcode(status) and 1)
