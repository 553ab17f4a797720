"""A screen with a list of tweets and a line for messages, on which keys of other modules act."""

from __future__ import annotations

from dataclasses import dataclass

from textual.screen import Screen

from storage.history.events import EditContext
from storage.history.external_changes import data_version, refresh_labels
from storage.query.filters import filter_for
from storage.store import Store
from storage.transactions import gone_sentence
from workbench.tui.widgets.prompt import PromptLine
from workbench.tui.widgets.tweet_list import TweetList

NO_TWEET = "There is no tweet here for this key."


@dataclass(frozen=True)
class ListSettings:
    """Which tweets a list shows, in which order, with whose predictions."""

    filter: str = ""
    sort: str = "id"
    run: int | None = None


class ListScreen(Screen[None]):
    """The tweets, the settings of the list, and messages about the tweet under the cursor."""

    def __init__(self, store: Store, name: str = "browse") -> None:
        super().__init__(name=name)
        self.store = store
        self.settings = ListSettings()
        self._version = data_version(store)
        self._gone = False
        """Whether it was said that the workspace is not there any more."""
        self._comment_on: int | None = None
        """The tweet that the last comment is about; the comment goes when the cursor leaves it."""

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
        """The run whose predictions are shown: the one the filter names, else the chosen one."""
        return filter_for(self.store, self.settings.filter).run or self.settings.run

    @property
    def shown(self) -> EditContext:
        """The queue and the run on the screen, kept with every event."""
        sort = self.settings.sort
        return EditContext(None if sort == "id" else sort, self.run)

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self._comment_on = None
        self.prompt.say(text, problem)

    def retract(self, text: str) -> None:
        """Take a message away if it is still there."""
        self.prompt.retract(text)

    def comment(self, text: str) -> None:
        """Show a message about the tweet under the cursor or the edit that led there."""
        self.say(text)
        self._comment_on = self.tweets.current_id

    def say_unchanged(self, text: str) -> None:
        """Say why a key has changed nothing, until the next one comes: it would be missed else."""
        self._comment_on = None
        self.prompt.say(text, problem=True, stays=True)

    def drop_comment(self) -> None:
        """Take a comment away once the cursor has left its tweet."""
        if self._comment_on not in (None, self.tweets.current_id):
            self.say("")

    def has_tweets(self) -> bool:
        """Whether there is a tweet for a key to act on; says so if there is none."""
        if not self.tweets.ids:
            self.say(NO_TWEET)
        elif self.tweets.current is None:
            self.say(f"Tweet {self.tweets.current_id} has been taken out for good.", problem=True)
        return self.tweets.current is not None

    def look_for_changes(self) -> None:
        """Bring the screen up to date if another process has changed something."""
        if (gone := gone_sentence(self.store.db)) and not self._gone:
            self.say(gone, problem=True)
        self._gone = bool(gone)
        version = data_version(self.store)
        if version not in (None, self._version):
            self.look_again()
            self._version = version  # what could not be read is read at the next look

    def look_again(self) -> None:
        """Read what is on the screen again; only rows that have changed are painted."""
        refresh_labels(self.store)
        self.tweets.look_again()
        self.tweets.settle()
