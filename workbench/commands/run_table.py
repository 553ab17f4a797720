"""The table of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from storage.runs import Run
from workbench.commands.printing import interval, table


def print_runs(known: Sequence[Run], live: Mapping[int, str] | None = None) -> None:
    """A row a run; `live` says how those that are not over stand."""
    table(
        None,
        (">run", "kind", "recipe", "base", "state", ">4-bit", ">steps", ">seconds", ">GiB",
         "test accuracy", "reason"),
        (
            (
                run.id, run.kind, run.recipe, Path(run.base).name if run.base else "",
                (live or {}).get(run.id, run.state),
                "" if run.linear_total is None else f"{run.linear4bit}/{run.linear_total}",
                run.steps, None if run.seconds is None else f"{run.seconds:.1f}",
                None if run.peak_gib is None else f"{run.peak_gib:.1f}", _accuracy(run), run.reason,
            )
            for run in known
        ),
    )  # fmt: skip


def _accuracy(run: Run) -> str:
    test = (run.metrics or {}).get("test")
    if test is None:
        return ""
    return interval(test["accuracy"], test["accuracy_low"], test["accuracy_high"])
