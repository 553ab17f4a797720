"""Commands about runs that are under way or over: runs, logs, stop, resume."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from storage.runs import runs as stored_runs
from workbench.commands.runs.launch_options import launch_with_gpus
from workbench.commands.runs.report import report_run
from workbench.console.options import Settings, common_options, warn
from workbench.console.printing import console, print_json, print_jsonl, say
from workbench.console.progress import spinner
from workbench.console.run_follower import LogPrinter, follow_log
from workbench.console.run_table import print_runs
from workbench.rundir import folder as run_folder
from workbench.rundir.elapsed_time import elapsed_seconds
from workbench.rundir.expected_time import ExpectedTimeReader
from workbench.rundir.liveness import reconcile_state
from workbench.rundir.log_format import format_estimate, format_event, format_status
from workbench.runs import launching


@click.command()
@common_options
@click.pass_obj
def runs(settings: Settings) -> None:
    """List all runs, newest first, after reading in what they produced.

    Example: workbench runs
    """
    from workbench.runs.collecting import collect

    with settings.store() as store, spinner("reading what runs produced"):
        collect(store, warn)
        known = stored_runs.every(store)
        live = {
            run.id: store.run_folder(run.id)
            for run in known
            if run.state in run_folder.LIVE and store.run_folder(run.id).is_dir()
        }
    if settings.as_json:
        print_json([run.as_json() for run in known])
    else:
        queues = launching.queue_places(list(live.values()))
        print_runs(known, {n: _standing(at, queues.get(at)) for n, at in live.items()})


def _standing(folder: Path, queue: str | None) -> str:
    """The state of a run that is not over, its time left, and its place in a queue."""
    state = run_folder.read_state(folder)
    gone = elapsed_seconds(folder, state)
    status = format_status(
        state, gone, format_estimate(ExpectedTimeReader(folder).read(), gone, state.eta_s)
    )
    return ", ".join(filter(None, (status, queue)))


@click.command()
@click.argument("number", metavar="RUN", type=int)
@click.option("-f", "--follow", "follows", is_flag=True, help="Go on until the run has ended.")
@common_options
@click.pass_obj
def logs(settings: Settings, number: int, follows: bool) -> None:
    """Print what a run has logged: phases, loss, learning rate, speed, dev accuracy, time left.

    Example: workbench logs 3 -f
    """
    with settings.store() as store:
        run = stored_runs.get(store, number)
        folder = store.run_folder(number)
        run_folder.require_folder(folder)
        if run.kind == run_folder.IMPORTED:
            run_folder.require_made_here(folder, "nothing was logged")
        printed = set()
        if settings.as_json:
            for values in follow_log(folder, follows):
                print_jsonl([values])
        else:
            with LogPrinter(folder, number, console()) as printer:
                for values in follow_log(folder, follows, printer.show_state):
                    printed.add(values.get("text"))
                    printer.print(format_event(values))
            state = reconcile_state(folder)
            if state.reason in printed:  # such as a note on why training ended early
                state = replace(state, reason=None)
            say(f"Run {number}: {format_status(state)}")


@click.command()
@click.argument("number", metavar="RUN", type=int)
@common_options
@click.pass_obj
def stop(settings: Settings, number: int) -> None:
    """Ask a run to save and stop at the end of its step.

    Example: workbench stop 3
    """
    with settings.store() as store:
        stored_runs.get(store, number)
        launching.stop_run(store.run_folder(number))
    if settings.as_json:
        print_json({"run": number, "state": run_folder.STOPPING})
    else:
        say(f"Run {number} saves and stops; `workbench resume {number}` goes on with it.")


@click.command()
@click.argument("number", metavar="RUN", type=int)
@click.option("--gpus", type=int, metavar="M", help="Another number of GPUs than before.")
@click.option("--wait", "waits", is_flag=True, help="Stay until the run has ended.")
@common_options
@click.pass_obj
def resume(settings: Settings, number: int, gpus: int | None, waits: bool) -> None:
    """Go on with a stopped or failed run from its newest checkpoint.

    Example: workbench resume 3 --wait
    """
    with settings.store() as store:
        stored_runs.get(store, number)
        folder = store.run_folder(number)
        run_folder.require_folder(folder)
        how = None if gpus is None else launch_with_gpus(folder, gpus)
        launching.resume_run(folder, how)
        stored_runs.update(store, number, state=run_folder.QUEUED, reason=None)
        report_run(settings, store, number, waits)


COMMANDS = (runs, logs, stop, resume)
