"""What each place costs on the wire and in time, beside the limits that are kept to.

    python tests/bench/ui_limits.py --out tests/bench/results

A key counts from its press to the last byte before a rest of 60 ms; what comes when the hand rests
longer (details of a tweet, a comparison) is counted apart. "Over a slow link" reads 100,000 bytes a
second. Browse has a million tweets; the other places are those of the demo, whose labels are ranked
and one of whose trainings goes on meanwhile on the CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from keystrokes import (
    hold_over_slow_link,
    largest_answer,
    memory_mib,
    press,
    started,
    until_rest,
    watch,
)
from ui_training import measured_while_training, new_workspace

SIZES = ((120, 40), (80, 24))
BURST_S, DETAILS_S, SETTLED_S = 0.06, 0.25, 2.0
"""Silence after which the bytes of a key have come, those of details, and all."""
WHILE_TRAINING = {
    "page of a run that trains, B/s": 600,
    "label key beside it, 99th percentile of ms": 20,
    "label key beside it, bytes": 1200,
}
DOWN, UP, PAGE_DOWN, ESCAPE = b"\x1b[B", b"\x1b[A", b"\x1b[6~", b"\x1b"
PROGRAM = [sys.executable, "-m", "workbench"]


@dataclass(frozen=True)
class Figure:
    """A figure of one start."""

    what: str
    value: float
    unit: str
    limit: float


def main() -> None:
    """Measure all places at both sizes, and write the figures as JSON and a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    found: dict[str, list[Figure]] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:  # a run may still write
        large, demo = Path(name) / "large", Path(name) / "demo"
        new_workspace(PROGRAM, large, Path(name) / "tweets.csv", options.rows)
        subprocess.run([*PROGRAM, "demo", "--no-ui", "--dir", demo], check=True)
        for pair in (("2", "3"), ("1", "2"), ("3", "1")):  # so that they are known in Runs
            subprocess.run([*PROGRAM, "-w", demo, "compare", *pair], check=True)
        for columns, rows in SIZES:
            for _ in range(options.repeats):
                size = f"{columns}x{rows}"
                found.setdefault(size, []).extend(browse(large, columns, rows))
                found[size] += other_places(demo, columns, rows)
        trained = measured_while_training(PROGRAM, Path(name))
    beside = [Figure(what, trained[what], "", limit) for what, limit in WHILE_TRAINING.items()]
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
    each = {size: [asdict(figure) for figure in values] for size, values in figures.items()}
    report = json.dumps(head | {"figures": each, "while a run trains": trained}, indent=1)
    (options.out / "ui_limits.json").write_text(report + "\n", "utf-8")
    (options.out / "ui_limits.md").write_text(page(head, figures, beside), "utf-8")


def browse(workspace: Path, columns: int, rows: int) -> list[Figure]:
    """The list of a million tweets."""
    command = [*PROGRAM, "-w", str(workspace)]
    with started(command, columns, rows) as (process, screen, first):
        ready = first + until_rest(screen, 0.15)[0]
        figures = [Figure("ready", ready * 1000, "ms", 550)]
        until_rest(screen, SETTLED_S)
        figures += keys(screen, "arrow", DOWN, 50, 8, 150)
        figures += keys(screen, "page", PAGE_DOWN, 20, 15, 6500)
        figures += keys(screen, "label key", b"1", 100, 20, 1200, 0.99)
        held = 1000 * hold_over_slow_link(screen, DOWN, 60)
        figures.append(Figure("arrow held over a slow link, lag at its end", held, "ms", 50))
        until_rest(screen, SETTLED_S)
        figures += opened(screen, "menu of orders", b"s")
        figures += opened(screen, "menu of labels", b",")
        figures += opened(screen, "palette", b"\x10")
        press(screen, b"/")
        typed = [largest_answer(screen, letter) for letter in (b"s", b"i", b" ", b"b", b"o")]
        figures.append(Figure("a letter of a search to its rows", 1000 * max(typed), "ms", 150))
        press(screen, ESCAPE, SETTLED_S)
        figures.append(Figure("idle, 5 s", watch(screen, 5), "B", 0))
        figures.append(Figure("memory", memory_mib(process), "MiB", 90))
    return figures


def other_places(workspace: Path, columns: int, rows: int) -> list[Figure]:
    """Queue, Errors and Runs of the demo."""
    with started([*PROGRAM, "-w", str(workspace)], columns, rows) as (_, screen, _first):
        until_rest(screen, SETTLED_S)
        press(screen, b"Q", SETTLED_S)
        figures = keys(screen, "Queue: label key", b"1", 50, 20, 1200, 0.99)
        for _ in range(50):
            press(screen, b"u")
        press(screen, b"E", SETTLED_S)
        figures += keys(screen, "Errors: arrow", DOWN, 10, 8, 150)
        press(screen, b"R", SETTLED_S)
        figures += keys(screen, "Runs: arrow", DOWN, 2, 8, 300)
        until_rest(screen, SETTLED_S)
        press(screen, UP, BURST_S)
        sent = until_rest(screen, SETTLED_S)[1]
        figures.append(Figure("Runs: what a comparison sends afterwards", sent, "B", 3000))
    return figures


def keys(
    screen: int, what: str, key: bytes, times: int, ms: float, size: float, share: float = 0.95
) -> list[Figure]:
    """A key that is pressed some times: high percentiles of time and bytes, and the median."""
    found = []
    for _ in range(times):
        found.append(press(screen, key, BURST_S))
        if times <= 50:  # details that come later belong to no other key
            until_rest(screen, DETAILS_S)
    slow = 1000 * sorted(seconds for seconds, _ in found)[-1 - int(times * (1 - share))]
    sent = sorted(sent for _, sent in found)
    name, most = f"{round(share * 100)}th percentile", sent[-1 - int(times * 0.05)]
    return [
        Figure(f"{what}, {name}", slow, "ms", ms),
        Figure(what, statistics.median(sent), "B", size),
        Figure(f"{what}, 95th percentile of bytes", most, "B", size),
    ]


def opened(screen: int, what: str, key: bytes) -> list[Figure]:
    """A menu, opened and closed."""
    sent, back = press(screen, key)[1], press(screen, ESCAPE)[1]
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


def page(head: dict[str, object], figures: dict[str, list[Figure]], beside: list[Figure]) -> str:
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
        shown = " | ".join(map(told, row))
        lines.append(f"| {first.what}, {first.unit} | {first.limit:,.0f} | {shown} |")
    if beside:
        lines += ["", f"| while a run trains on the CPU, {SIZES[0][0]}x{SIZES[0][1]} | limit | |"]
        lines += ["|---|---:|---:|"]
    lines += [f"| {one.what} | {one.limit:,.0f} | {told(one)} |" for one in beside]
    return "\n".join([*lines, "", "`!` is above the limit.", "", f"`{head['command']}`"]) + "\n"


def told(figure: Figure) -> str:
    """A figure, marked where it is above its limit."""
    return f"{figure.value:,.0f}{'' if figure.value <= figure.limit else ' !'}"


if __name__ == "__main__":
    main()
