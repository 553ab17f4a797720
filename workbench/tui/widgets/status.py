"""The line with the position, the filter, the counts and the running job."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from storage.plurals import tweet_count
from storage.query.tweets import Counts
from workbench import escaping

MOST_CELLS = 60
"""Cells of a filter that are shown, as the counts stand behind it."""


class StatusLine(Horizontal):
    """Three parts, each repainted only when its text changes."""

    def compose(self) -> ComposeResult:
        """Position, what is shown and counted, the job."""
        yield Static(id="position", markup=False)
        yield Static(id="summary", markup=False)
        yield Static(id="job", markup=False)

    def on_mount(self) -> None:
        """Nothing is shown yet."""
        self._shown: dict[str, str] = {}

    def position(self, row: int, rows: int) -> None:
        """Say where the cursor is."""
        self._set("position", f"{row + 1:,} / {rows:,}" if rows else "0 / 0")

    def summary(
        self, filter_text: str, order: str, counts: Counts, annotator: str, notices: Sequence[str]
    ) -> None:
        """Say how the workspace was opened, what the list shows and how far the work is."""
        parts = list(notices)
        parts += [f"filter {_shortened(escaping.line(filter_text))}"] if filter_text else []
        parts += [order] if order else []
        parts += [
            tweet_count(counts.tweets),
            f"{counts.labelled:,} labelled",
            f"{counts.corrected:,} corrected",
            escaping.line(annotator),
        ]
        self._set("summary", " │ ".join(parts))

    def job(self, text: str) -> None:
        """Say how far the running job is; an empty text when there is none."""
        self._set("job", escaping.line(text))

    def _set(self, part: str, text: str) -> None:
        if self._shown.get(part) == text:
            return
        # Only a text of another length moves its neighbours.
        moved = len(self._shown.get(part, "")) != len(text)
        self._shown[part] = text
        self.query_one(f"#{part}", Static).update(text, layout=moved)


def _shortened(text: str) -> str:
    """A filter, cut with a sign where it is long, such as one that lists ids."""
    return text if cell_len(text) <= MOST_CELLS else set_cell_size(text, MOST_CELLS - 1) + "…"
