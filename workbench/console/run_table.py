"""The table of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from storage.runs.runs import Run
from workbench import figures
from workbench.console.printing import console, say, table
from workbench.runs.description import describe_recipe

WIDE = 100
"""Columns of a terminal in which 4-bit layers and memory have a place too."""
MARKS = {
    (False, False): "",
    (True, False): "●",
    (False, True): "★",
    (True, True): "●★",
}
"""The marks of a run, by whether it is shown in the list and whether it is promoted."""


def print_runs(known: Sequence[Run], live: Mapping[int, str] | None = None) -> None:
    """Print a row for each run, then a line for each failed one and each of the `live` ones.

    `live` describes the runs that are not over, by their numbers.
    """
    headings = ["", ">run", "recipe", "state", "test accuracy", ">steps", ">seconds", "base"]
    rows = [
        [
            MARKS[run.shown, run.promoted],
            run.id,
            describe_recipe(run.kind, run.recipe),
            run.state,
            _accuracy(run),
            run.steps,
            None if run.seconds is None else f"{run.seconds:.1f}",
            Path(run.base).name if run.base else "",
        ]
        for run in known
    ]
    if console().width >= WIDE:
        headings += [">4-bit", ">GiB"]
        for row, run in zip(rows, known, strict=True):
            layers = "" if run.linear_total is None else f"{run.linear4bit}/{run.linear_total}"
            row += [layers, None if run.peak_gib is None else f"{run.peak_gib:.1f}"]
    table(None, headings, rows)
    for run in known:
        if remark := (live or {}).get(run.id) or run.reason:
            say(f"Run {run.id}: {remark}")


def _accuracy(run: Run) -> str:
    test = (run.metrics or {}).get("test")
    return "" if test is None else figures.accuracy(test)
