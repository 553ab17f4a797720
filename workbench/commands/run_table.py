"""The table of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from storage.runs import Run
from workbench.commands.printing import console, interval, say, table
from workbench.runs.telling import made_with

WIDE = 110
"""Columns of a terminal in which the reasons of runs stand in the table, and not below it."""


def print_runs(known: Sequence[Run], live: Mapping[int, str] | None = None) -> None:
    """A row a run; `live` says how those that are not over stand."""
    told = {run.id: (live or {}).get(run.id) or run.reason or "" for run in known}
    wide = console().width >= WIDE
    headings = [">run", "recipe", "state", "test accuracy", ">steps", ">seconds", "base"]
    rows = [
        [
            run.id, made_with(run.kind, run.recipe), run.state, _accuracy(run), run.steps,
            None if run.seconds is None else f"{run.seconds:.1f}",
            Path(run.base).name if run.base else "",
        ]
        for run in known
    ]  # fmt: skip
    if wide:
        headings += [">4-bit", ">GiB", "reason"]
        for row, run in zip(rows, known, strict=True):
            row += [
                "" if run.linear_total is None else f"{run.linear4bit}/{run.linear_total}",
                None if run.peak_gib is None else f"{run.peak_gib:.1f}", told[run.id],
            ]  # fmt: skip
    table(None, headings, rows)
    for run in known:
        if told[run.id] and not wide:
            say(f"Run {run.id}: {told[run.id]}")


def _accuracy(run: Run) -> str:
    test = (run.metrics or {}).get("test")
    if test is None:
        return ""
    return interval(test["accuracy"], test["accuracy_low"], test["accuracy_high"])
