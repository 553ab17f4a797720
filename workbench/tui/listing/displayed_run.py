"""Whose predictions the list shows: the run that was chosen; a new one is offered, not imposed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from storage.errors import UserError
from storage.runs import displayed_run, runs
from storage.runs.runs import Run
from storage.store import Store, open_store
from workbench import figures
from workbench.tui.acting_keys import key_for
from workbench.tui.host import host
from workbench.tui.listing.filter_keys import FilterKeys
from workbench.tui.listing.run_names import run_name, shown_instead

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

    def dismiss(self, then: Callable[[], None]) -> None:
        """Take the offer of a run back; the list goes on showing its run."""
        self._write(displayed_run.dismiss, then)

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

    async def offer(self) -> Sequence[str]:
        """Show the first run that there is; say that a newer one is offered, with its accuracy.

        In several sentences of which one is to be said, the longest first; none if none is offered.
        """
        if self.run is None and (first := displayed_run.shown_run(self._store)) is not None:
            self._screen.take_predictions(first)
        if (new := self.offered) is None:
            return ()
        known = [new.id] if self.run is None else [new.id, self.run]
        names = {number: f"run {number} {runs.get(self._store, number).recipe}" for number in known}
        names[new.id] = run_name(self._store, new.id)  # that of the shown one is above the list
        return offers(names, await self._reports(known))

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


def offers(names: Mapping[int, str], reports: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """Sentences that offer the first of some runs beside the shown one, the longest first."""
    measured = [figures.metric(each) + figures.stale_mark(each) if each else "" for each in reports]
    numbers = [f"run {number}" for number in names]
    named, numbered = (
        [": ".join(filter(None, pair)) for pair in zip(which, measured, strict=True)]
        for which in (names.values(), numbers)
    )
    counted = " and ".join(dict.fromkeys(f"{r['n']:,} {r['split']}" for r in reports if r))
    on = f" on {counted} tweets" if counted else ""
    take, leave = key_for("take_offer"), key_for("leave_offer")
    keys = f"; {take} shows {numbers[0]}, {leave} leaves it"
    brief_keys = f"; {take} shows, {leave} leaves it"
    return (
        f"{'; shown is '.join(named)}{on}{keys}",
        f"{'; shown is '.join(numbered)}{on}{keys}",
        f"{'; shown is '.join(numbered)}{keys}",
        f"{', shown: '.join([numbered[0], *filter(None, measured[1:])])}{brief_keys}",
    )
