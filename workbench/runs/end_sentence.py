"""How a run stands that is over and has no results."""

from __future__ import annotations

from storage.runs.runs import Run
from workbench.rundir.folder import STOPPED


def end_sentence(run: Run) -> str:
    """How a run stands that has no results, and what goes on with one that was stopped."""
    if run.state == STOPPED:
        return f"Run {run.id} has stopped; `workbench resume {run.id}` goes on with it."
    return f"Run {run.id} {run.state}: {run.reason}" if run.reason else f"Run {run.id} {run.state}."
