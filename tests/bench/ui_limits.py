"""What each place costs on the wire and in time, beside the limits that are kept to.

    python tests/bench/ui_limits.py --out tests/bench/results

A key counts from its press to the last byte before a rest of 60 ms; what comes when the hand rests
longer (details of a tweet, a comparison) is counted apart. "Over a slow link" reads 100,000 bytes a
second. Browse has a million tweets; the other places are those of the demo, whose labels are ranked
and one of whose trainings goes on meanwhile on the CPU.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import platform
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from store import LABELS, write_tweets

SIZES = ((120, 40), (80, 24))
BURST_S, REST_S, SETTLED_S = 0.06, 0.5, 2.0
"""Silence after which a key's bytes have come; after which details have; after which all has."""
LINK = 100_000
"""Bytes a second of a slow link."""
HELD_PER_S = 30
WATCHED_S = 15.0
MIB = 1024**2
DOWN, PAGE_DOWN, ESCAPE = b"\x1b[B", b"\x1b[6~", b"\x1b"
PROGRAM = [sys.executable, "-m", "workbench"]


@dataclass(frozen=True)
class Figure:
    """A figure of one start."""

    what: str
    value: float
    unit: str
    limit: float


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, pid: int, descriptor: int, began: float) -> None:
        self.pid, self.descriptor, self.began = pid, descriptor, began

    def press(self, key: bytes, rest: float = BURST_S) -> tuple[float, int]:
        """Milliseconds to the last byte that a key causes, and how many bytes there are."""
        os.write(self.descriptor, key)
        return self.read(rest)

    def read(self, rest: float, limit: float = 120.0) -> tuple[float, int]:
        """Read until nothing has come for a while: milliseconds to the last byte, and all bytes."""
        began = last = time.monotonic()
        sent = 0
        patience = max(rest, 1.0)  # the first byte may take longer than the others
        while last - began < limit and select.select([self.descriptor], [], [], patience)[0]:
            sent += len(os.read(self.descriptor, 65536))
            last, patience = time.monotonic(), rest
        return (last - began) * 1000, sent

    def watch(self, seconds: float) -> int:
        """The bytes of some seconds in which no key is pressed."""
        end, sent = time.monotonic() + seconds, 0
        while (left := end - time.monotonic()) > 0:
            if select.select([self.descriptor], [], [], left)[0]:
                sent += len(os.read(self.descriptor, 65536))
        return sent

    def hold(self, key: bytes, times: int) -> float:
        """Milliseconds from the last press of a held key to its last byte over a slow link."""
        budget, at = 0.0, time.monotonic()
        for _ in range(times):
            os.write(self.descriptor, key)
            released = time.monotonic() + 1 / HELD_PER_S
            while (now := time.monotonic()) < released:
                budget, at = min(LINK / 20, budget + (now - at) * LINK), now
                ready = select.select([self.descriptor], [], [], min(0.005, released - now))[0]
                if ready and budget >= 1:
                    budget -= len(os.read(self.descriptor, int(budget)))
        began = last = time.monotonic()
        while select.select([self.descriptor], [], [], BURST_S)[0]:
            time.sleep(len(os.read(self.descriptor, LINK // 200)) / LINK)
            last = time.monotonic()
        return (last - began) * 1000

    @property
    def memory_mib(self) -> float:
        """The memory of the program and of the processes that it has started."""
        process = psutil.Process(self.pid)
        family = [process, *process.children(recursive=True)]
        return float(sum(one.memory_info().rss for one in family) / MIB)


@contextmanager
def terminal(command: Sequence[str], columns: int, rows: int) -> Iterator[Terminal]:
    """Start a program in a terminal, and end it."""
    began = time.monotonic()
    pid, descriptor = pty.fork()
    if pid == 0:
        inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        kind = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        os.execve(command[0], list(command), inherited | kind)
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    try:
        yield Terminal(pid, descriptor, began)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(descriptor)


def main() -> None:
    """Measure all places at both sizes, and write the figures as JSON and a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    found: dict[str, list[Figure]] = {}
    with tempfile.TemporaryDirectory() as name:
        large, demo = Path(name) / "large", Path(name) / "demo"
        write_tweets(options.rows, Path(name) / "tweets.csv", None)
        workbench("init", large, "--labels", ",".join(LABELS))
        workbench("-w", large, "import", Path(name) / "tweets.csv")
        workbench("demo", "--no-ui", "--dir", demo)
        for columns, rows in SIZES:
            for _ in range(options.repeats):
                size = f"{columns}x{rows}"
                found.setdefault(size, []).extend(browse(large, columns, rows))
                found[size] += other_places(demo, columns, rows)
            found[size] += training(demo, columns, rows)
    figures = {size: medians(values) for size, values in found.items()}
    options.out.mkdir(exist_ok=True)
    head = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "rows": options.rows,
        "repeats": options.repeats,
        "load": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "command": f"python tests/bench/ui_limits.py --repeats {options.repeats}",
    }
    told = {size: [asdict(figure) for figure in values] for size, values in figures.items()}
    report = json.dumps(head | {"figures": told}, indent=1)
    (options.out / "ui_limits.json").write_text(report + "\n", "utf-8")
    (options.out / "ui_limits.md").write_text(page(head, figures), "utf-8")


def workbench(*arguments: object) -> None:
    """Run a command."""
    subprocess.run([*PROGRAM, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def browse(workspace: Path, columns: int, rows: int) -> list[Figure]:
    """The list of a million tweets."""
    with terminal([*PROGRAM, "-w", str(workspace)], columns, rows) as screen:
        select.select([screen.descriptor], [], [], 60)
        began = time.monotonic() - screen.began
        figures = [Figure("ready", began * 1000 + screen.read(0.15)[0], "ms", 550)]
        screen.read(SETTLED_S)
        figures += keys(screen, "arrow", DOWN, 50, 8, 150)
        figures += keys(screen, "page", PAGE_DOWN, 20, 15, 6500)
        figures += keys(screen, "label key", b"1", 100, 20, 1200, 0.99)
        held = screen.hold(DOWN, 60)
        figures.append(Figure("arrow held over a slow link, lag at its end", held, "ms", 50))
        screen.read(SETTLED_S)
        figures += opened(screen, "menu of orders", b"s")
        figures += opened(screen, "menu of labels", b",")
        screen.press(b"/", REST_S)
        typed = [screen.press(letter, REST_S)[0] for letter in (b"s", b"i", b" ", b"b", b"o")]
        figures.append(Figure("a letter of a search to its rows", max(typed), "ms", 150))
        screen.press(ESCAPE, SETTLED_S)
        figures.append(Figure("idle, 5 s", screen.watch(5), "B", 0))
        figures.append(Figure("memory", screen.memory_mib, "MiB", 90))
    return figures


def other_places(workspace: Path, columns: int, rows: int) -> list[Figure]:
    """Queue, Errors and Runs of the demo."""
    with terminal([*PROGRAM, "-w", str(workspace)], columns, rows) as screen:
        screen.read(SETTLED_S)
        screen.press(b"Q", SETTLED_S)
        figures = keys(screen, "Queue: label key", b"1", 10, 20, 1200, 0.99)
        for _ in range(10):
            screen.press(b"u", REST_S)
        screen.press(b"E", SETTLED_S)
        figures += keys(screen, "Errors: arrow", DOWN, 10, 8, 150)
        screen.press(b"R", SETTLED_S)
        figures += keys(screen, "Runs: arrow", DOWN, 2, 8, 300)
        sent = screen.read(REST_S)[1]
        figures.append(Figure("Runs: what a comparison sends afterwards", sent, "B", 3000))
    return figures


def training(workspace: Path, columns: int, rows: int) -> list[Figure]:
    """A run that goes on on the CPU: what its page sends, and labelling meanwhile."""
    steps = ("--set", "training.max_steps=5000")
    workbench("-w", workspace, "train", "--recipe", "tiny", *steps)
    with terminal([*PROGRAM, "-w", str(workspace)], columns, rows) as screen:
        screen.watch(5)
        figures = keys(screen, "label key while a run trains", b"1", 100, 20, 1200, 0.99)
        screen.press(b"T")
        screen.watch(30)  # until it trains
        sent = screen.watch(WATCHED_S) / WATCHED_S
        figures.append(Figure("Train: a run that goes on", sent, "B/s", 600))
    newest = max(int(path.name) for path in (workspace / "runs").iterdir() if path.name.isdigit())
    workbench("-w", workspace, "stop", newest)
    time.sleep(5)  # until it has stopped
    return figures


def keys(
    screen: Terminal, what: str, key: bytes, times: int, ms: float, size: float, share: float = 0.95
) -> list[Figure]:
    """A key that is pressed some times: a high percentile of its time, and the median bytes."""
    pressed = []
    for _ in range(times):
        pressed.append(screen.press(key))
        if times <= 50:  # details that come later belong to no other key
            screen.read(0.25)
    slow = sorted(milliseconds for milliseconds, _ in pressed)[-1 - int(times * (1 - share))]
    sent = statistics.median(sent for _, sent in pressed)
    name = f"{round(share * 100)}th percentile"
    return [Figure(f"{what}, {name}", slow, "ms", ms), Figure(what, sent, "B", size)]


def opened(screen: Terminal, what: str, key: bytes) -> list[Figure]:
    """A menu, opened and closed."""
    sent, back = screen.press(key, REST_S)[1], screen.press(ESCAPE, REST_S)[1]
    return [Figure(f"{what}, open", sent, "B", 3000), Figure(f"{what}, close", back, "B", 3000)]


def medians(values: list[Figure]) -> list[Figure]:
    """The median of each figure over the starts."""
    names = dict.fromkeys((value.what, value.unit, value.limit) for value in values)
    return [
        Figure(
            what,
            round(
                statistics.median(v.value for v in values if (v.what, v.unit) == (what, unit)), 1
            ),
            unit,
            limit,
        )
        for what, unit, limit in names
    ]


def page(head: dict[str, object], figures: dict[str, list[Figure]]) -> str:
    """The figures as a page of Markdown."""
    lines = [
        f"# What each place costs, {head['date']}",
        "",
        f"{head['rows']:,} tweets in Browse, the demo elsewhere; medians of {head['repeats']} "
        f"starts on {head['cores']} cores with a load of {head['load']}; python {head['python']}.",
        "",
        f"| what | limit | {' | '.join(figures)} |",
        f"|---|---:|{'---:|' * len(figures)}",
    ]
    for row in zip(*figures.values(), strict=True):
        first = row[0]
        shown = (f"{one.value:,.0f}{'' if one.value <= one.limit else ' !'}" for one in row)
        lines.append(f"| {first.what}, {first.unit} | {first.limit:,.0f} | {' | '.join(shown)} |")
    return "\n".join([*lines, "", "`!` is above the limit.", "", f"`{head['command']}`"]) + "\n"


if __name__ == "__main__":
    main()
