"""Following a run from the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from storage.runs import get
from storage.store import Store
from workbench import inert
from workbench.runs import folder as run_folder
from workbench.runs.folder import DONE, LIVE, settle
from workbench.runs.telling import duration

POLL_S = 0.2


def wait(store: Store, *numbers: int, quiet: bool = False) -> None:
    """Stay until runs have ended, showing their progress on stderr."""
    with progress_bars(quiet) as bars:
        tasks = {
            number: bars.add_task(_title(store, number), total=None, left="", steps="")
            for number in numbers
        }
        while tasks:
            for number, task in list(tasks.items()):
                state = settle(store.run_folder(number))
                live = state.state in LIVE
                word = state.phase or state.state if live else state.state
                title = f"{_title(store, number)}: {inert.line(word)}"
                left = "" if state.eta_s is None else f"{duration(state.eta_s)} left"
                bars.update(
                    task, total=state.steps or None, completed=state.step, description=title,
                    left=left, steps=f"{state.step}/{state.steps}" if state.steps else "",
                )  # fmt: skip
                if state.state == DONE:
                    bars.update(task, total=1, completed=1)
                if not live:
                    del tasks[number]
            time.sleep(POLL_S)


def progress_bars(quiet: bool = False) -> Progress:
    """Progress bars on stderr; nothing at all when quiet."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[steps]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),  # as the worker says, who knows its phases
        console=Console(stderr=True),
        disable=quiet,
    )


def follow(folder: Path, until_ended: bool) -> Iterator[dict[str, Any]]:
    """The lines of a run's log; with `until_ended` also those that are still to come."""
    offset = 0
    while True:
        ended = settle(folder).state not in LIVE
        for values, after in run_folder.read_log(folder, offset):
            yield values
            offset = after
        if ended or not until_ended:
            return
        time.sleep(POLL_S)


def _title(store: Store, number: int) -> str:
    return inert.line(f"run {number} {get(store, number).recipe}")
