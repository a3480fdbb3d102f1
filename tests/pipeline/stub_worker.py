"""A worker that does what the name of its video says: for the tests of the pool."""

import json
import os
import signal
import sys
import time
from multiprocessing.connection import Connection


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
            connection.send_bytes(b"\xff not json")
        case "full":
            say(connection, output="there is no room left")
        case "unset":
            say(connection, set_up="there is no such device")
        case "pid":
            say(connection, outcome={"kind": "skipped", "reason": str(os.getpid())})
        case _:
            say(connection, outcome={"kind": "done", "seconds": {"scan": 1.0}})


def say(connection: Connection, **message: object) -> None:
    connection.send_bytes(json.dumps(message).encode())


if __name__ == "__main__":
    main()
