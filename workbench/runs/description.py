"""Runs in words."""

from __future__ import annotations

from storage.runs.runs import Run


def describe_recipe(kind: str, recipe: str) -> str:
    """The recipe of a run, and whether the run only predicts, or was imported."""
    return f"{recipe}, {kind}" if kind in ("predict", "imported") else recipe


def describe_run(run: Run, tweets: int) -> str:
    """The number and recipe of a run, and how many of all `tweets` it scored if not every one."""
    part = f", {run.predictions:,} of {tweets:,} scored" if run.predictions < tweets else ""
    return f"run {run.id} {run.recipe}{part}"
