"""What keys cost on the screen with a million tweets, beside VisiData and Harlequin.

    python tests/bench/ui.py --out tests/bench/results --visidata vd --harlequin harlequin

VisiData opens the same file. Harlequin opens the database of the workspace and is asked for all
tweets; it shows the first 100,000 of the million.
Each program runs in a terminal of its own. A key is pressed once the screen is at rest, and what
counts goes from the key to the last byte that it causes, details that follow included; or it is
held, so many presses a second, and what it causes is shared out over the presses. The memory is
that of the program and the processes that it has started, after the keys.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from keystrokes import (
    COLUMNS,
    PATIENCE_S,
    REST_S,
    ROWS,
    cpu_seconds,
    hold,
    memory_mib,
    press,
    started,
    until_rest,
    until_written,
)
from ui_training import measured_while_training, new_workspace

LOADING_S = 3.0
"""A rest while a program reads its file, and may think between two figures of progress."""
DOWN, PAGE_DOWN, ENTER = b"\x1b[B", b"\x1b[6~", b"\n"
KEYS = {"arrow key": (DOWN, 20), "page key": (PAGE_DOWN, 10)}
HELD = {"arrow key held": (DOWN, 60)}


@dataclass(frozen=True)
class Program:
    """A program; where something is typed before it shows the tweets, also how that is seen."""

    command: list[str]
    typed: bytes = b""
    shows: bytes = b""


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
    parser.add_argument("--harlequin", type=Path, help="that program, which is left out without")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        table = Path(name) / "tweets.csv"
        program = [sys.executable, "-m", "workbench"]
        ours = new_workspace(program, Path(name) / "workspace", table, options.rows)
        programs = {"workbench": Program(ours)}
        if options.visidata:
            programs["VisiData"] = Program([str(options.visidata), str(table)])
        if options.harlequin:
            database = str(Path(name) / "workspace" / "workbench.db")
            command = [str(options.harlequin), "--adapter", "sqlite", database]
            programs["Harlequin"] = Program(command, b"select * from tweets", b"Records")
        runs: dict[str, list[Measured]] = {named: [] for named in programs}
        for _ in range(options.repeats):
            for named, one in programs.items():
                runs[named].append(measured(one))
        trained = measured_while_training(program, Path(name))
    figures = {named: summary(starts) for named, starts in runs.items()}
    report = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "rows": options.rows,
        "repeats": options.repeats,
        "load": os.getloadavg()[0],
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "figures": figures,
        "while a run trains": trained,
    }
    options.out.mkdir(exist_ok=True)
    (options.out / "ui.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    (options.out / "ui.md").write_text(page(report, figures, trained), "utf-8")


def measured(program: Program) -> Measured:
    """Start a program, press its keys, and end it."""
    with started(program.command) as (process, terminal, first_s):
        found = Measured(first_s + _ready(terminal, program))
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
        found.memory_mib = memory_mib(process)
        return found


def _ready(terminal: int, program: Program) -> float:
    """The seconds from its first byte until a program shows the tweets."""
    if not program.typed:
        return until_rest(terminal, LOADING_S)[0]
    asked = until_rest(terminal, REST_S)[0] + press(terminal, program.typed)[0]
    at = time.monotonic()
    os.write(terminal, ENTER)
    if not until_written(terminal, program.shows, PATIENCE_S):
        raise SystemExit(f"{program.command[0]} has not shown the tweets.")
    return asked + time.monotonic() - at


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


def page(
    report: dict[str, object], figures: dict[str, dict[str, float]], trained: dict[str, float]
) -> str:
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
        "The screen while a run trains a base of a few million weights on the same CPU:",
        "",
        "| what | workbench |",
        "|---|---:|",
        *(f"| {name} | {figure:,.1f} |" for name, figure in trained.items()),
        "",
        "Harlequin shows the first 100,000 tweets of the million.",
        "",
        "`python tests/bench/ui.py --out tests/bench/results --visidata vd --harlequin harlequin`",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
