"""Files made to reach other files or the network reach neither."""

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus.conftest import corpus
from tests.faults.program import command

pytestmark = [pytest.mark.shared, pytest.mark.slow]

__all__ = ["corpus"]

PORT = 18999
"""The corpus names this port of the loopback."""

HOSTILE = ("hls_*", "concat_*", "*sdp*", "dash_*", "dref_*", "secret.*", "subs.vtt", "text.mp4")


@pytest.fixture(scope="module")
def hostile(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hostile files, with a whole video beside them for them to reach for."""
    folder = tmp_path_factory.mktemp("hostile") / "media"
    folder.mkdir()
    for pattern in (*HOSTILE, "ok.ts"):
        for path in corpus.glob(pattern):
            shutil.copy(path, folder / path.name)
    return folder


@pytest.fixture
def hits() -> Iterator[list[object]]:
    """Who connects to the port that the corpus names."""
    found: list[object] = []
    with socket.create_server(("127.0.0.1", PORT)) as server:
        server.settimeout(0.2)
        stop = threading.Event()

        def listen() -> None:
            while not stop.is_set():
                try:
                    connection, where = server.accept()
                except TimeoutError:
                    continue
                connection.close()
                found.append(where)

        thread = threading.Thread(target=listen)
        thread.start()
        yield found
        stop.set()
        thread.join()


def test_no_other_file_no_socket_no_hit(hostile: Path, tmp_path: Path, hits: list[object]) -> None:
    if shutil.which("strace") is None:
        pytest.skip("watching system calls needs strace")
    with socket.create_connection(("127.0.0.1", PORT)):
        pass  # the listener works
    trace, calls = tmp_path / "trace", "trace=openat,open,openat2,socket,connect,execve"
    watched = ["strace", "-f", "-qq", "-s", "400", "-e", calls, "-o", str(trace)]
    subprocess.run(
        [*watched, *command(hostile, tmp_path / "out", "--stall-timeout", "60")],
        capture_output=True,
        timeout=600,
    )
    lines = trace.read_text(errors="replace").splitlines()
    parent = lines[0].split()[0]
    read_by = [line for line in lines if str(hostile) in line and "= -1" not in line]
    assert len(read_by) > 40  # each is handed in as an open file
    workers = [line for line in read_by if line.split()[0] != parent and "openat" in line]
    assert workers == []
    assert not [line for line in lines if "/etc/passwd" in line and "= -1" not in line]
    assert not [line for line in lines if "canary/" in line]
    sockets = [line for line in lines if re.search(r" (socket|connect)\(", line)]
    assert not [line for line in sockets if "AF_UNIX" not in line]
    assert len(hits) <= 1  # our own
    number = len(list(hostile.iterdir()))
    print(f"\n{number} files, {len(lines)} calls watched, {len(sockets)} sockets of any kind")


def test_a_picture_that_eats_memory_is_over_the_limit(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    shutil.copy(corpus / "big4096.mp4", tmp_path / "media")
    shutil.copy(corpus / "ok.ts", tmp_path / "media")
    out = tmp_path / "out"
    done = subprocess.run(
        command(tmp_path / "media", out, "--worker-memory", "0.05", "--video", "none"),
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ},
    )
    assert done.returncode == 3, done.stderr
    assert re.search(r"(limit|crashed) during \w+  big4096.mp4", done.stdout), done.stdout
