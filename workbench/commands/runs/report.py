"""What the commands that start a run print when it has begun, or ended."""

from __future__ import annotations

from dataclasses import replace

from storage.errors import UserError
from storage.runs import runs as stored_runs
from storage.runs.displayed_run import offered, shown_run
from storage.store import Store
from workbench.console.options import Settings
from workbench.console.printing import print_json, say
from workbench.console.progress import spinner
from workbench.console.run_follower import wait_for_runs
from workbench.console.run_table import print_runs
from workbench.rundir import folder as run_folder
from workbench.runs.end_sentence import end_sentence


def report_run(settings: Settings, store: Store, number: int, waits: bool) -> None:
    """Wait for a run if asked to, and print it."""
    from workbench.runs.collecting import collect

    if waits:
        wait_for_runs(store, number, quiet=settings.as_json)
        with spinner("reading what it produced"):
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
        raise UserError(end_sentence(run))
