"""What keys cost on the screen with a million tweets, beside VisiData on the same file.

    python tests/bench/ui.py --out tests/bench/results --visidata path/to/vd

Each program runs in a terminal of its own. A key is pressed once the screen is at rest, and what
counts goes from the key to the last byte that it causes, details that follow included; or it is
held, so many presses a second, and what it causes is shared out over the presses. The memory is
that of the program and the processes that it has started, after the keys.
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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
from store import LABELS, write_tweets

REST_S = 0.4
"""Without output for so long, a screen is at rest."""
LOADING_S = 3.0
"""Such a rest while a program reads its file, and may think between two figures of progress."""
PATIENCE_S = 300.0
COLUMNS, ROWS = 120, 40
DOWN, PAGE_DOWN = b"\x1b[B", b"\x1b[6~"
KEYS = {"arrow key": (DOWN, 20), "page key": (PAGE_DOWN, 10)}
HELD = {"arrow key held": (DOWN, 60)}
HELD_PER_S = 30
MIB = 1024**2


@dataclass
class Measured:
    """What one start of a program cost."""

    ready_s: float
    memory_mib: float = 0.0
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    cpu_ms: dict[str, float] = field(default_factory=dict)
    bytes_sent: dict[str, list[int]] = field(default_factory=dict)


def main() -> None:
    """Write the tweets, measure the programs in turn, and write the figures as JSON and a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--visidata", type=Path, help="the program vd, which is left out without")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        table = Path(name) / "tweets.csv"
        workspace = Path(name) / "workspace"
        write_tweets(options.rows, table, None)
        program = [sys.executable, "-m", "workbench"]
        ours = [*program, "-w", str(workspace)]
        subprocess.run([*program, "init", workspace, "--labels", ",".join(LABELS)], check=True)
        subprocess.run([*ours, "import", table], check=True)
        programs = {"workbench": ours}
        if options.visidata:
            programs["VisiData"] = [str(options.visidata), str(table)]
        runs: dict[str, list[Measured]] = {named: [] for named in programs}
        for _ in range(options.repeats):
            for named, command in programs.items():
                runs[named].append(measured(command))
    figures = {named: summary(starts) for named, starts in runs.items()}
    report = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "rows": options.rows,
        "repeats": options.repeats,
        "load": os.getloadavg()[0],
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "figures": figures,
    }
    options.out.mkdir(exist_ok=True)
    (options.out / "ui.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    (options.out / "ui.md").write_text(page(report, figures), "utf-8")


def measured(command: list[str]) -> Measured:
    """Start a program, press its keys, and end it."""
    began = time.monotonic()
    pid, terminal = pty.fork()
    if pid == 0:
        inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        kind = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        os.execve(command[0], command, inherited | kind)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    try:
        select.select([terminal], [], [], PATIENCE_S)
        first = time.monotonic() - began
        found = Measured(first + until_rest(terminal, LOADING_S)[0])
        process = psutil.Process(pid)
        for name, (key, times) in KEYS.items():
            before = cpu_seconds(process)
            pressed = [press(terminal, key) for _ in range(times)]
            found.cpu_ms[name] = (cpu_seconds(process) - before) * 1000 / times
            found.milliseconds[name] = [seconds * 1000 for seconds, _ in pressed]
            found.bytes_sent[name] = [sent for _, sent in pressed]
        for name, (key, times) in HELD.items():
            before = cpu_seconds(process)
            seconds, sent = hold(terminal, key, times)
            found.cpu_ms[name] = (cpu_seconds(process) - before) * 1000 / times
            found.milliseconds[name] = [seconds * 1000]
            found.bytes_sent[name] = [round(sent / times)]
        family = [process, *process.children(recursive=True)]
        found.memory_mib = sum(one.memory_info().rss for one in family) / MIB
        return found
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def cpu_seconds(process: psutil.Process) -> float:
    """What a process has computed until now, which a busy machine does not stretch."""
    times = process.cpu_times()
    return float(times.user + times.system)


def press(terminal: int, key: bytes) -> tuple[float, int]:
    """The seconds to the last byte that a key causes, and how many bytes there are."""
    os.write(terminal, key)
    return until_rest(terminal, REST_S)


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


def until_rest(terminal: int, rest: float) -> tuple[float, int]:
    """Read until nothing has come for a while: the seconds to the last byte, and all bytes."""
    began = last = time.monotonic()
    sent = 0
    while last - began < PATIENCE_S and select.select([terminal], [], [], rest)[0]:
        sent += len(os.read(terminal, 65536))
        last = time.monotonic()
    return last - began, sent


def summary(starts: list[Measured]) -> dict[str, float]:
    """Medians over the starts of a program."""
    found = {
        "ready, s": statistics.median(start.ready_s for start in starts),
        "memory, MiB": statistics.median(start.memory_mib for start in starts),
    }
    for name in (*KEYS, *HELD):
        slow = [
            sorted(start.milliseconds[name])[-1 - len(start.milliseconds[name]) // 20]
            for start in starts
        ]
        found[f"{name}, 95th percentile of ms"] = statistics.median(slow)
        found[f"{name}, ms of CPU"] = statistics.median(start.cpu_ms[name] for start in starts)
        found[f"{name}, bytes"] = statistics.median(
            statistics.median(start.bytes_sent[name]) for start in starts
        )
    return found


def page(report: dict[str, object], figures: dict[str, dict[str, float]]) -> str:
    """The figures as a page of Markdown."""
    names = list(next(iter(figures.values())))
    lines = [
        f"# Keys on {report['rows']:,} tweets, {report['date']}",
        "",
        f"{COLUMNS} by {ROWS} cells, medians of {report['repeats']} starts on {report['cores']} "
        f"cores with a load of {report['load']:.1f}; python {report['python']}.",
        "",
        f"| what | {' | '.join(figures)} |",
        f"|---|{'---:|' * len(figures)}",
        *(
            f"| {name} | {' | '.join(f'{f[name]:,.1f}' for f in figures.values())} |"
            for name in names
        ),
        "",
        "`python tests/bench/ui.py --out tests/bench/results --visidata vd`",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
