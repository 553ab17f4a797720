"""The line with what is listed, how far the work is, and the run that goes on."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from workbench import escaping


class StatusLine(Horizontal):
    """Two parts, each repainted only when its text changes."""

    def compose(self) -> ComposeResult:
        """What is listed and counted, and the job."""
        yield Static(id="summary", markup=False)
        yield Static(id="job", markup=False)

    def on_mount(self) -> None:
        """Nothing is shown yet."""
        self._shown: dict[str, str] = {}

    def summary(self, text: str) -> None:
        """Say what is listed and how far the work is."""
        self._set("summary", text)

    def job(self, text: str) -> None:
        """Say how far the running job is; an empty text when there is none."""
        self._set("job", text)

    def _set(self, part: str, text: str) -> None:
        if self._shown.get(part) == text:
            return
        # Only a text of another length moves its neighbour.
        moved = part == "job" and len(self._shown.get(part, "")) != len(text)
        self._shown[part] = text
        self.query_one(f"#{part}", Static).update(escaping.line(text), layout=moved)
