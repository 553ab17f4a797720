"""Queues are made beside the screen, by processes and in a thread, with what they need first."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from textual.screen import Screen

from storage.errors import MissingPrerequisite, UserError
from storage.store import Store
from workbench.opened_files import OpenedFile, examples_of_codes
from workbench.tui.acting_keys import key_for
from workbench.tui.background_calls import in_background
from workbench.tui.helping_keys import sentence_with_key
from workbench.tui.host import host
from workbench.tui.reviewing import opening, standby
from workbench.tui.reviewing.sources import (
    SUSPECTS,
    ReviewQueue,
    first_kind,
    meanings,
    preparation,
    read_queue,
)
from workbench.tui.reviewing.standby import Standby
from workbench.tui.reviewing.walk import QueueWalk


class ShowsQueue(Protocol):
    """Where a queue is shown, or what is said while there is none."""

    store: Store

    def take_queue(self, queue: ReviewQueue) -> None:
        """Show a queue."""

    def stand_by(self, kind: str, shown: Standby) -> None:
        """Say something in the place of a queue of this kind."""

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""


class QueueMaking:
    """Makes one queue at a time; the newest wish counts."""

    def __init__(self, screen: Screen[None], shows: ShowsQueue, walk: QueueWalk) -> None:
        self._screen = screen
        self._shows = shows
        self._walk = walk
        self.takes_file_in = False
        """Whether a file is being taken in."""

    def load(self, kind: str, anew: bool = True) -> None:
        """Make a queue; suspects that are ranked already are ranked anew if that is asked for."""
        self._screen.run_worker(self._load(kind, anew), group="queue", exclusive=True)

    async def _load(self, kind: str, anew: bool) -> None:
        shows = self._shows
        shows.stand_by(kind, standby.waiting(f"Making the queue: {meanings(shows.store)[kind]}…"))
        folder, hides, problem = shows.store.folder, self._walk.hides, ""
        try:
            if command := preparation(shows.store, kind, anew):
                try:
                    await host(self._screen).command(*command, "--json", let_finish=True)
                except UserError as error:  # then what was made before is shown
                    problem = str(error)
            queue = await in_background(lambda: read_queue(folder, kind, hides))
        except UserError as error:
            otherwise = problem or sentence_with_key(error, "choose_queue")
            if not problem and isinstance(error, MissingPrerequisite):
                shows.stand_by(kind, standby.missing(shows.store, error, otherwise))
            else:
                shows.stand_by(kind, standby.failed(otherwise))
        else:
            shows.take_queue(queue)
            if problem:
                shows.say(problem, problem=True)

    def read_again(self, kind: str) -> None:
        """Show an empty queue if a tweet is open again in it; nothing is ranked for that."""
        self._screen.run_worker(self._read_again(kind), group="queue", exclusive=True)

    async def _read_again(self, kind: str) -> None:
        folder, hides = self._shows.store.folder, self._walk.hides
        with suppress(MissingPrerequisite):  # then it stays as empty as it was
            queue = await in_background(lambda: read_queue(folder, kind, hides))
            if queue.ids:
                self._shows.take_queue(queue)

    def make_baseline(self, kind: str) -> None:
        """Train the small model that a queue of this kind needs."""
        self._screen.run_worker(self._make_baseline(kind), group="baseline", exclusive=True)

    async def _make_baseline(self, kind: str) -> None:
        said = "Training a small model on the labels as they are…"
        self._shows.stand_by(kind, Standby((said,)))
        workbench = host(self._screen)
        try:
            await workbench.command("train", "--recipe", "baseline", "--json", let_finish=True)
        except UserError as error:
            self._shows.stand_by(kind, standby.failed(str(error)))
        workbench.follow_runs()

    def take_in(self, file: OpenedFile) -> None:
        """Take a file in, and show the first label that is likely wrong."""
        self._screen.run_worker(self._take_in(file), group="opening")

    async def _take_in(self, file: OpenedFile) -> None:
        shows, app = self._shows, self._screen.app

        def show(*sentences: str) -> None:
            shows.stand_by(SUSPECTS, standby.file_taken_in(*sentences))

        try:
            found = await opening.take_in(app, file, show)
        except UserError as error:
            said = opening.on_screen(str(error))
            if not await in_background(lambda: opening.has_columns(file)):
                shows.stand_by(SUSPECTS, standby.unreadable(said))
                return
            shows.stand_by(
                SUSPECTS, standby.not_taken_in(shows.store, said, "", opening.other_columns())
            )
            if opening.NAMES_CODES in str(error):
                examples = await in_background(lambda: examples_of_codes(file))
                show(said, "", *examples, "", opening.other_columns())
                if self._screen.is_current:
                    opening.ask_for_codes(app, file)
            return
        finally:
            self.takes_file_in = False
        if self._walk.answers:  # of the first guess, which somebody is at
            sort = key_for("choose_queue")
            shows.say(f"Now the suspects are ranked by all votes: {sort}, then enter. {found}")
        else:
            self.load(first_kind(shows.store), anew=False)
            shows.say(found)
