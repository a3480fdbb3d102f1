"""The program, up to the first frame that it decodes: prints when that was, by ``time.monotonic``.

python benchmarks/first_frame.py SOURCE -o OUT
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent.parent))

from pipeline import cli, console
from pipeline.facts import Source


class _Watch(console.Progress):
    """Ends the program where a frame is told of."""

    def video(self, source: Source, stage: str, done: int, total: int | None) -> None:
        """Print the time once a frame was decoded."""
        super().video(source, stage, done, total)
        if stage == "scan" and done:
            print(time.monotonic(), flush=True)
            os._exit(0)  # the worker ends where nobody listens


if __name__ == "__main__":
    with patch.object(console, "Progress", _Watch):
        cli.main()
