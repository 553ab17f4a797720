"""Who works on a run folder: known by its lock and by a process, never by the clock."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from storage.errors import UserError

LOCK = "lock"
LOCK_FD = "WORKBENCH_LOCK_FD"
"""The environment variable by which a launcher hands its lock to the worker."""
LOCK_PATIENCE_S = 2.0
"""How long a worker tries to get a lock that others may be looking at."""


@dataclass(frozen=True)
class ProcessIdentity:
    """A process, distinguished from any other that has had or will have its number."""

    pid: int
    started: float
    """Clock ticks from the start of the machine to that of the process: unlike a time of day,
    it stays the same when somebody sets the clock."""
    boot: str
    host: str

    @property
    def as_state(self) -> dict[str, int | float | str]:
        """The fields of state.json that identify a worker."""
        return {"pid": self.pid, "pid_started": self.started, "boot": self.boot, "host": self.host}


def identity(pid: int | None = None) -> ProcessIdentity | None:
    """The process with a number, by default this one; None if it has ended."""
    pid = os.getpid() if pid is None else pid
    try:
        # the name of the program, in brackets, may hold anything
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None
    state, started = fields[0], float(fields[19])
    return (
        None
        if state in ("Z", "X")
        else ProcessIdentity(pid, started, _boot(), socket.gethostname())
    )


def is_running(pid: int | None, started: float | None, boot: str | None) -> bool:
    """Whether the process that had this number, start and boot on this machine is still there."""
    if pid is None:
        return False
    now = identity(pid)
    return now is not None and (now.started, now.boot) == (started, boot)


def send_signal(number: int, pid: int | None, started: float | None, boot: str | None) -> bool:
    """Send a signal to the process that had this number, start and boot; whether it got it."""
    if pid is None or not is_running(pid, started, boot):
        return False
    try:
        os.kill(pid, number)
    except OSError:
        return False  # it has just ended, or is somebody else's
    return True


def is_locked(folder: Path) -> bool:
    """Whether a worker holds the lock of a run folder, or somebody is about to start one."""
    try:
        with (folder / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # no lock yet, or a file system without locks
    return False


@contextmanager
def folder_lock(folder: Path, patience_s: float = LOCK_PATIENCE_S) -> Iterator[int]:
    """Hold the lock of a run folder; gives the descriptor, which a child process can inherit.

    The kernel drops the lock when the last process that has it ends. Raises UserError while
    another worker has it.
    """
    descriptor = acquire_lock(folder, patience_s)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def acquire_lock(folder: Path, patience_s: float = LOCK_PATIENCE_S) -> int:
    """Take the lock of a run folder until this process ends, or keep the one handed down."""
    inherited = os.environ.pop(LOCK_FD, "")
    above = Path(f"/proc/{os.getppid()}/fd/{inherited}")
    if inherited.isdecimal() and _is(above, folder / LOCK):
        return os.open(os.devnull, os.O_RDONLY)  # torchrun, which started this one, holds it
    if inherited.isdecimal() and _is(int(inherited), folder / LOCK):
        os.set_inheritable(int(inherited), False)  # what the worker starts may outlive it
        return int(inherited)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(folder / LOCK, flags, 0o600)
    end = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < end:
                time.sleep(0.05)
                continue
            os.close(descriptor)
            raise UserError(
                f"Another worker is busy with {folder}; stop it first, or wait until it has ended."
            ) from None
        except OSError:
            return descriptor  # a file system without locks: the process number must do
        return descriptor


def _is(descriptor: int | Path, path: Path) -> bool:
    try:
        return os.path.samestat(os.stat(descriptor), path.stat())  # noqa: PTH116 - a number too
    except OSError:
        return False


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
