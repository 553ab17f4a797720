"""A bar or a spinner on stderr for what takes longer than a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.status import Status
from rich.text import Text

ReportProgress = Callable[[int, int | None], None]
"""Takes how many are done, and of how many if that is known."""
DELAY_S = 1.0
"""Seconds without a bar."""


@contextmanager
def spinner(title: str) -> Iterator[None]:
    """Show after a second that something goes on whose length nobody knows."""
    shown = Status(Text(title), console=Console(stderr=True))
    timer = Timer(DELAY_S, shown.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        shown.stop()


@contextmanager
def progress_bar(title: str) -> Iterator[ReportProgress]:
    """Show a bar after a second; gives the function that moves it."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    shown = Bar(*columns, console=Console(stderr=True), transient=True)
    task = shown.add_task(title, total=None)
    started = time.monotonic()

    def progress(done: int, total: int | None) -> None:
        if time.monotonic() - started > DELAY_S:
            shown.start()
            shown.update(task, completed=done, total=total)

    try:
        yield progress
    finally:
        if shown.live.is_started:
            shown.stop()
