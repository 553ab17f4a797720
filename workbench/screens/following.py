"""The runs that go on while the screen is open: followed, collected, and told to every screen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from storage.errors import UserError
from workbench.runs.folder import FAILED
from workbench.screens import layers
from workbench.screens.jobs import (
    INTERVAL,
    Collected,
    Follower,
    Progress,
    Progressed,
    live_runs,
    outcome,
)

if TYPE_CHECKING:
    from workbench.app import WorkbenchApp

RUNS_S = 2.0
"""Seconds between two looks for runs that were started elsewhere, as from a command line."""


class Following:
    """Follows runs in the background of the application."""

    def __init__(self, app: WorkbenchApp) -> None:
        self.app = app
        self.store = app.store
        self.progress: dict[int, Progress] = {}
        self._followed: set[int] = set()
        self._told: dict[int, str] = {}
        """What was said of the end of a run, which is not true any more when it goes on."""

    def begin(self) -> None:
        """Follow what goes on, and look for more from time to time."""
        self.follow()
        if not self.store.read_only:  # which nothing is collected into, so runs never end there
            self.app.set_interval(RUNS_S, self._look)

    def follow(self) -> None:
        """Follow all runs that go on; done again when one has begun."""
        self.app.run_worker(self._follow(), group="follow", exclusive=True)

    def forget(self, run: int) -> None:
        """Leave aside what is known of a run that is deleted."""
        self.progress.pop(run, None)
        self._take_back(run)

    async def _follow(self) -> None:
        """Tell the screens how the runs get on, and collect those that have ended."""
        try:
            known = await asyncio.to_thread(live_runs, self.store.folder)
            self._followed = set(known)
            followers = {run: Follower(self.store.run_folder(run), run) for run in known}
            while followers:
                ended = set()
                for run, follower in followers.items():
                    try:
                        progress = await asyncio.to_thread(follower.read)
                    except UserError:
                        ended.add(run)  # collecting says why, and the others are followed on
                        continue
                    if progress.live:
                        self._take_back(run)
                    if progress != self.progress.get(run):
                        self.progress[run] = progress
                        self._tell(Progressed, progress)
                    if not progress.live:
                        ended.add(run)
                if ended:
                    await self._collect(ended)
                followers = {run: f for run, f in followers.items() if run not in ended}
                self._followed = set(followers)
                await asyncio.sleep(INTERVAL)
        except UserError as error:
            self.app.say(str(error), problem=True)

    def _look(self) -> None:
        self.app.run_worker(self._look_for_runs(), group="look for runs", exclusive=True)

    async def _look_for_runs(self) -> None:
        """Follow runs that were started, or resumed, by somebody else."""
        try:
            if set(await asyncio.to_thread(live_runs, self.store.folder)) - self._followed:
                self.follow()
        except UserError as error:
            self.app.say(str(error), problem=True)

    async def _collect(self, ended: set[int]) -> None:
        listed = await self.app.command("runs", "--json")
        results = [run for run in listed if run["id"] in ended]
        with_predictions = [run["id"] for run in results if run.get("predictions")]
        if with_predictions:
            self.app.shown_run = max(with_predictions)
        self._tell(Collected, results)
        failed = any(run["state"] == FAILED for run in results)
        told = "; ".join(outcome(run) for run in results)
        self._told |= dict.fromkeys(ended, told)
        self.app.say(told, problem=failed)

    def _take_back(self, run: int) -> None:
        if told := self._told.pop(run, None):
            layers.take_back(self.app, told)

    def _tell(self, kind: type[Progressed] | type[Collected], news: Any) -> None:
        for screen in self.app.screen_stack:
            screen.post_message(kind(news))
