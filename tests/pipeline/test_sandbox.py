"""What a worker can no longer do once it is shut in."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.sandbox import Confinement

ROOT = Path(__file__).parents[2]

PROGRAM = """
import json, os, signal, socket, subprocess, sys
from pipeline import sandbox
report = sandbox.enter(sandbox.Confinement.from_json(sys.argv[1]))
def attempt(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"
"""


def shut_in(
    tmp_path: Path, attempts: dict[str, str], after: str = "", **kind: object
) -> dict[str, str]:
    """Return what came of each attempt (an expression) in a process that is shut in."""
    (tmp_path / "own").mkdir(exist_ok=True)
    (tmp_path / "granted").write_text("granted")
    (tmp_path / "secret").write_text("secret")
    granted = {"reads": (str(tmp_path / "granted"),), "writes": (str(tmp_path / "own"),)}
    words = [f"{name!r}: attempt(lambda: {act})" for name, act in attempts.items()]
    program = f"{PROGRAM}{after}\nprint(json.dumps({{**report, {', '.join(words)}}}))"
    arguments = Confinement(**{**granted, **kind}).to_json()  # type: ignore[arg-type]
    done = subprocess.run(
        [sys.executable, "-c", program, arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "SECRET": str(tmp_path / "secret"), "OWN": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    if kind.get("isolate", True):
        for part in ("files", "network", "calls"):
            if found[part] != "closed":
                pytest.skip(f"this kernel leaves {part} {found[part]}")
    return found


def test_only_what_is_granted_can_be_opened(tmp_path: Path) -> None:
    found = shut_in(
        tmp_path,
        {
            "granted": "open(os.environ['OWN'] + '/granted').close()",
            "change": "open(os.environ['OWN'] + '/granted', 'a')",
            "secret": "open(os.environ['SECRET'])",
            "passwd": "open('/etc/passwd')",
            "list": "os.listdir(os.environ['OWN'])",
            "own": "open(os.environ['OWN'] + '/own/new', 'w').write('x')",
            "beside": "open(os.environ['OWN'] + '/new', 'w')",
            "out": "os.rename(os.environ['OWN'] + '/own/new', os.environ['OWN'] + '/new')",
            "link": "os.symlink(os.environ['SECRET'], os.environ['OWN'] + '/own/link')",
            "pipe": "os.mkfifo(os.environ['OWN'] + '/own/pipe')",
            "parent": "open('/proc/%d/environ' % os.getppid())",
        },
    )
    allowed = {name for name, outcome in found.items() if outcome == "done"}
    assert allowed == {"granted", "own"}
    assert not (tmp_path / "new").exists()


def test_no_socket_no_program_and_no_signal(tmp_path: Path) -> None:
    found = shut_in(
        tmp_path,
        {
            "internet": "socket.socket()",
            "datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
            "local": "socket.socket(socket.AF_UNIX)",
            "program": "subprocess.run(['/bin/true'])",
            "signal": "os.kill(os.getppid(), 0)",
            "pair": "socket.socketpair()",
        },
    )
    assert {name for name, outcome in found.items() if outcome == "done"} == {"pair"}


def test_threads_are_shut_in_too(tmp_path: Path) -> None:
    found = shut_in(
        tmp_path,
        {"thread": "pool.submit(open, os.environ['SECRET']).result()"},
        after="import numpy, concurrent.futures\npool = concurrent.futures.ThreadPoolExecutor()",
    )
    assert found["thread"] == "PermissionError"


def test_it_can_be_switched_off_and_says_so(tmp_path: Path) -> None:
    found = shut_in(tmp_path, {"secret": "open(os.environ['SECRET']).close()"}, isolate=False)
    assert found["secret"] == "done"
    assert found["files"] == found["network"] == "open: --no-sandbox"


def test_limits_hold_without_isolation(tmp_path: Path) -> None:
    after = """
sandbox.limit_memory(0.2)
def eat():
    try:
        bytearray(10**9)
    except MemoryError:
        raise OSError
"""
    found = shut_in(
        tmp_path,
        {
            "little": "bytearray(10**6)",
            "much": "eat()",
            "large": "open(os.environ['OWN'] + '/own/large', 'w').write('x' * 200_000)",
            "core": "os.close(os.open('/nowhere', 0) if __import__('resource').getrlimit(4)[0] "
            "else os.dup(1))",
        },
        after,
        isolate=False,
        file_size=1e-4,
    )
    assert found["little"] == found["core"] == "done"
    assert found["much"] == found["large"] == "OSError"
    assert resource.RLIMIT_CORE == 4


def test_a_memory_limit_can_be_lifted_again(tmp_path: Path) -> None:
    after = "sandbox.limit_memory(0.2)\nsandbox.limit_memory(0)"
    found = shut_in(tmp_path, {"much": "bytearray(10**9)"}, after, isolate=False)
    assert found["much"] == "done"


def test_it_survives_the_command_line() -> None:
    kind = Confinement(("/a b", "/ü"), ("/c",), 1.5, 2.0, False)
    assert Confinement.from_json(kind.to_json()) == kind
