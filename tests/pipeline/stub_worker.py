"""A worker that does what the name of its video says: for the tests of the pool."""

import json
import os
import signal
import sys
import time
from multiprocessing.connection import Connection

GARBAGE = {
    "bytes": b"\xff not json\n",
    "number": b"7\n",
    "nothing": b"{}\n",
    "list": b"[]\n",
    "deep": b"[" * 100_000 + b"\n",
    "endless": b"x" * 3_000_000,
    "kind": b'{"outcome": {"kind": "famous"}}\n',
    "facts": b'{"outcome": {"kind": "done", "colour": "red"}}\n',
    "seconds": b'{"outcome": {"kind": "done", "seconds": {"scan": "long"}}}\n',
    "steps": b'{"progress": ["scan", 1%s, null]}\n' % (b"0" * 400),
    "negative": b'{"progress": ["scan", 1, -1%s]}\n' % (b"0" * 400),
    "bool": b'{"progress": ["scan", true, null]}\n',
    "phase": b'{"progress": ["party", 1, 2]}\n',
    "surrogate": b'{"isolation": {"files": "\\ud800"}}\n',
    "infinite": b'{"outcome": {"kind": "skipped", "seconds": {"scan": Infinity}}}\n',
    "half": b'{"outcome": {"kind": "do',
}
"""What no worker of ours says."""


def main() -> None:
    connection = Connection(int(sys.argv[1]))
    while True:
        try:
            job = connection.recv()
            os.read(connection.fileno(), 1)  # what comes with an open file
        except EOFError:
            return
        act(connection, job.source.name)


def act(connection: Connection, name: str) -> None:
    say(connection, progress=["scan", 7, 10])
    match name.split("-")[0]:
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "exit":
            os._exit(3)
        case "hang":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(3600)
        case "busy":
            while True:
                say(connection, progress=["scan", 7, 10])
                time.sleep(0.05)
        case "limit":
            facts = {"reason": str(os.getpid()), "phase": "scan"}
            say(connection, outcome={"kind": "limit", **facts})
        case "garbage":
            write(connection, GARBAGE[name.split("-")[1]])
            time.sleep(3600)
        case "full":
            say(connection, output="there is no room left in /\udcff")
        case "unset":
            say(connection, set_up="there is no such device")
        case "eager":
            while True:
                say(connection, outcome={"kind": "done"})
        case "pid":
            say(connection, outcome={"kind": "skipped", "reason": str(os.getpid())})
        case _:
            say(connection, outcome={"kind": "done", "seconds": {"scan": 1.0}})


def say(connection: Connection, **message: object) -> None:
    write(connection, json.dumps(message).encode() + b"\n")


def write(connection: Connection, words: bytes) -> None:
    with open(connection.fileno(), "wb", closefd=False) as line:
        line.write(words)


if __name__ == "__main__":
    main()
