"""Whose predictions the list shows: the run that was chosen; a new one is offered, not imposed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from storage.errors import UserError
from storage.runs import displayed_run, runs
from storage.runs.runs import Run
from storage.store import Store, open_store
from workbench.tui.acting_keys import key_for
from workbench.tui.host import host
from workbench.tui.listing.filter_keys import FilterKeys
from workbench.tui.listing.run_names import run_name, shown_instead
from workbench.tui.listing.run_offers import Offer

SPLITS = ("test", "dev", "train")


class DisplayedRun:
    """Chooses the run whose predictions a list shows, and remembers it in the workspace."""

    def __init__(self, screen: FilterKeys) -> None:
        self._screen = screen
        self._store = screen.store

    @property
    def run(self) -> int | None:
        """The run whose predictions the list shows."""
        return self._screen.settings.run

    @property
    def offered(self) -> Run | None:
        """The run that could be shown instead, until somebody takes it or leaves it."""
        number = displayed_run.offered(self._store)
        return None if number in (None, self.run) else runs.get(self._store, number)

    def show(self, run: Run) -> None:
        """Show the predictions of a run in the list, here and after a restart."""
        self._screen.show_run(run.id)
        self._screen.say(f"Predictions of {run_name(self._store, run.id)}.")
        self._write(lambda store: displayed_run.show(store, run.id), self._screen.tweets.settle)

    def take_offer(self) -> Run | None:
        """Show the run that is offered; None if none is, which is said."""
        if (run := self.offered) is None:
            self._say(f"No new run is offered; {key_for('place_runs')} lists all runs.")
            return None
        self.show(run)
        if self._screen.app.screen is not self._screen:
            self._say(f"Browse shows the predictions of {run_name(self._store, run.id)} now.")
        return run

    def leave_offer(self) -> None:
        """Take the offer of a run back; the list goes on showing its run."""
        if (run := self.offered) is None:
            self._say(f"No new run is offered; {key_for('place_runs')} lists all runs.")
        elif self._store.read_only:
            self._say("The offer stays, as this workspace is read-only for you.", problem=True)
        else:
            self._write(displayed_run.dismiss, lambda: self._offer_left(run.id))

    def _offer_left(self, run: int) -> None:
        self._say(f"Run {run} is not shown; {key_for('place_runs')} lists it with the others.")
        self._screen.tweets.settle()

    def _say(self, text: str, problem: bool = False) -> None:
        host(self._screen).say(text, problem)

    def promote(self, run: Run, then: Callable[[], None]) -> None:
        """Promote a run, or take that back where it is promoted: commands use the promoted run."""
        wanted = None if run.promoted else run.id
        self._write(lambda store: displayed_run.promote(store, wanted), then)

    def forget(self, number: int) -> str:
        """Show the promoted run, or none, in the place of one that is deleted, and say which."""
        if self.run != number:
            return ""
        self._screen.replace_impossible_order()
        return shown_instead(self._store, displayed_run.shown_run(self._store))

    def recall(self, number: int) -> str:
        """Show a run that is back if it was shown until it was deleted, and say so."""
        if number != displayed_run.shown_run(self._store):
            return ""
        if number != self.run:
            self._screen.take_predictions(number)
        return shown_instead(self._store, number)

    async def offer(self) -> Offer | None:
        """Show the first run that there is; a newer one is offered, with its accuracy."""
        if self.run is None and (first := displayed_run.shown_run(self._store)) is not None:
            self._screen.take_predictions(first)
        if (new := self.offered) is None:
            return None
        known = [new.id] if self.run is None else [new.id, self.run]
        names = {number: f"run {number} {runs.get(self._store, number).recipe}" for number in known}
        names[new.id] = run_name(self._store, new.id)  # that of the shown one is above the list
        return Offer(names, await self._reports(known))

    async def _reports(self, numbers: list[int]) -> list[dict[str, Any]]:
        """The evaluations of runs on the first split that all of them have, by today's labels.

        An empty report for each where they have none in common.
        """
        for split in SPLITS:
            if all(split in self._metrics(number) for number in numbers):
                for number in numbers:
                    if self._metrics(number)[split]["stale"]:
                        with suppress(UserError):  # then it is offered with the word
                            await host(self._screen).command(
                                "evaluate", str(number), "--split", split, "--json"
                            )
                return [self._metrics(number)[split] | {"split": split} for number in numbers]
        return [{} for _ in numbers]

    def _metrics(self, number: int) -> dict[str, dict[str, Any]]:
        return runs.get(self._store, number).metrics or {}

    def _write(self, change: Callable[[Store], None], then: Callable[[], None]) -> None:
        """Write a choice into the store in a thread, which may have to wait for others."""
        if self._store.read_only:
            return
        app = self._screen.app

        def write() -> None:
            store = open_store(self._store.folder, self._store.annotator)
            try:
                change(store)
            finally:
                store.close()
            app.call_from_thread(then)

        app.run_worker(write, thread=True, group="choice")
