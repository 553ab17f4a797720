"""Whose predictions the list shows: the run that was chosen; a new one is offered, not imposed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from storage.errors import UserError
from storage.query import tweets
from storage.runs import displayed_run, runs
from storage.runs.runs import Run
from storage.store import Store, open_store
from workbench import figures
from workbench.runs.description import named

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.screens.browse import BrowseScreen

SPLITS = ("test", "dev", "train")


class Showing:
    """Chooses the run that is shown, and remembers it in the workspace."""

    def __init__(self, app: WorkbenchApp, browse: BrowseScreen) -> None:
        self.app, self._browse = app, browse
        self.store = app.store

    @property
    def run(self) -> int | None:
        """The run whose predictions the list shows."""
        return self._browse.question.run

    @property
    def offered(self) -> Run | None:
        """The run that could be shown instead, until somebody takes it or leaves it."""
        number = displayed_run.offered(self.store)
        return None if number in (None, self.run) else runs.get(self.store, number)

    def named(self, number: int) -> str:
        """A run by number and recipe, and how many tweets it scored if those are not all."""
        try:
            run = runs.get(self.store, number)
        except UserError:
            return f"run {number}, which is deleted"
        return named(run, tweets.counts(self.store).tweets)

    def choose(self, run: Run) -> None:
        """Show the predictions of a run in the list, here and after a restart."""
        self._browse.show_run(run.id)
        self._browse.say(f"Predictions of {self.named(run.id)}.")
        self._write(lambda store: displayed_run.show(store, run.id), self._browse.tweets.settle)

    def dismiss(self, then: Callable[[], None]) -> None:
        """Leave the run that is offered."""
        self._write(displayed_run.dismiss, then)

    def promote(self, run: Run, then: Callable[[], None]) -> None:
        """Make a run the one that commands take and others are compared with, or no longer."""
        wanted = None if run.promoted else run.id
        self._write(lambda store: displayed_run.promote(store, wanted), then)

    def forget(self, number: int) -> str:
        """Show the promoted run, or none, in the place of one that is deleted, and say which."""
        if self.run != number:
            return ""
        self._browse.look_after_order()
        return self.instead(displayed_run.shown_run(self.store))

    def instead(self, run: int | None) -> str:
        """Which run is shown in the place of another."""
        return f"{'No run' if run is None else self.named(run).capitalize()} is shown now."

    async def look(self) -> str:
        """Take the first run that there is, and offer a newer one with its accuracy."""
        if self.run is None and (first := displayed_run.shown_run(self.store)) is not None:
            self._browse.take_predictions(first)
        if (new := self.offered) is None:
            return ""
        known = [new.id] if self.run is None else [new.id, self.run]
        names = {number: f"run {number} {runs.get(self.store, number).recipe}" for number in known}
        names[new.id] = self.named(new.id)  # what the shown one scored is said above the list
        reports = await self._reports(known)
        told = [
            name + (f": {figures.of_report(report)}{figures.stale(report)}" if report else "")
            for name, report in zip(names.values(), reports, strict=True)
        ]
        counted = " and ".join(dict.fromkeys(f"{r['n']:,} {r['split']}" for r in reports if r))
        on = f" on {counted} tweets" if counted else ""
        return f"{'; shown is '.join(told)}{on}; o shows run {new.id}, O leaves it"

    async def _reports(self, numbers: list[int]) -> list[dict[str, Any]]:
        """How right runs are on the first split that all of them have, by the labels as they are.

        An empty report for each where they have none in common.
        """
        for split in SPLITS:
            if all(split in self._metrics(number) for number in numbers):
                for number in numbers:
                    if self._metrics(number)[split]["stale"]:
                        with suppress(UserError):  # then it is offered with the word
                            await self.app.command(
                                "evaluate", str(number), "--split", split, "--json"
                            )
                return [self._metrics(number)[split] | {"split": split} for number in numbers]
        return [{} for _ in numbers]

    def _metrics(self, number: int) -> dict[str, dict[str, Any]]:
        return runs.get(self.store, number).metrics or {}

    def _write(self, change: Callable[[Store], None], then: Callable[[], None]) -> None:
        """Write a choice into the store beside the screen, which may have to wait for others."""
        if self.store.read_only:
            return

        def write() -> None:
            store = open_store(self.store.folder, self.store.annotator)
            try:
                change(store)
            finally:
                store.close()
            self.app.call_from_thread(then)

        self.app.run_worker(write, thread=True, group="choice")
