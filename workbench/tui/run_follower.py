"""The runs that go on while the screen is open: followed, collected, and told to every screen."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from storage.runs import runs
from workbench.rundir.folder import FAILED, LIVE
from workbench.tui import error_messages, screen_stack
from workbench.tui.background_calls import beside
from workbench.tui.run_progress import (
    INTERVAL,
    Collected,
    Follower,
    Progress,
    Progressed,
    live_runs,
    outcomes,
)

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp

RUNS_S = 2.0
"""Seconds between two looks for runs that were started elsewhere, as from a command line."""


class Following:
    """Follows runs in the background of the application, in one task as long as that goes on."""

    def __init__(self, app: WorkbenchApp) -> None:
        self.app = app
        self.store = app.store
        self.progress: dict[int, Progress] = {}
        self._followers: dict[int, Follower] = {}
        self._newest = runs.newest(self.store)
        self._wake = asyncio.Event()
        self._problem = ""
        self._told: dict[int, str] = {}
        """What was said of the end of a run, which is not true any more when it goes on."""

    def begin(self) -> None:
        """Follow what goes on, and look for more from time to time."""
        self.follow()
        self.app.run_worker(self._follow(), group="follow")
        self.app.call_after_refresh(self._begin_to_offer)
        if not self.store.read_only:  # which nothing is collected into, so runs never end there
            self.app.set_interval(RUNS_S, self.follow)

    def follow(self) -> None:
        """Look for runs that have begun, here or elsewhere; nothing that is under way is ended."""
        self._wake.set()

    def forget(self, run: int) -> None:
        """Leave aside what is known of a run that is deleted."""
        self.progress.pop(run, None)
        self._take_back(run)

    async def _follow(self) -> None:
        """Tell the screens how the runs get on, and collect those that have ended."""
        while True:
            try:
                if self._wake.is_set():
                    self._wake.clear()
                    await self._look()
                if ended := [run for run in self._followers if await self._over(run)]:
                    await self._collect(set(ended))
                    self._followers = {r: f for r, f in self._followers.items() if r not in ended}
            except error_messages.EXPECTED as error:
                await self._wait_after(error_messages.sentence(self.app, error))
            else:
                self._problem = ""
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), INTERVAL if self._followers else None)

    async def _wait_after(self, problem: str) -> None:
        """Say what hinders the following, once, and let some time pass before it is tried again."""
        if problem != self._problem:
            self._problem = problem
            self.app.say(problem, problem=True)
        await asyncio.sleep(RUNS_S)
        self._wake.set()

    def _begin_to_offer(self) -> None:
        self.app.run_worker(self._offer(), group="offer", exclusive=True)

    async def _offer(self) -> None:
        """Offer what came while no screen was open, or was not answered then."""
        if offer := await self.app.showing.look():
            self.app.say(offer)

    async def _look(self) -> None:
        for run in await beside(lambda: live_runs(self.store.folder, self._newest)):
            self._newest = max(run, self._newest)
            if run not in self._followers:
                self._followers[run] = Follower(self.store.run_folder(run), run)

    async def _over(self, run: int) -> bool:
        """Whether a run goes on no longer; how far it is, is told to the screens."""
        try:
            progress = await beside(self._followers[run].read)
        except error_messages.EXPECTED:
            return True  # collecting says why, and the others are followed on
        if progress.live:
            self._take_back(run)
        if progress != self.progress.get(run):
            self.progress[run] = progress
            self._tell(Progressed, progress)
        return not progress.live

    async def _collect(self, ended: set[int]) -> None:
        listed = await self.app.command("runs", "--json")
        results = [run for run in listed if run["id"] in ended or self._is_new(run)]
        self._newest = max([self._newest, *(run["id"] for run in listed)])
        self._tell(Collected, results)
        failed = any(run["state"] == FAILED for run in results)
        offer = await self.app.showing.look()
        new = self.app.showing.offered if offer else None
        others = [run for run in results if new is None or run["id"] != new.id]
        if told := "; ".join(filter(None, (outcomes(others), offer))):
            self._told |= dict.fromkeys(ended, told)
            self.app.say(told, problem=failed)

    def _is_new(self, run: dict[str, Any]) -> bool:
        """Whether a run has come in from elsewhere and is over, as a folder that was copied in."""
        return run["id"] > self._newest and run["state"] not in LIVE

    def _take_back(self, run: int) -> None:
        if told := self._told.pop(run, None):
            screen_stack.take_back(self.app, told)

    def _tell(self, kind: type[Progressed] | type[Collected], news: Any) -> None:
        for screen in self.app.screen_stack:
            screen.post_message(kind(news))
