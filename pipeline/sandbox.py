"""Shut a worker in: what a hostile file could make the decoder do must lead nowhere.

Limits hold everywhere: memory, the size of a file, no core dumps, no new privileges. Where the
kernel allows it (Linux), a worker also sees no network and no other files:

- a network namespace of its own, without an interface; and a filter of system calls that refuses
  new sockets, also those to services on the same machine;
- Landlock: read the program, its libraries and the results; write to staging and nowhere else;
  start no program, signal no other process. Videos are opened outside and handed in, so that a
  worker cannot open any file of the archive itself.

All of it must come before the first thread, because a thread that exists already stays free: this
module loads nothing but the standard library, and is entered before numpy is. The weights are
therefore read inside, where they cannot be changed.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_GB = 1 << 30

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Landlock's system calls; the same numbers on every processor."""
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = (1 << bit for bit in range(4))
_MAKE_SPECIAL = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12
"""Devices, sockets, pipes, links: what is no file."""
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_KNOWN_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""Version of Landlock -> how many kinds of access to files it knows; 16 from there on."""

_SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime")
_KERNEL = ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/driver/nvidia")
_HARDWARE = ("/sys/devices", "/sys/fs/cgroup", "/sys/bus", "/sys/class", "/sys/module/nvidia")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_GPU = ("nvidia", "dri", "kfd")
_RESERVED = 200 * _GB
"""Who has so much address space already has a GPU's driver, and cannot be limited in it."""

_REFUSED_CALLS = {
    "x86_64": (0xC000003E, (41, 425, 101, 310, 311)),
    "aarch64": (0xC00000B7, (198, 425, 117, 270, 271)),
}
"""Processor -> its mark in the kernel, and the numbers of: socket, io_uring_setup, ptrace,
process_vm_readv, process_vm_writev."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """How a worker is shut in."""

    reads: tuple[str, ...] = ()
    """Files and folders that it may read, beside the program and its libraries."""
    writes: tuple[str, ...] = ()
    """Folders in which it may do as it likes with files and folders."""
    memory: float = 0.0
    """GB that a video may take beside the program and the detector; 0: any."""
    file_size: float = 0.0
    """GB that one output may have; 0: any."""
    isolate: bool = True
    """Whether network and other files are out of reach."""

    def to_json(self) -> str:
        """Return it as a word of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Confinement:
        """Read it back."""
        values = json.loads(text)
        paths = {name: tuple(values[name]) for name in ("reads", "writes")}
        return cls(**{**values, **paths})


NO_GRANTS = Confinement()


def enter(confinement: Confinement) -> dict[str, str]:
    """Shut this process in for good; return how far each part of it goes, in words.

    What the kernel refuses is left out and said; it is no error.
    """
    _limit("RLIMIT_CORE", 0)
    if confinement.file_size:
        _limit("RLIMIT_FSIZE", int(confinement.file_size * _GB))
    if sys.platform != "linux":
        return {"network": "open: not Linux", "files": "open: not Linux"}
    report = {"network": "open: --no-sandbox", "files": "open: --no-sandbox"}
    if confinement.isolate:
        report["network"] = _said(_leave_the_network)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if confinement.isolate:
        report["files"] = _said(lambda: _lock_files(confinement))
        report["calls"] = _said(_refuse_calls)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # last: a change of credentials clears it
    return report


def limit_memory(gigabytes: float) -> None:
    """Let this process take so much address space beside what it has; 0: any.

    What the program and the detector have taken differs from machine to machine; what a video may
    take beside it does not.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    taken = _address_space()
    free = not gigabytes or not taken or taken > _RESERVED
    wanted = resource.RLIM_INFINITY if free else taken + int(gigabytes * _GB)
    if hard != resource.RLIM_INFINITY and (free or wanted > hard):
        wanted = hard
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def file_size_is_ours(confinement: Confinement) -> bool:
    """Tell whether an output that was too large ran into our limit, and not into the user's."""
    ours = int(confinement.file_size * _GB)
    return bool(ours) and resource.getrlimit(resource.RLIMIT_FSIZE)[0] == ours


def _limit(name: str, value: int) -> None:
    """Lower a limit; one that is lower already stays."""
    kind = getattr(resource, name)
    bounds = resource.getrlimit(kind)
    values = [value if bound == resource.RLIM_INFINITY else min(value, bound) for bound in bounds]
    resource.setrlimit(kind, (values[0], values[1]))


def _address_space() -> int:
    """Return the bytes of address space that this process has; 0 where that is not known."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def _said(part: Callable[[], str]) -> str:
    """Do a part of the work, and return in a word or a sentence what came of it."""
    try:
        return part()
    except OSError as error:
        return f"open: {error.strerror or error}"


def _leave_the_network() -> str:
    """Move into a network namespace without interfaces."""
    uid, gid = os.getuid(), os.getgid()
    try:
        _unshare(_CLONE_NEWNET)  # with the privilege to do so, files stay as readable as they were
    except OSError:
        _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            Path("/proc/self", name).write_text(text)
    return "closed"


def _lock_files(confinement: Confinement) -> str:
    """Leave only what is needed open, by Landlock."""
    version = _syscall(_CREATE_RULESET, None, 0, 1)
    handled = (1 << _KNOWN_BITS.get(version, 16)) - 1
    # binding and connecting by TCP; abstract sockets and signals to others
    parts = [handled, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0]
    attributes = struct.pack("=3Q", *parts)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = _syscall(_CREATE_RULESET, attributes, size, 0)
    for path in _readable(confinement):
        _allow(rules, path, _READ_FILE | _READ_DIR, handled)
    for path in (*_DEVICES, *_gpu_devices()):
        _allow(rules, path, handled & ~_EXECUTE, handled)
    for path in confinement.writes:
        _allow(rules, path, handled & ~_EXECUTE & ~_MAKE_SPECIAL, handled)
    _syscall(_RESTRICT_SELF, rules, 0)
    os.close(rules)
    return "closed"


def _readable(confinement: Confinement) -> Iterator[str]:
    """Yield where the program, its libraries and what it was granted lie."""
    yield from (*_SYSTEM, *_KERNEL, *_HARDWARE, sys.prefix, sys.base_prefix)
    yield from (path for path in sys.path if path and Path(path) != _ROOT)
    yield from (str(_ROOT / name) for name in ("pipeline", "detectors", "trackers", "weights"))
    yield from confinement.reads


def _gpu_devices() -> Iterator[str]:
    """Yield the devices through which a GPU is spoken to, where there are any."""
    for path in Path("/dev").iterdir():
        if path.name.startswith(_GPU):
            yield str(path)


def _allow(rules: int, path: str, access: int, handled: int) -> None:
    """Add a rule for ``path`` and what lies below; what does not exist needs none."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        access &= handled if Path(path).is_dir() else handled & _OF_FILES
        _syscall(_ADD_RULE, rules, 1, struct.pack("=Qi", access, descriptor), 0)
    finally:
        os.close(descriptor)


def _refuse_calls() -> str:
    """Refuse what has no use in a worker: sockets, and looking into other processes."""
    if platform.machine() not in _REFUSED_CALLS:
        return f"open: the system calls of {platform.machine()} are not known"
    mark, numbers = _REFUSED_CALLS[platform.machine()]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    allow, refuse = 0x7FFF0000, 0x00050000 | errno.EACCES
    checks = [(load, 0, 0, 4), (equal, 1, 0, mark), (give, 0, 0, refuse), (load, 0, 0, 0)]
    # the forms of the same calls for other word sizes have numbers from here on
    checks += [(at_least, len(numbers) + 1, 0, 0x40000000)]
    checks += [(equal, len(numbers) - n, 0, call) for n, call in enumerate(numbers)]
    checks += [(give, 0, 0, allow), (give, 0, 0, refuse)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *check) for check in checks))
    program = struct.pack("@HP", len(checks), ctypes.addressof(code))
    _prctl(_PR_SET_SECCOMP, 2, ctypes.create_string_buffer(program))
    return "closed"


def _unshare(flags: int) -> None:
    _checked(ctypes.CDLL(None, use_errno=True).unshare(flags))


def _prctl(option: int, *values: object) -> None:
    words = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in values]
    words += [ctypes.c_ulong(0)] * (4 - len(words))
    _checked(ctypes.CDLL(None, use_errno=True).prctl(ctypes.c_int(option), *words))


def _syscall(number: int, *values: int | bytes | None) -> int:
    words = [ctypes.c_long(value) if isinstance(value, int) else value for value in values]
    return _checked(ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *words))


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
