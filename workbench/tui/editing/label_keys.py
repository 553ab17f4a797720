"""The keys that change labels: each is one committed step before the screen moves on."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen

from storage.history.events import Shown
from storage.history.external_changes import data_version
from storage.query.filters import compile_filter
from storage.store import Store
from workbench.tui.editing import edit_outcome, edits
from workbench.tui.editing.edits import Choice, Plan, Targets
from workbench.tui.editing.saving import Saving
from workbench.tui.listing.list_query import Question
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.prompt import PromptLine
from workbench.tui.widgets.tweet_list import TweetList

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp

EDITS = frozenset({"label", "suggestion", "keep", "flag", "clear", "note", "undo", "redo"})
NOTHING = "There is no tweet here for this key."
KEYS = {"excluded": "x", "review": "f", "ambiguous": "a"}
LOOK_S = 1.0
"""Seconds between two looks at whether others have changed something."""


class Editing(Screen[None]):
    """What a screen with a list of tweets does to them."""

    BINDINGS: ClassVar = [
        *(key(str(n), f"label({n})", f"label {n}", show=False) for n in range(1, 10)),
        key("space", "suggestion", "take the model's prediction as the label"),
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
        self.saving = Saving(self, store)
        self._version = data_version(store)
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

    def take_back(self, text: str) -> None:
        """Take a message away if it is still there."""
        self.prompt.take_back(text)

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
        self._assign(str(number), lambda tweet: names[number - 1])

    def action_suggestion(self) -> None:
        """Take the predictions as labels and go on."""
        missing = "There is no prediction to take; t trains a model."
        self._assign("space", lambda tweet: tweet.pred, missing)

    def action_keep(self) -> None:
        """Record that the label was looked at and is right, and go on."""
        missing = "There is no label to keep; give one with a digit."
        self._assign("enter", lambda tweet: tweet.label, missing)

    def action_clear(self) -> None:
        """Take the label away."""
        self._assign("0", lambda tweet: None)

    def action_flag(self, mark: str) -> None:
        """Set a mark, or take it away where all have it."""
        if self.has_tweets():
            targets = self._targets()
            edit_outcome.make(
                self, targets, lambda store, own: edits.flag(store, targets, own, mark), KEYS[mark]
            )

    def action_note(self) -> None:
        """Ask for a note."""
        if self.has_tweets() and (tweet := self.tweets.current) is not None:
            edit_outcome.ask_note(
                self, tweet, tweet.note or "", "enter saves, esc leaves it as it was"
            )

    def action_undo(self) -> None:
        """Take back the last step."""
        edit_outcome.turn(self, "undo")

    def action_redo(self) -> None:
        """Do again what was undone."""
        edit_outcome.turn(self, "redo")

    def _assign(self, key: str, choose: Choice, missing: str | None = None) -> None:
        if self.has_tweets():
            targets = self._targets()

            def plan(store: Store, own: Collection[int]) -> Plan:
                return edits.label(store, targets, own, choose, missing)

            edit_outcome.make(self, targets, plan, key, rows_down=int(len(targets.ids) == 1))

    def _targets(self) -> Targets:
        """What a key acts on; what is on the screen is taken as it is shown."""
        current = self.tweets.current
        if self.tweets.marked and not self.tweets.covered:
            ids = self.tweets.target_ids()
            return Targets(ids, self.tweets.in_view(ids), self.run)
        shown = [] if current is None else [current]
        return Targets([tweet.id for tweet in shown], shown, self.run)

    # What others do.

    def look_for_others(self) -> None:
        """Bring the screen up to date if somebody else has changed something."""
        version = data_version(self.store)
        if version not in (None, self._version):
            self._version = version
            self.look_again()

    def look_again(self) -> None:
        """Read what is on the screen again; what is as it was is not painted."""
        self.tweets.look_again()
        self.tweets.settle()
