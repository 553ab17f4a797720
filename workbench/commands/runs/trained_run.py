"""The run whose adapter a command uses."""

from __future__ import annotations

from storage.errors import UserError
from storage.runs import runs as stored_runs
from storage.runs.runs import Run
from storage.store import Store
from workbench.rundir import folder as run_folder


def trained_run(store: Store, number: int | None) -> Run:
    """The run with this number, or the newest trained one; raises UserError without an adapter."""
    from workbench.runs.collecting import collect

    collect(store)
    if number is not None:
        run = stored_runs.get(store, number)
    else:
        run = stored_runs.latest(store, ("qlora",))
        done = (r for r in stored_runs.every(store, metrics=False) if r.state == run_folder.DONE)
        run = next((r for r in done if r.kind == "qlora" and _has_adapter(store, r)), run)
    if run.kind == run_folder.IMPORTED:
        run_folder.require_made_here(store.run_folder(run.id), "it can answer and export nothing")
    if not _has_adapter(store, run):
        raise UserError(
            f"Run {run.id} ({run.recipe}, {run.state}) has no adapter; name a trained run."
        )
    return run


def _has_adapter(store: Store, run: Run) -> bool:
    """Whether a run has an adapter; one without a last fit on all tweets has none."""
    return (store.run_folder(run.id) / run_folder.ADAPTER).is_dir()
