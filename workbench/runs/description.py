"""Runs in words."""

from __future__ import annotations

from storage.runs.runs import Run


def describe_recipe(kind: str, recipe: str) -> str:
    """The recipe of a run, and whether it was taken for predictions only."""
    return f"{recipe}, predict" if kind == "predict" else recipe


def describe_run(run: Run, tweets: int) -> str:
    """A run by number and recipe, and how many of so many tweets it scored if those are not all."""
    part = f", {run.predictions:,} of {tweets:,} scored" if run.predictions < tweets else ""
    return f"run {run.id} {run.recipe}{part}"
