"""The keys that change labels: each is one committed step before the screen moves on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual import on, work
from textual.message import Message
from textual.screen import Screen

from storage import labels
from storage.errors import UserError
from storage.events import Progress, Shown
from storage.filters import compile_filter
from storage.labels import Change
from storage.store import Store, open_store
from storage.tweets import Tweet
from workbench.screens import steps
from workbench.screens.finding import Question
from workbench.screens.steps import Done
from workbench.widgets.keys import key
from workbench.widgets.prompt import PromptLine, Request
from workbench.widgets.tweet_list import TweetList, first_row

if TYPE_CHECKING:
    from workbench.app import WorkbenchApp

T = TypeVar("T")
EDITS = frozenset({"label", "suggestion", "keep", "flag", "clear", "note", "undo", "redo"})
AT_ONCE = 2_000
"""Tweets that a key changes before the screen goes on, a tenth of a second's work."""
NOTHING = "There is no tweet here for this key."
INTERVAL = 0.1
"""Seconds between two words about how far a larger change is."""


@dataclass(frozen=True)
class Task(Generic[T]):
    """A change of so many tweets, and what the screen does when it is saved."""

    verb: str
    size: int
    act: Callable[[Store, Progress | None], T]
    finish: Callable[[T], None]


class Editing(Screen[None]):
    """What a screen with a list of tweets does to them."""

    BINDINGS: ClassVar = [
        *(key(str(n), f"label({n})", f"label {n}", show=False) for n in range(1, 10)),
        key("space", "suggestion", "take the model's prediction as the label"),
        key("enter", "keep", "keep the label: it counts as reviewed"),
        key("0", "clear", "take the label away"),
        key("x", "flag('excluded')", "exclude from training, or include again"),
        key("f", "flag('review')", "flag for review, or not"),
        key("a", "flag('ambiguous')", "ambiguous, or not"),
        key("e", "note", "write a note"),
        key("u", "undo", "undo"),
        key("ctrl+r", "redo", "redo"),
    ]

    class Advanced(Message):
        """A large change is so far."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Ended(Message):
        """A large change is saved, or has failed."""

        def __init__(self, finish: Callable[[], None]) -> None:
            super().__init__()
            self.finish = finish

    app: WorkbenchApp

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.question = Question()
        self._busy = False
        self._said_at: int | None = None
        """Where the cursor stood at the last word about an edit, which goes when it moves on."""

    @property
    def tweets(self) -> TweetList:
        """The list."""
        return self.query_one(TweetList)

    @property
    def prompt(self) -> PromptLine:
        """The line for messages and input."""
        return self.query_one(PromptLine)

    @property
    def run(self) -> int | None:
        """The run whose predictions are shown: the one the filter names, else the session's."""
        return compile_filter(self.question.filter, self.store.label_ids).run or self.question.run

    @property
    def shown(self) -> Shown:
        """The queue and the run on the screen, kept with every event."""
        sort = self.question.sort
        return Shown(None if sort == "id" else sort, self.run)

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self._said_at = None
        self.prompt.say(text, problem)

    def comment(self, text: str, problem: bool = False) -> None:
        """Show a message about the tweet under the cursor or the edit that led there."""
        self.say(text, problem)
        self._said_at = self.tweets.current_id

    def drop_comment(self) -> None:
        """Take such a message away once the cursor has moved on."""
        if self._said_at not in (None, self.tweets.current_id):
            self.say("")

    def has_tweets(self) -> bool:
        """Whether there is something for a key to act on; says so if there is not."""
        if not self.tweets.ids:
            self.say(NOTHING)
        return bool(self.tweets.ids)

    # One action per key.

    def action_label(self, number: int) -> None:
        """Give the label with this number and go on."""
        names = self.store.config.labels
        if number > len(names):
            text = f"There is no label {number}; this workspace has {len(names)}."
            self.comment(text, problem=True)
            return
        self._assign(lambda tweet: names[number - 1])

    def action_suggestion(self) -> None:
        """Take the predictions as labels and go on."""
        self._assign(lambda tweet: tweet.pred, "There is no prediction to take; t trains a model.")

    def action_keep(self) -> None:
        """Record that the label was looked at and is right, and go on."""
        self._assign(lambda tweet: tweet.label, "There is no label to keep; give one with a digit.")

    def action_clear(self) -> None:
        """Take the label away."""
        self._assign(lambda tweet: None)

    def action_flag(self, mark: str) -> None:
        """Set a mark, or take it away where all have it."""
        if not self.has_tweets():
            return
        read, shown = self._targets(), self.shown

        def act(store: Store, progress: Progress | None) -> Done:
            return steps.flag(store, read(store), mark, shown, progress)

        self._do(Task("Marking", len(self.tweets.target_ids()), act, self._edited))

    def action_note(self) -> None:
        """Ask for a note."""
        tweet = self.tweets.current
        if not self.has_tweets() or tweet is None:
            return

        def accept(text: str) -> bool:
            def act(store: Store, progress: Progress | None) -> Done:
                labels.annotate(store, tweet.id, text.strip(), self.shown)
                return Done([tweet.id])

            return self._do(Task("Writing", 1, act, self._edited))

        self.prompt.ask(
            Request("note", "enter saves, esc leaves it as it was", accept), tweet.note or ""
        )

    def action_undo(self) -> None:
        """Take back the last step."""
        size = labels.extent(self.store, "undo")
        self._do(Task("Undoing", size, labels.undo, lambda change: self._turned("Undone", change)))

    def action_redo(self) -> None:
        """Do again what was undone."""
        size = labels.extent(self.store, "redo")
        self._do(
            Task("Redoing", size, labels.redo, lambda change: self._turned("Done again", change))
        )

    # How they work.

    def _targets(self) -> Callable[[Store], Iterable[Tweet]]:
        """Reads what a key acts on; the tweet under the cursor is taken as it is shown."""
        current, run = self.tweets.current, self.run
        if not self.tweets.marked:
            return lambda store: [] if current is None else [current]
        ids = self.tweets.target_ids()
        return lambda store: steps.read(store, ids, run)

    def _assign(self, choose: Callable[[Tweet], str | None], missing: str | None = None) -> None:
        if not self.has_tweets():
            return
        read, shown, size = self._targets(), self.shown, len(self.tweets.target_ids())

        def act(store: Store, progress: Progress | None) -> Done:
            return steps.label(store, read(store), choose, missing, shown, progress)

        def finish(done: Done) -> None:
            self._edited(done, rows_down=int(size == 1))

        self._do(Task("Labelling", size, act, finish))

    def _edited(self, done: Done, rows_down: int = 0) -> None:
        self.tweets.unmark()
        self.tweets.reread(done.tweets)
        self.tweets.action_move(rows_down)
        self.comment(done.said)

    def _turned(self, said: str, change: Change) -> None:
        self.tweets.forget()
        row = first_row(self.tweets.ids, change.tweets)
        if row is not None:
            self.tweets.go(row)
        self.tweets.settle()
        text = f"{said}: {steps.which(change.tweets)}"
        if change.tweets and row is None:
            text += ", not in this list"
        if change.skipped:
            text += f"; {change.skipped:,} left alone, as somebody changed them since"
        self.comment(f"{text}.")

    # At once, or beside the screen.

    def _do(self, task: Task[T]) -> bool:
        """Do it, one task at a time; False and a message when it could not be done at once."""
        if self._busy:
            self.say("A large change is still being saved; press that key again afterwards.")
            return False
        if task.size > AT_ONCE:
            self._busy = True
            self.say(f"{task.verb} {task.size:,} …")
            self._do_beside(task)
            return True
        try:
            result = task.act(self.store, None)
        except UserError as error:
            self.comment(str(error), problem=True)
            return False
        task.finish(result)
        return True

    @work(thread=True, group="edit", exit_on_error=True)
    def _do_beside(self, task: Task[T]) -> None:
        told = 0.0

        def progress(done: int, total: int) -> None:
            nonlocal told
            if time.monotonic() - told > INTERVAL:
                told = time.monotonic()
                self.post_message(self.Advanced(f"{task.verb} {done:,} of {total:,} …"))

        store = open_store(self.store.folder, self.store.annotator)
        try:
            result = task.act(store, progress)
        except UserError as error:
            text = str(error)
            self.post_message(self.Ended(lambda: self.say(text, problem=True)))
        else:
            self.post_message(self.Ended(lambda: task.finish(result)))
        finally:
            store.close()

    @on(Advanced)
    def _advanced(self, event: Advanced) -> None:
        self.say(event.text)

    @on(Ended)
    def _ended(self, event: Ended) -> None:
        self._busy = False
        event.finish()
