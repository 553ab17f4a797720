"""What the commands that start a run share: the launcher, and the last words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from storage import runs as stored_runs
from storage.errors import UsageError, UserError
from storage.runs import Run
from storage.store import Store
from workbench.commands.options import Settings, warn
from workbench.commands.printing import print_json, say
from workbench.commands.progress import busy
from workbench.commands.run_table import print_runs
from workbench.commands.watching import wait
from workbench.runs import folder as run_folder
from workbench.runs import launchers, spool
from workbench.runs.launchers import Launch
from workbench.runs.sessions import at_logout

F = TypeVar("F", bound=Callable[..., Any])


def launch_options(function: F) -> F:
    """Add --launcher, --nodes and --gpus to a command."""
    for option in (
        click.option("--gpus", type=int, default=1, show_default=True, metavar="M",
                     help="GPUs of each node, with a process each."),
        click.option("--nodes", type=int, default=1, show_default=True, metavar="N",
                     help="Machines; more than one with --launcher slurm."),
        click.option("--launcher", type=click.Choice(launchers.NAMES),
                     help="Where to run it (otherwise the engine if it runs, or torchrun for "
                     "several GPUs, or local). `engine` starts the engine if need be."),
    ):  # fmt: skip
        function = option(function)
    return function


def launch_of(launcher: str | None, nodes: int, gpus: int, kind: str = "qlora") -> Launch:
    """How a run shall be started; raises UsageError for what cannot be."""
    several = launchers.TORCHRUN if gpus > 1 and nodes == 1 else launchers.LOCAL
    if launcher is None and (nodes, gpus) == (1, 1) and kind != "baseline" and spool.usable():
        several = launchers.ENGINE
    launch = Launch(launcher or several, nodes, gpus)
    try:
        launchers.check(launch)
    except ValueError as error:
        raise UsageError(f"It cannot be started like that: {error}.") from None
    return launch


def chosen_launch(launcher: str | None, nodes: int, gpus: int, kind: str = "qlora") -> Launch:
    """The same, with an engine at work where the launcher asks for one by name."""
    launch = launch_of(launcher, nodes, gpus, kind)
    if launcher == launchers.ENGINE and spool.running() is None:
        with busy("Starting the engine…"):
            spool.start()
    return launch


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


def warn_of_logout() -> None:
    """Say if a logout will end the run."""
    if (warning := at_logout().warning) is not None:
        warn(warning)


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
        print_runs([run])
    else:
        say(f"It goes on without this terminal; `workbench logs {number} -f` follows it.")
    if waits and run.state == run_folder.FAILED:
        raise UserError(f"Run {number} failed: {run.reason}")
