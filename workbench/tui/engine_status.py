"""The warm engine as the screen sees it: a word for the status line, and its start and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.runs import engine_control

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp

ENGINE_S = 3.0
"""Seconds between two looks at it."""


class WarmEngine:
    """Looks after the engine beside the application."""

    def __init__(self, app: WorkbenchApp) -> None:
        self.app = app
        self.word = ""
        """What it does, in a word; empty where there was none."""

    def begin(self) -> None:
        """Look now, and from time to time."""
        self.look()
        self.app.set_interval(ENGINE_S, self.look)

    def look(self) -> None:
        """Have the status line say what the engine does."""
        self.app.run_worker(self._look, group="engine", exclusive=True, thread=True)

    def _look(self) -> None:
        if (word := engine_control.in_a_word(self.app.store.runs_folder)) != self.word:
            self.word = word
            self.app.call_from_thread(self.app.show_engine)

    def turn(self, action: str) -> None:
        """Start or stop the engine."""
        self.app.run_worker(self._turn(action), group="engine-command")

    async def _turn(self, action: str) -> None:
        try:
            await self.app.command("engine", action, "--json", let_finish=True)
        finally:
            self.look()
