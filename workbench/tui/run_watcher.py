"""The runs that go on while the screen is open: followed, collected, reported to all screens."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from rich.cells import cell_len
from textual.app import App
from textual.screen import Screen

from storage.runs import runs
from workbench.rundir.folder import FAILED, LIVE
from workbench.tui import error_messages, screen_stack
from workbench.tui.background_calls import in_background
from workbench.tui.host import host
from workbench.tui.listing.displayed_run import DisplayedRun
from workbench.tui.listing.run_offers import Offer
from workbench.tui.run_folder_reader import INTERVAL, RunFolderReader
from workbench.tui.run_messages import RunProgressed, RunsCollected
from workbench.tui.run_progress import RunProgress, live_runs, outcomes

BESIDE_MESSAGES = 2
"""Columns beside a message."""
LOOK_S = 2.0
"""Seconds between two looks for runs that were started elsewhere, as from a command line."""


class RunWatcher:
    """Follows runs in the background of the application, in one task as long as that goes on."""

    def __init__(self, app: App[Any], displayed_run: DisplayedRun) -> None:
        self._app = app
        self._host = host(app)
        self._store = self._host.store
        self._displayed_run = displayed_run
        self.progress: dict[int, RunProgress] = {}
        self._followers: dict[int, RunFolderReader] = {}
        self._newest = runs.newest(self._store)
        self._wake = asyncio.Event()
        self._problem = ""
        self._end_messages: dict[int, frozenset[str]] = {}
        """What was said of the end of a run, which is retracted when the run goes on."""

    def begin(self) -> None:
        """Follow what goes on, and look for more from time to time."""
        self.follow()
        self._app.run_worker(self._follow(), group="follow")
        self._app.call_after_refresh(self._start_offer)
        if not self._store.read_only:  # which nothing is collected into, so runs never end there
            self._app.set_interval(LOOK_S, self.follow)

    def follow(self) -> None:
        """Look for runs that have begun, here or elsewhere; nothing that is under way is ended."""
        self._wake.set()

    def forget(self, run: int) -> None:
        """Leave aside what is known of a run that is deleted."""
        self.progress.pop(run, None)
        self._retract(run)

    async def _follow(self) -> None:
        """Report to the screens how far the runs are, and collect those that have ended."""
        while True:
            try:
                if self._wake.is_set():
                    self._wake.clear()
                    await self._look()
                if ended := [run for run in self._followers if not await self._goes_on(run)]:
                    over = await self._collect(set(ended))
                    self._followers = {r: f for r, f in self._followers.items() if r not in over}
            except error_messages.EXPECTED as error:
                await self._wait_after(error_messages.sentence_of(error, self._store.folder))
            else:
                self._problem = ""
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), INTERVAL if self._followers else None)

    async def _wait_after(self, problem: str) -> None:
        """Say what hinders the following, once, and let some time pass before it is tried again."""
        if problem != self._problem:
            self._problem = problem
            self._host.say(problem, problem=True)
        await asyncio.sleep(LOOK_S)
        self._wake.set()

    def _start_offer(self) -> None:
        self._app.run_worker(self._offer(), group="offer", exclusive=True)

    async def _offer(self) -> None:
        """Offer what came while no screen was open, or was not answered then."""
        if (offer := await self._displayed_run.offer()) is not None:
            screen_stack.say_each(self._app, lambda screen: self._on_one_line("", offer, screen))

    async def _look(self) -> None:
        for run in await in_background(lambda: live_runs(self._store.folder, self._newest)):
            self._newest = max(run, self._newest)
            if run not in self._followers:
                self._followers[run] = RunFolderReader(self._store.run_folder(run), run)

    async def _goes_on(self, run: int) -> bool:
        """Report how far a run is to the screens; whether it goes on."""
        try:
            progress = await in_background(self._followers[run].read)
        except error_messages.EXPECTED:
            self.progress.pop(run, None)  # it is not known to go on
            return False  # collecting says why, and the others are followed on
        if progress.live:
            self._retract(run)
        if progress != self.progress.get(run):
            self.progress[run] = progress
            self._post(RunProgressed, progress)
        return progress.live

    async def _collect(self, ended: set[int]) -> set[int]:
        """Have what came of runs taken in, and say it; returns those that are still over then."""
        listed = await self._host.command("runs", "--json")
        over = {run for run in ended if not await self._goes_on(run)}  # others were resumed
        if not self._store.read_only:  # else nothing is taken in, and they are listed as they were
            # of one whose folder has just been deleted the next collection knows
            over -= {run["id"] for run in listed if run["state"] in LIVE}
        results = [run for run in listed if run["state"] not in LIVE and self._is_new(run, over)]
        self._newest = max([self._newest, *(run["id"] for run in listed)])
        self._post(RunsCollected, results)
        failed = any(run["state"] == FAILED for run in results)
        offer = await self._displayed_run.offer()
        new = self._displayed_run.offered if offer is not None else None
        others = outcomes([run for run in results if new is None or run["id"] != new.id])
        if results:
            self._host.call_user(outcomes(results))
        if others or offer is not None:

            def message(screen: Screen[Any]) -> str:
                return self._on_one_line(others, offer, screen)

            said = frozenset(map(message, self._app.screen_stack))
            self._end_messages |= dict.fromkeys(over, said)
            screen_stack.say_each(self._app, message, problem=failed)
        return over

    def _on_one_line(self, others: str, offer: Offer | None, screen: Screen[Any]) -> str:
        """How other runs have ended, and the longest offer of a run that has room beside it."""
        if offer is None:
            return others
        offers = offer.sentences(type(screen))
        room = self._app.size.width - BESIDE_MESSAGES
        texts = ["; ".join(filter(None, (others, offer))) for offer in offers]
        return next((text for text in texts if cell_len(text) <= room), texts[-1])

    def _is_new(self, run: dict[str, Any], over: set[int]) -> bool:
        """Whether a run has just ended, or has come in as a folder that was copied."""
        return run["id"] in over or run["id"] > self._newest

    def _retract(self, run: int) -> None:
        for message in self._end_messages.pop(run, ()):
            screen_stack.retract(self._app, message)

    def _post(self, kind: type[RunProgressed] | type[RunsCollected], news: Any) -> None:
        for screen in self._app.screen_stack:
            screen.post_message(kind(news))
        self._host.places.show_standing()
