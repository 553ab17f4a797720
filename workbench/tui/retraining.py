"""Training again after so many corrections, as `train.every` in workbench.toml asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.timer import Timer

from storage.errors import UserError
from storage.runs import runs
from storage.runs.corrections import Corrections, corrections_since_training
from storage.store import open_store
from workbench.tui.background_calls import in_background
from workbench.tui.host import host

LOOK_S = 3.0
"""Seconds between two looks at how much was corrected."""


STARTING = "training again"


class Retraining:
    """Goes on from the newest run when enough was corrected; what comes of it is offered."""

    def __init__(self, app: App[Any], changed: Callable[[], None]) -> None:
        self._app, self._store = app, host(app).store
        self._changed = changed
        """Called when the word is another one."""
        self.word = ""
        """How many corrections are left until then; empty where that is not asked for."""
        self._looks: Timer | None = None
        self._refused = 0
        """The corrections when a start was refused, which is tried again after as many more."""

    @property
    def every(self) -> int:
        """Corrections after which to train again; 0 for never."""
        return 0 if self._store.read_only else self._store.config.train_every

    def go_by_settings(self) -> None:
        """Look from time to time, as long as that is asked for."""
        if self.every and self._looks is None:
            self._looks = self._app.set_interval(LOOK_S, self.look)
        elif not self.every and self._looks is not None:
            self._looks.stop()
            self._looks = None
            self._say("")
        if self.every:
            self.look()

    def look(self) -> None:
        """See how much was corrected, and train if that is enough."""
        self._app.run_worker(self._look(), group="retraining")

    async def _look(self) -> None:
        if self.word == STARTING:
            return
        found, live = await in_background(self._read)
        if not self.every or self.word == STARTING:  # turned off, or begun by the look before
            return
        if found.parent is None:
            self._say("no run to train on from yet")
            return
        left = self.every + self._refused - found.count
        if live or left > 0:
            self._say("" if live else f"trains again after {left} more")
            return
        self._say(STARTING)
        try:
            options = ("--from", str(found.parent), "--launcher", "engine", "--json")
            await host(self._app).command("train", *options, let_finish=True)
            self._refused = 0
        except UserError as error:
            self._refused = found.count
            host(self._app).say(f"Training again was refused: {error}", problem=True)
        finally:
            self._say("")
        host(self._app).follow_runs()

    def _read(self) -> tuple[Corrections, bool]:
        """The corrections, and whether a run goes on; called in a thread."""
        from workbench.rundir.folder import LIVE

        store = open_store(self._store.folder)
        try:
            return corrections_since_training(store), bool(runs.in_states(store, LIVE))
        finally:
            store.close()

    def _say(self, word: str) -> None:
        if word != self.word:
            self.word = word
            self._changed()
