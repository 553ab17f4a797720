"""Runs followed from a terminal: bars while they go on, or their log line by line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from storage.runs.runs import get
from storage.store import Store
from workbench import escaping
from workbench.rundir import folder as run_folder
from workbench.rundir.elapsed_time import elapsed_seconds
from workbench.rundir.expected_time import ExpectedTime, ExpectedTimeReader
from workbench.rundir.folder import DONE, LIVE, State
from workbench.rundir.liveness import reconcile_state
from workbench.rundir.log_format import duration

POLL_S = 0.1
WIDE = 120
"""Columns of a terminal in which a bar of the usual width has a place beside the words."""


def wait_for_runs(store: Store, *numbers: int, quiet: bool = False) -> None:
    """Stay until runs have ended, showing their progress on stderr."""
    with progress_bars(quiet) as bars:
        folders = {number: store.run_folder(number) for number in numbers}
        logs = {number: ExpectedTimeReader(folder) for number, folder in folders.items()}
        tasks = {
            number: bars.add_task(_title(store, number), total=None, gone="", left="", steps="")
            for number in numbers
        }
        while tasks:
            for number, task in list(tasks.items()):
                state = reconcile_state(folders[number])
                live = state.state in LIVE
                word = state.phase or state.state if live else state.state
                gone = elapsed_seconds(folders[number], state)
                bars.update(
                    task,
                    total=state.steps or None,
                    completed=state.step,
                    description=f"{_title(store, number)}: {escaping.line(word)}",
                    steps=f"{state.step}/{state.steps}" if state.steps else "",
                    gone="" if gone is None else duration(gone),
                    left=_time_left(state, logs[number].read()) if live else "",
                )
                if state.state == DONE:
                    bars.update(task, total=1, completed=1)
                if not live:
                    del tasks[number]
            bars.refresh()
            if tasks:
                time.sleep(POLL_S)


def _time_left(state: State, expected: ExpectedTime) -> str:
    """The time left, and the estimate that was made first."""
    before = "" if expected.estimate is None else duration(expected.estimate.seconds)
    if state.eta_s is None:
        return f"of about {before}" if before and expected.revised is None else ""
    left = f"{duration(state.eta_s)} left"
    return left if expected.revised is None else f"{left}, first estimate {before}"


def progress_bars(quiet: bool = False) -> Progress:
    """Progress bars on stderr, as wide as the terminal leaves room; nothing at all when quiet."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(None if console.width < WIDE else 40),
        TextColumn("{task.fields[steps]}"),
        TextColumn("{task.fields[gone]}"),  # as long as the run goes, not as this looks on
        TextColumn("{task.fields[left]}"),  # as the worker says, who knows its phases
        console=console,
        auto_refresh=False,
        disable=quiet,
    )


def follow_log(
    folder: Path, until_ended: bool, on_state: Callable[[State], None] = lambda state: None
) -> Iterator[dict[str, Any]]:
    """The lines of a run's log; with `until_ended` also those that are still to come.

    Meanwhile `on_state` is called again and again with the state of the run.
    """
    offset = 0
    while True:
        state = reconcile_state(folder)
        for values, after in run_folder.read_log(folder, offset):
            yield values
            offset = after
        if state.state not in LIVE or not until_ended:
            return
        on_state(state)
        time.sleep(POLL_S)


class LogPrinter:
    """Prints the lines of a log; on a terminal a clock runs below them as long as the run goes."""

    def __init__(self, folder: Path, number: int, console: Console) -> None:
        self._folder, self._number = folder, number
        self._line = Text()
        self._live = Live(self._line, console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> LogPrinter:
        if self._live.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def print(self, line: str) -> None:
        """Print a line of the log."""
        self._live.console.print(Text(escaping.lines(line)), soft_wrap=True)

    def show_state(self, state: State) -> None:
        """Show the phase of the run, its step and for how long it has been going."""
        gone = elapsed_seconds(self._folder, state)
        parts = [f"run {self._number} {escaping.line(state.phase or state.state)}"]
        parts += [f"{state.step}/{state.steps}"] if state.steps else []
        parts += [] if gone is None else [duration(gone)]
        parts += [] if state.eta_s is None else [f"about {duration(state.eta_s)} left"]
        line = Text("  ".join(parts), no_wrap=True, overflow="ellipsis")
        if line != self._line and self._live.is_started:
            self._line = line
            self._live.update(line, refresh=True)


def _title(store: Store, number: int) -> str:
    return escaping.line(f"run {number} {get(store, number).recipe}")
