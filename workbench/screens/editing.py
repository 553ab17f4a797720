"""The keys that change labels: each is one committed step before the screen moves on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen

from storage import labels
from storage.errors import UserError
from storage.events import Shown
from storage.filters import compile_filter
from storage.labels import Change
from storage.store import Store, transaction
from storage.tweets import Tweet
from workbench.screens.finding import Question
from workbench.widgets.keys import key
from workbench.widgets.prompt import PromptLine, Request
from workbench.widgets.tweet_list import TweetList, row_of

if TYPE_CHECKING:
    from workbench.app import WorkbenchApp

MARKS = {"excluded": "excluded from training", "review": "flagged", "ambiguous": "ambiguous"}
EDITS = frozenset({"label", "suggestion", "keep", "flag", "clear", "note", "undo", "redo"})


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

    app: WorkbenchApp

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.question = Question()

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
        self.prompt.say(text, problem)

    # One action per key.

    def action_label(self, number: int) -> None:
        """Give the label with this number and go on."""
        names = self.store.config.labels
        if number > len(names):
            self.say(f"There is no label {number}; this workspace has {len(names)}.", problem=True)
            return
        self._assign(lambda tweet: names[number - 1])

    def action_suggestion(self) -> None:
        """Take the predictions as labels and go on."""
        if any(tweet.pred is None for tweet in self.tweets.targets()):
            self.say("There is no prediction to take; t trains a model.", problem=True)
            return
        self._assign(lambda tweet: tweet.pred)

    def action_keep(self) -> None:
        """Record that the label was looked at and is right, and go on."""
        if any(tweet.label is None for tweet in self.tweets.targets()):
            self.say("There is no label to keep; give one with a digit.", problem=True)
            return
        self._assign(lambda tweet: tweet.label)

    def action_clear(self) -> None:
        """Take the label away."""
        self._assign(lambda tweet: None)

    def action_flag(self, mark: str) -> None:
        """Set a mark, or take it away where all have it."""
        targets = self.tweets.targets()
        on = not all(getattr(tweet, mark) for tweet in targets)
        ids = [tweet.id for tweet in targets]
        if self._edit(ids, lambda: [labels.mark(self.store, ids, mark, on, self.shown)]):
            self.say(f"{_which(ids)} {'' if on else 'no longer '}{MARKS[mark]}.")

    def action_note(self) -> None:
        """Ask for a note."""
        tweet = self.tweets.current
        if tweet is None:
            return

        def accept(text: str) -> bool:
            return self._edit(
                [tweet.id],
                lambda: [labels.annotate(self.store, tweet.id, text.strip(), self.shown)],
            )

        self.prompt.ask(
            Request("note", "enter saves, esc leaves it as it was", accept), tweet.note or ""
        )

    def action_undo(self) -> None:
        """Take back the last step."""
        self._turn("Undone", labels.undo)

    def action_redo(self) -> None:
        """Do again what was undone."""
        self._turn("Done again", labels.redo)

    # How they work.

    def _assign(self, choose: Callable[[Tweet], str | None]) -> None:
        targets = self.tweets.targets()
        groups: dict[str | None, list[int]] = {}
        for tweet in targets:
            groups.setdefault(choose(tweet), []).append(tweet.id)
        ids = [tweet.id for tweet in targets]
        done = self._edit(
            ids,
            lambda: [
                labels.assign(self.store, group, label, self.shown)
                for label, group in groups.items()
            ],
        )
        if not done:
            return
        if len(ids) == 1:
            self.say("")
            self.tweets.action_move(1)
            return
        counted = ", ".join(f"{len(group):,} {label or 'none'}" for label, group in groups.items())
        steps = "one step" if len(groups) == 1 else f"{len(groups)} steps"
        self.say(f"Labelled {_which(ids)}: {counted} (undone in {steps}).")

    def _edit(self, ids: list[int], act: Callable[[], Iterable[Change]]) -> bool:
        """Do it in one transaction; False and a message when it could not be saved."""
        if not ids:
            return False
        try:
            with transaction(self.store.db):
                list(act())
        except UserError as error:
            self.say(str(error), problem=True)
            return False
        self.tweets.unmark()
        self.tweets.reread(ids)
        return True

    def _turn(self, said: str, turn: Callable[[Store], Change]) -> None:
        try:
            change = turn(self.store)
        except UserError as error:
            self.say(str(error), problem=True)
            return
        self.tweets.forget()
        row = next(
            (row for id in change.tweets if (row := row_of(self.tweets.ids, id)) is not None), None
        )
        if row is not None:
            self.tweets.go(row)
        self.tweets.settle()
        text = f"{said}: {_which(change.tweets)}"
        if change.tweets and row is None:
            text += ", not in this list"
        if change.skipped:
            text += f"; {change.skipped:,} left alone, as somebody changed them since"
        self.say(f"{text}.")


def _which(ids: Iterable[int]) -> str:
    ids = list(ids)
    return f"tweet {ids[0]}" if len(ids) == 1 else f"{len(ids):,} tweets"
