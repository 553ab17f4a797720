"""Runs named in messages about the list."""

from __future__ import annotations

from storage.errors import UserError
from storage.query import tweets
from storage.runs import runs
from storage.store import Store
from workbench.runs.description import describe_run


def run_name(store: Store, number: int) -> str:
    """A run by number and recipe, and how many tweets it scored if those are not all."""
    try:
        run = runs.get(store, number)
    except UserError:
        return f"run {number}, which is deleted"
    return describe_run(run, tweets.counts(store).tweets)


def shown_instead(store: Store, run: int | None) -> str:
    """Which run is shown now in the place of another; None stands for no run."""
    return f"{'No run' if run is None else run_name(store, run).capitalize()} is shown now."
