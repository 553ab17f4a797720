"""The words that an answer hangs on, read beside the screen, those of the next tweets too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from textual.app import App

from storage.errors import UserError
from storage.runs import runs
from storage.runs.runs import Run
from storage.store import Store
from workbench import kept_analyses
from workbench.tui.host import host
from workbench.tui.widgets.tweet_reasons import Effects, effects

MOST_FAILURES = 2
"""Failures after which nothing more is asked: each costs a process."""
AHEAD = 3
"""Tweets after the shown one whose reasons are to be known when their turn comes."""
TOGETHER = 10
"""Tweets that one process is asked about, which takes little longer than one of them."""
RESTS_S = 0.1
"""Seconds without a key after which a process begins, as a key would wait for its first steps."""


class Reasons:
    """Keeps what is known; has one command at work at a time, for a baseline, which is cheap."""

    def __init__(self, app: App[Any], store: Store, changed: Callable[[int], None]) -> None:
        self._app = app
        self._store = store
        self._changed = changed
        self._known: dict[tuple[int, int], Effects] = {}
        self._wanted: Sequence[int] = ()
        self.run: Run | None = None
        """Whose reasons are told."""
        self._busy = False
        self._failures = 0

    def choose_run(self, wanted: int | None) -> None:
        """Tell the reasons of the run that is wanted if they are cheap, else of a baseline."""
        known = runs.every(self._store, metrics=False)
        cheap = [run for run in known if run.kind == "baseline" and run.predictions]
        chosen = [run for run in cheap if run.id == wanted]
        self.run = next(iter(chosen + cheap), None)

    def of(self, tweet: int) -> Effects | None:
        """The words and their effects, if they are known."""
        if self.run is None:
            return None
        place = (tweet, self.run.id)
        if place not in self._known:
            kept = kept_analyses.kept(self._store, kept_analyses.explanation(tweet, self.run.id))
            if kept is None or kept.stale:
                return None
            self._known[place] = effects(kept.result)
        return self._known[place]

    def want(self, ids: Sequence[int]) -> None:
        """Have the reasons for the first of these tweets read, and those of others with them."""
        self._wanted = ids
        asks = self.run is not None and not self._busy and self._failures < MOST_FAILURES
        if asks and self._next(1):
            self._busy = True
            self._app.run_worker(self._read(), group="reasons")

    async def _read(self) -> None:
        together = TOGETHER
        try:
            await self._until_the_hand_rests()
            while (ids := self._next(together)) and self.run is not None:
                run = self.run.id
                try:
                    told = await self._ask(ids, run)
                except UserError:
                    if len(ids) > 1:
                        together = 1  # one of them is that of which nothing can be said
                        continue
                    self._failures += 1
                    told = ()
                else:
                    self._failures = 0
                self._known |= {(tweet, run): () for tweet in ids}
                self._known |= dict(zip([(tweet, run) for tweet in ids], told, strict=False))
                if self._failures >= MOST_FAILURES:
                    return
                for tweet in ids:
                    self._changed(tweet)
                await self._until_the_hand_rests()
        finally:
            self._busy = False

    async def _until_the_hand_rests(self) -> None:
        known = None
        while known != (inputs := host(self._app).inputs):
            known = inputs
            await asyncio.sleep(RESTS_S)

    async def _ask(self, ids: Sequence[int], run: int) -> Sequence[Effects]:
        asked = ("why", *map(str, ids), "--run", str(run), "--json")
        found = await host(self._app).command(*asked)
        return [effects(one) for one in ([found] if len(ids) == 1 else found or ())]

    def _next(self, most: int) -> Sequence[int]:
        """The next tweets to ask about: the shown one alone, others once one is wanted soon."""
        shown = self._wanted[:1]
        if any(self.of(tweet) is None for tweet in shown):
            return shown
        if all(self.of(tweet) is not None for tweet in self._wanted[1 : 1 + AHEAD]):
            return ()
        return [tweet for tweet in self._wanted if self.of(tweet) is None][:most]
