"""What the commands that start a run share: whose adapter it takes, and the last words."""

from __future__ import annotations

from dataclasses import replace

from storage.errors import UserError
from storage.runs import runs as stored_runs
from storage.runs.displayed_run import offered, shown_run
from storage.runs.runs import Run
from storage.store import Store
from workbench.console.options import Settings
from workbench.console.printing import print_json, say
from workbench.console.progress import busy
from workbench.console.run_follower import wait
from workbench.console.run_table import print_runs
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


def finish(settings: Settings, store: Store, number: int, waits: bool) -> None:
    """Wait for a run if asked to, and print it."""
    from workbench.runs.collecting import collect

    if waits:
        wait(store, number, quiet=settings.as_json)
        with busy("reading what it produced"):
            collect(store)
    run = stored_runs.get(store, number)
    if settings.as_json:
        print_json(run.as_json())
    elif waits:
        print_runs([replace(run, reason=None) if run.state == run_folder.FAILED else run])
        if number == offered(store):
            here = f"`workbench shown {number}` shows this one"
            say(f"The list goes on showing run {shown_run(store)}; {here}.")
    else:
        say(f"It goes on without this terminal; `workbench logs {number} -f` follows it.")
    if waits and run.state == run_folder.FAILED:
        raise UserError(f"Run {number} failed: {run.reason}")
