"""The table of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePath

from rich.cells import cell_len
from rich.text import Text
from textual.coordinate import Coordinate
from textual.widgets import DataTable

from storage.runs.runs import Run
from workbench import escaping, figures
from workbench.rundir.log_format import duration
from workbench.runs.description import describe_recipe
from workbench.tui.run_progress import RunProgress
from workbench.tui.widgets.menu import CURSOR

COLUMNS = ("", "run", "recipe", "state", "test", "steps", "time", "base", "4-bit", "reason")
"""The headings, the most needed first, as 80 columns do not hold all of them."""
SHOWN, PROMOTED, MARKED = "●", "★", "v"


class RunsTable(DataTable[Text]):
    """A row a run; one of them may be marked, to be compared with another."""

    def __init__(self, displayed_run: Callable[[], int | None], id: str) -> None:
        super().__init__(cursor_type="row", zebra_stripes=False, id=id)
        self._displayed_run = displayed_run
        self.runs: Sequence[Run] = ()
        self.marked: int | None = None
        """The number of the marked run."""

    @property
    def current(self) -> Run | None:
        """The run under the cursor."""
        row = self.cursor_row
        return self.runs[row] if 0 <= row < len(self.runs) else None

    def show(self, runs: Sequence[Run]) -> None:
        """Show these runs, with the cursor on the row on which it is."""
        self.runs = runs
        row = self.cursor_row
        columns = COLUMNS if any(run.reason for run in runs) else COLUMNS[:-1]
        self.clear(columns=True)
        cells = [[escaping.line(cell) for cell in self._cells(run)] for run in runs]
        for name, *texts in zip(columns, *cells, strict=False):
            # The table measures them when it has nothing else to do, and may paint them before.
            width = max(map(cell_len, (name, *texts)))
            self.columns[self.add_column(name)].content_width = width
        for row_of_cells in cells:
            self.add_row(*map(Text, row_of_cells[: len(columns)]))
        self.move_cursor(row=row)
        self.focus()

    def mark(self, run: int | None) -> None:
        """Mark a run, or none."""
        self.marked = run
        self.show(self.runs)

    def show_progress(self, progress: RunProgress) -> None:
        """Show how far a run is in its row."""
        for row, run in enumerate(self.runs):
            if run.id == progress.run:
                if run.reason and progress.live:  # it has been resumed
                    resumed = replace(run, reason=None)
                    self.show([*self.runs[:row], resumed, *self.runs[row + 1 :]])
                state = progress.state
                news = {"state": state.state, "steps": f"{state.step}/{state.steps}"}
                for column, text in news.items():
                    cell = Text(escaping.line(text))
                    place = Coordinate(row, COLUMNS.index(column))
                    if self.get_cell_at(place) != cell:  # the clock of a run has no column
                        self.update_cell_at(place, cell, update_width=True)

    def show_marks(self) -> None:
        """Repaint the marks that have changed, such as that of the cursor."""
        for row, run in enumerate(self.runs[: self.row_count]):
            if str(self.get_cell_at(Coordinate(row, 0))) != (marks := self._marks(run)):
                self.update_cell_at(Coordinate(row, 0), Text(marks))

    def move(self, rows: int) -> bool:
        """Move the cursor by so many rows, or as many as there are; False if there are none."""
        before = self.cursor_row
        self.move_cursor(row=max(0, min(before + rows, len(self.runs) - 1)))
        return self.cursor_row != before

    def scroll_sideways(self, way: int) -> bool:
        """Scroll to the right or left; False if there is nothing more that way."""
        if not 0 <= self.scroll_offset.x + way <= self.max_scroll_x:
            return False
        self.scroll_relative(x=way * 8, animate=False)
        return True

    def _cells(self, run: Run) -> tuple[str, ...]:
        test = (run.metrics or {}).get("test")
        return (
            self._marks(run),
            str(run.id),
            describe_recipe(run.kind, run.recipe),
            run.state,
            figures.accuracy(test) if test else "",
            str(run.steps or ""),
            "" if run.seconds is None else duration(run.seconds),
            PurePath(run.base).name if run.base else "",
            f"{run.linear4bit}/{run.linear_total}" if run.linear_total else "",
            run.reason or "",
        )

    def _marks(self, run: Run) -> str:
        cursor = CURSOR if run is self.current else " "
        shown = SHOWN if run.id == self._displayed_run() else " "
        promoted = PROMOTED if run.promoted else " "
        return f"{cursor}{shown}{promoted}{MARKED if run.id == self.marked else ''}"
