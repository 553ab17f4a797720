"""The list of runs: a line each, with its accuracy as a bar on an axis that all have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import ClassVar

from rich.cells import cell_len, set_cell_size

from storage.runs.runs import Run
from workbench import escaping
from workbench.figures import in_points, percent
from workbench.rundir.log_format import duration
from workbench.runs.description import describe_recipe
from workbench.tui.run_progress import RunProgress
from workbench.tui.widgets.cut_text import fitted
from workbench.tui.widgets.interval_bar import Axis, axis_of
from workbench.tui.widgets.line_list import Content, Line, LineList, Part, Stop, line

SHOWN, PROMOTED, MARKED = "●", "★", "v"
HEADINGS = ("run", "recipe", "state", "test accuracy", "steps", "time", "vs ★", "base")
NUMBERS = frozenset({"run", "steps", "time", "vs ★"})
"""The columns that are right-aligned."""
BAR, WIDE_BAR = 11, 21
LONGEST = 24


class RunsList(LineList):
    """A line a run; one of them may be marked, to be compared with another."""

    settled_after: ClassVar[float] = 0.4
    """Longer than elsewhere, since what follows is ten times what a key sends."""

    def __init__(self, displayed_run: Callable[[], int | None], id: str) -> None:
        super().__init__(id)
        self._displayed_run = displayed_run
        self._progress: dict[int, RunProgress] = {}
        self.runs: Sequence[Run] = ()
        self.marked: int | None = None
        """The number of the marked run."""

    @property
    def current_run(self) -> Run | None:
        """The run under the cursor."""
        return self.runs[self.cursor] if self.cursor < len(self.runs) else None

    def show_runs(self, runs: Sequence[Run], progress: Mapping[int, RunProgress]) -> None:
        """Show these runs, and how far those are that go on; the cursor stays on its run."""
        self.runs = runs
        self._progress = {number: each for number, each in progress.items() if each.live}
        self._lay_out()

    def mark(self, run: int | None) -> None:
        """Mark a run, or none."""
        self.marked = run
        self._lay_out()

    def show_progress(self, progress: RunProgress) -> None:
        """Show how far a run is in its line."""
        self._progress[progress.run] = progress
        self.runs = [
            replace(run, reason=None, state=progress.state.state)  # it has been resumed
            if run.id == progress.run and run.reason and progress.live
            else run
            for run in self.runs
        ]
        self._lay_out()

    def on_resize(self) -> None:
        """Give the columns the room that there is now."""
        self._lay_out()
        super().on_resize()

    def _lay_out(self) -> None:
        bar = WIDE_BAR if self.size.width >= 100 else BAR
        reports = [(run.metrics or {}).get("test") for run in self.runs]
        axis = axis_of((of["accuracy_low"], of["accuracy_high"]) for of in reports if of)
        best = next((run for run in self.runs if run.promoted), None)
        cells = [self._cells(run, axis, bar, best) for run in self.runs]
        widths = [
            max(cell_len(heading), *(cell_len(row[at]) for row in cells), 0)
            for at, heading in enumerate(HEADINGS)
        ]
        title = "RUNS"
        lines: list[Line] = [
            (Part(self._marks(run)), Part(_row(row, widths)))
            for run, row in zip(self.runs, cells, strict=True)
        ]
        stops = [Stop(f"run {run.id}", row, 0, run.id) for row, run in enumerate(self.runs)]
        head = line(" " * 5 + _row(_headings(axis, bar, any(reports)), widths), "dim")
        self.show(Content(title, lines, stops, [head]))

    def _marks(self, run: Run) -> str:
        shown = SHOWN if run.id == self._displayed_run() else " "
        promoted = PROMOTED if run.promoted else " "
        return f" {shown}{promoted}{MARKED if run.id == self.marked else ' '} "

    def _cells(self, run: Run, axis: Axis, bar: int, best: Run | None) -> tuple[str, ...]:
        state, steps, seconds = run.state, str(run.steps or ""), run.seconds
        if (progress := self._progress.get(run.id)) is not None:
            seconds = progress.seconds if progress.live else seconds
            state = progress.state.state
            of = progress.state.steps  # 0 while it starts
            steps = f"{progress.state.step}/{of}" if of else steps
        return tuple(
            escaping.line(text)
            for text in (
                str(run.id),
                fitted(describe_recipe(run.kind, run.recipe), LONGEST),
                state,
                _accuracy(run, axis, bar),
                steps,
                "" if seconds is None else duration(seconds),
                _against(run, best),
                PurePath(run.base).name if run.base else "",
            )
        )


def _accuracy(run: Run, axis: Axis, bar: int) -> str:
    report = (run.metrics or {}).get("test")
    if report is None:
        return ""
    interval = report["accuracy"], report["accuracy_low"], report["accuracy_high"]
    stale = " stale" if report["stale"] else ""
    return f"{percent(report['accuracy']):>7}  {axis.bar(*interval, bar)}{stale}"


def _against(run: Run, best: Run | None) -> str:
    """How many points a run is above the promoted one, where both are of as many tweets."""
    if best is None:
        return ""
    if run.id == best.id:
        return PROMOTED
    own, other = (_test(each) for each in (run, best))
    if not own or not other or own["n"] != other["n"]:
        return ""
    return in_points(own["accuracy"] - other["accuracy"])


def _test(run: Run) -> Mapping[str, float]:
    return (run.metrics or {}).get("test") or {}


def _headings(axis: Axis, bar: int, known: bool) -> tuple[str, ...]:
    """The headings, with the ends of the axis above the bars."""
    ends = [f"{100 * share:.0f}" for share in (axis.low, axis.high)]
    scale = f"   test  {ends[0]}{ends[1].rjust(bar - len(ends[0]))}"
    return tuple(scale if known and name == "test accuracy" else name for name in HEADINGS)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for heading, cell, width in zip(HEADINGS, cells, widths, strict=True):
        fill = " " * (width - cell_len(cell))
        parts.append(fill + cell if heading in NUMBERS else set_cell_size(cell, width))
    return "  ".join(parts)
