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
    run = (
        stored_runs.latest(store, ("qlora",)) if number is None else stored_runs.get(store, number)
    )
    if not (store.run_folder(run.id) / run_folder.ADAPTER).is_dir():
        raise UserError(
            f"Run {run.id} ({run.recipe}, {run.state}) has no adapter; name a trained run."
        )
    return run
