"""The warm engine as the screen sees it: a word for the status line, and its start and stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import App

from workbench.tui.host import host
from workbench.tui.retraining import Retraining

LOOK_S = 3.0
"""Seconds between two looks at the engine."""


class EngineStatus:
    """Looks after the engine beside the application."""

    def __init__(self, app: App[Any], changed: Callable[[], None]) -> None:
        self._app = app
        self._changed = changed
        """Called when the word is another one."""
        self.word = ""
        """What the engine does, such as `engine off`; empty for whoever has never used one."""
        self._retraining = Retraining(app, changed)

    def begin(self) -> None:
        """Look now, and from time to time."""
        self.look()
        self._app.set_interval(LOOK_S, self.look)
        self.go_by_settings()

    def go_by_settings(self) -> None:
        """Train again after as many corrections as the settings say now."""
        self._retraining.go_by_settings()

    @property
    def words(self) -> str:
        """What the engine does, and when it trains again, for the status line."""
        return ", ".join(filter(None, (self.word, self._retraining.word)))

    def look(self) -> None:
        """Have the status line say what the engine does."""
        self._app.run_worker(self._look, group="engine", exclusive=True, thread=True)

    def _look(self) -> None:
        from workbench.runs import engine_control

        if (word := engine_control.status_text(host(self._app).store.runs_folder)) != self.word:
            self.word = word
            self._app.call_from_thread(self._changed)

    @property
    def action(self) -> str:
        """What the palette offers: `start` or `stop`."""
        from workbench.runs import engine_control

        return "start" if self.word in ("", engine_control.ENGINE_OFF) else "stop"

    def turn(self, action: str, *options: str) -> None:
        """Start or stop the engine."""
        self._app.run_worker(self._turn(action, *options), group="engine-command")

    async def _turn(self, action: str, *options: str) -> None:
        try:
            await host(self._app).command("engine", action, *options, "--json", let_finish=True)
        finally:
            self.look()
