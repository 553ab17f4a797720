"""The command of the warm engine."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import click

from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say
from workbench.console.progress import spinner
from workbench.rundir import engine_queue
from workbench.rundir.engine_queue import EngineState
from workbench.rundir.log_format import duration
from workbench.runs import engine_control

ACTIONS = ("start", "stop", "status")
ENDING_S = 120.0
"""How long `stop` waits for the run at hand to be saved."""


@click.command()
@click.argument("action", metavar="start|stop|status", type=click.Choice(ACTIONS))
@click.option(
    "--idle",
    type=click.FloatRange(min=0, min_open=True),
    default=engine_control.IDLE_MINUTES,
    show_default=True,
    metavar="MINUTES",
    help="With start: end, and free the GPU, after so long without a run.",
)
@click.option(
    "--base",
    metavar="NAME|FOLDER",
    help="With start: the base of the run to come, whose libraries and weights are read meanwhile.",
)
@common_options
@click.pass_obj
def engine(settings: Settings, action: str, idle: float, base: str | None) -> None:
    """Keep a base model loaded between runs: one process for all your workspaces here.

    While it runs, `train`, `clone` and `predict` hand it their runs, one after another. A stop
    saves the run at hand; `workbench resume` goes on with it. GPUs are shared: it ends by itself
    after some idle time.

    Example: workbench engine start --idle 30
    """
    stopped = False
    if action == "start":
        with spinner("starting the engine"):
            engine_control.start_engine(idle, base)
    elif action == "stop":
        with spinner("waiting until the engine has saved"):
            stopped = _stop()
    found = engine_queue.running_engine()
    waits = [str(folder) for _, folder in engine_queue.waiting_runs()]
    if settings.as_json:
        values: dict[str, Any] = asdict(found) if found is not None else {}
        print_json({"running": found is not None, **values, "waiting": waits})
    else:
        say("The engine has ended." if stopped else sentence(found, len(waits)))


def _stop() -> bool:
    """Whether there was an engine, which has ended now."""
    end = time.monotonic() + ENDING_S
    there = engine_control.stop_engine()
    while there and engine_queue.running_engine() is not None and time.monotonic() < end:
        time.sleep(0.1)
    return there and engine_queue.running_engine() is None


def sentence(found: EngineState | None, waiting: int) -> str:
    """What the engine does, for people."""
    if found is None:
        return "The engine is not running; `workbench engine start` starts it."
    queue = f", {waiting} waiting" if waiting else ""
    since = duration(max(0.0, time.time() - found.since))
    if found.run is not None:
        return f"The engine (process {found.pid}) works on {found.run} for {since}{queue}."
    keeps = f" with {found.base}" if found.base else ""
    return (
        f"The engine (process {found.pid}) is idle{keeps} for {since}, and ends after "
        f"{found.idle_minutes:g} idle minutes{queue}."
    )


COMMANDS = (engine,)
