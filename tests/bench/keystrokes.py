"""Programs in terminals of their own: keys that are pressed and held, and what comes back."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

COLUMNS, ROWS = 120, 40
REST_S = 0.4
"""Without output for so long, a screen is at rest."""
FIRST_S = 1.0
BETWEEN_BURSTS_S = 0.02
PATIENCE_S = 300.0
MIB = 1024**2
HELD_PER_S = 30
LINK = 100_000
"""Bytes a second of a slow link."""


@contextmanager
def started(
    command: list[str], columns: int = COLUMNS, rows: int = ROWS
) -> Iterator[tuple[psutil.Process, int, float]]:
    """A program, its terminal, and the seconds to its first byte; killed at the end."""
    began = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        left_out = ("COLUMNS", "LINES", "PYTHONDONTWRITEBYTECODE")
        inherited = {k: v for k, v in os.environ.items() if k not in left_out}
        kind = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        os.execve(command[0], command, inherited | kind)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    try:
        select.select([terminal], [], [], PATIENCE_S)
        yield psutil.Process(pid), terminal, time.monotonic() - began
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def watch(terminal: int, seconds: float) -> int:
    """The bytes that come in some seconds, whatever the program does."""
    end, sent = time.monotonic() + seconds, 0
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            sent += len(os.read(terminal, 65536))
    return sent


def until_written(terminal: int, text: bytes, seconds: float) -> bool:
    """Read until a text has come; false if it does not."""
    end, seen = time.monotonic() + seconds, b""
    while text not in seen and (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            seen = seen[-4096:] + os.read(terminal, 65536)
    return text in seen


def cpu_seconds(process: psutil.Process) -> float:
    """What a process has computed until now, which a busy machine does not stretch."""
    times = process.cpu_times()
    return float(times.user + times.system)


def memory_mib(process: psutil.Process) -> float:
    """The memory of a program and of the processes that it has started."""
    family = [process, *process.children(recursive=True)]
    return float(sum(one.memory_info().rss for one in family) / MIB)


def press(terminal: int, key: bytes, rest: float = REST_S) -> tuple[float, int]:
    """The seconds to the last byte that a key causes before a rest, and how many bytes there are.

    The first byte may be a second in coming, however short the rest is.
    """
    began = time.monotonic()
    os.write(terminal, key)
    select.select([terminal], [], [], max(rest, FIRST_S))
    first = time.monotonic() - began
    seconds, sent = until_rest(terminal, rest)
    return first + seconds, sent


def first_answer(terminal: int, key: bytes) -> tuple[float, int]:
    """The seconds to the first bytes after a key, and all bytes until the screen is at rest."""
    began = time.monotonic()
    os.write(terminal, key)
    select.select([terminal], [], [], PATIENCE_S)
    seconds = time.monotonic() - began
    return seconds, until_rest(terminal, REST_S)[1]


def largest_answer(terminal: int, key: bytes, seconds: float = 1.0) -> float:
    """The seconds to the end of the largest of the bursts that a key causes."""
    began, bursts, last = time.monotonic(), [(0, 0.0)], 0.0
    os.write(terminal, key)
    while (left := began + seconds - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            sent, at = len(os.read(terminal, 65536)), time.monotonic() - began
            if at - last > BETWEEN_BURSTS_S:
                bursts.append((0, at))
            bursts[-1], last = (bursts[-1][0] + sent, at), at
    return max(bursts)[1]


def hold(terminal: int, key: bytes, times: int) -> tuple[float, int]:
    """The seconds from the last press of a held key to the last byte, and all bytes."""
    sent = 0
    for _ in range(times):
        os.write(terminal, key)
        released = time.monotonic() + 1 / HELD_PER_S
        while (left := released - time.monotonic()) > 0:
            if select.select([terminal], [], [], left)[0]:
                sent += len(os.read(terminal, 65536))
    seconds, rest = until_rest(terminal, REST_S)
    return seconds, sent + rest


def hold_over_slow_link(terminal: int, key: bytes, times: int) -> float:
    """The seconds from the last press of a held key to the last byte, as a slow link brings it."""
    budget, at = 0.0, time.monotonic()
    for _ in range(times):
        os.write(terminal, key)
        released = time.monotonic() + 1 / HELD_PER_S
        while (now := time.monotonic()) < released:
            budget, at = min(LINK / 20, budget + (now - at) * LINK), now
            ready = select.select([terminal], [], [], min(0.005, released - now))[0]
            if ready and budget >= 1:
                budget -= len(os.read(terminal, int(budget)))
    began = last = time.monotonic()
    while select.select([terminal], [], [], 0.06)[0]:
        time.sleep(len(os.read(terminal, LINK // 200)) / LINK)
        last = time.monotonic()
    return last - began


def until_rest(terminal: int, rest: float) -> tuple[float, int]:
    """Read until nothing has come for a while: the seconds to the last byte, and all bytes."""
    began = last = time.monotonic()
    sent = 0
    while last - began < PATIENCE_S and select.select([terminal], [], [], rest)[0]:
        sent += len(os.read(terminal, 65536))
        last = time.monotonic()
    return last - began, sent
