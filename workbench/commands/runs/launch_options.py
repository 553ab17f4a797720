"""How commands start runs: where, on how many GPUs, and through the engine if it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from storage.errors import UsageError
from workbench.console.options import warn
from workbench.console.progress import spinner
from workbench.planning.trackers import require_tracker
from workbench.recipes.recipes import Recipe
from workbench.rundir import engine_queue
from workbench.rundir import folder as run_folder
from workbench.rundir.launch import ENGINE, LAUNCHER_NAMES, Launch, check_launch, read_launch
from workbench.runs import engine_control
from workbench.runs.launchers import default_launcher, launcher_of
from workbench.runs.login_sessions import logout_effect

F = TypeVar("F", bound=Callable[..., Any])


def launch_options(function: F) -> F:
    """Add --launcher, --nodes and --gpus to a command."""
    for option in (
        click.option(
            "--gpus",
            type=int,
            default=1,
            show_default=True,
            metavar="M",
            help="GPUs of each node, with a process each.",
        ),
        click.option(
            "--nodes",
            type=int,
            default=1,
            show_default=True,
            metavar="N",
            help="Machines; more than one with --launcher slurm.",
        ),
        click.option(
            "--launcher",
            type=click.Choice(LAUNCHER_NAMES),
            help="Where to run it (otherwise the engine if it runs, or torchrun for "
            "several GPUs, or local). `engine` starts the engine if need be.",
        ),
    ):
        function = option(function)
    return function


def choose_launch(
    launcher: str | None, nodes: int, gpus: int, recipe: Recipe | None = None
) -> Launch:
    """How a run shall be started; raises UsageError for what cannot be."""
    model = recipe is None or recipe.kind != "baseline"
    launch = Launch(launcher or default_launcher(nodes, gpus, model), nodes, gpus)
    try:
        check_launch(launch)
    except ValueError as error:
        raise UsageError(f"It cannot be started like that: {error}.") from None
    stock = recipe is not None and recipe.training and recipe.training.trainer == "trl"
    if (nodes, gpus) != (1, 1) and recipe is not None and (stock or not model):
        raise UsageError(
            f"The recipe {recipe.name} runs in one process; leave out --gpus and --nodes, or name "
            "the recipe fast."
        )
    if recipe is not None and not launcher_of(launch).remote:
        require_tracker(recipe)
    return launch


def start_engine(launch: Launch) -> None:
    """Start the engine if a run is meant for it and it does not run."""
    if launch.launcher == ENGINE and engine_queue.running_engine() is None:
        with spinner("starting the engine"):
            engine_control.start_engine()


def engine_sentence(launch: Launch, base: str | None) -> str:
    """When the engine will come to a run that is to be handed to it; empty for another run."""
    engine = engine_queue.running_engine() if launch.launcher == ENGINE else None
    if engine is None:
        return ""
    if engine.run is not None or engine_queue.waiting_runs():
        return " The engine does it after what it has to do already."
    if engine.base == base:
        return " The engine does it at once, on the base that it holds."
    return " The engine does it, and loads the base first."


def launch_with_gpus(folder: Path, gpus: int) -> Launch:
    """How to go on with a run with another number of GPUs; a job of SLURM stays one."""
    before, job = read_launch(folder), run_folder.read_job(folder)
    recipe = None if job.kind == "predict" else job.recipe  # scoring is shared out with any
    if launcher_of(before).remote:
        return choose_launch(before.launcher, before.nodes, gpus, recipe)
    return choose_launch(None, 1, gpus, recipe)


def warn_of_logout() -> None:
    """Say if a logout will end the run."""
    if (warning := logout_effect().warning) is not None:
        warn(warning)
