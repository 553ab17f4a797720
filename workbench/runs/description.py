"""Runs in words."""

from __future__ import annotations

from storage.runs.runs import Run
from workbench.rundir.folder import STOPPED


def describe_recipe(kind: str, recipe: str) -> str:
    """The recipe of a run, and whether the run only predicts, or was imported."""
    return f"{recipe}, {kind}" if kind in ("predict", "imported") else recipe


def describe_run(run: Run, tweets: int) -> str:
    """The number and recipe of a run, and how many of all `tweets` it scored if not every one."""
    part = f", {run.predictions:,} of {tweets:,} scored" if run.predictions < tweets else ""
    return f"run {run.id} {run.recipe}{part}"


def end_sentence(run: Run) -> str:
    """How a run stands that has no results, and what goes on with one that was stopped."""
    if run.state == STOPPED:
        return f"Run {run.id} has stopped; `workbench resume {run.id}` goes on with it."
    return f"Run {run.id} {run.state}: {run.reason}" if run.reason else f"Run {run.id} {run.state}."
