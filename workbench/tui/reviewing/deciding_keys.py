"""The keys that decide about the tweet of a queue, or skip it."""

from __future__ import annotations

from typing import ClassVar

from storage.history.edit_conflicts import LatestChange
from storage.store import Store
from workbench.tui.acting_keys import key_for
from workbench.tui.editing.label_keys import LabelKeys
from workbench.tui.editing.refusal_sentences import last_change
from workbench.tui.editing.save_queue import SaveQueue
from workbench.tui.key_names import key_names
from workbench.tui.reviewing import standby
from workbench.tui.reviewing.standby import Standby
from workbench.tui.reviewing.walk import QueueWalk
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.queue_card import QueueCard


class DecidingKeys(LabelKeys):
    """A card with one tweet of a queue, about which keys decide; the next one follows."""

    BINDINGS: ClassVar = [
        key("enter", "open", "keep the label; at the end of the queue, make it anew"),
        key("semicolon,j,down", "skip(1)", "skip: it comes again at the end", key_display="; j"),
        key("k,up", "skip(-1)", "the one before", key_display="k"),
        key("J,shift+down", "scroll_detail(1)", "scroll a long text down"),
        key("K,shift+up", "scroll_detail(-1)", "scroll a long text up"),
    ]

    def __init__(self, store: Store, save_queue: SaveQueue) -> None:
        super().__init__(store, "queue", save_queue)
        self._walk = QueueWalk(store, save_queue.waits, save_queue.made_here)
        self._standby: Standby | None = standby.waiting("Looking for suspects…")
        """What is shown in the place of a tweet while there is no queue."""
        self._reveal = ""
        """What was hidden of the tweet that was answered last, until that is saved."""

    def draw(self) -> None:
        """Show the present tweet, or what is said in its place."""

    def go_on(self) -> None:
        """Do what is offered where no tweet is shown."""

    @property
    def _card(self) -> QueueCard:
        return self.query_one(QueueCard)

    def _row_after(self, row: int, rows_down: int) -> int:
        """The next tweet that is not decided, those that were skipped last."""
        self._walk.revisits = False
        if not rows_down:
            return row
        self._walk.answer()
        self._reveal = self._walk.hidden_prediction(self.tweets.ids[row])
        following = self._walk.next_row(row)
        return row if following is None else following

    def comment(self, text: str) -> None:
        """Show what came of an edit and what was hidden until then, and the tweet, in one go."""
        super().comment(f"{text} {self._reveal}".strip())
        self._reveal = ""
        self.draw()

    def say_unchanged(self, text: str) -> None:
        """Say why a key has changed nothing; what is hidden stays so."""
        self._reveal = ""
        super().say_unchanged(text)

    def has_tweets(self) -> bool:
        """Whether there is a tweet for a key to act on; says so if there is none."""
        if not self._shows_tweet:
            self.say(self._why_no_tweet("this key"))
            return False
        return not self._tells_who_was_first()

    def _tells_who_was_first(self) -> bool:
        """Say what somebody else has decided about this tweet meanwhile; the next key overrules."""
        number = self.tweets.current_id
        if number is None or (change := self._walk.overtaken_by(number)) is None:
            return False
        self._walk.overrule()
        self.draw()
        self.say(
            f"{self._told(change)}: again to overrule ({key_for('skip')} goes on).", problem=True
        )
        return True

    def tell_news(self, tweet: int) -> None:
        """Say once what somebody else has decided about the tweet while it is shown."""
        if (change := self._walk.news_of(tweet)) is not None:
            self.say(f"{self._told(change)} ({key_for('skip')} goes on).")

    def _told(self, change: LatestChange) -> str:
        return f"Tweet {change.tweet}: {last_change(change, self._walk.was_kept(change))}"

    @property
    def _shows_tweet(self) -> bool:
        return self._standby is None and not self._walk.at_end

    def _why_no_tweet(self, key: str) -> str:
        back = f"; {key_for('skip_back')} goes back to the last one" if self._walk.at_end else ""
        return f"No tweet is shown that {key} could be about{back}."

    def hint_for_key(self, name: str) -> str:
        """Why a key that is about a tweet does nothing."""
        pressed = key_names(name)[:1]
        known = any(each in self._bindings.key_to_bindings for each in pressed)
        idle = known and self.prompt.request is None and not self._shows_tweet
        return self._why_no_tweet(name) if idle else ""

    def action_skip(self, rows_down: int) -> None:
        """Leave a tweet undecided for now, or go back to the one before."""
        at = self.tweets.cursor
        if not self.tweets.ids:
            self.has_tweets()
        elif rows_down < 0:
            before = at if self._walk.at_end else at - 1
            self._walk.revisits = True
            if before < 0:
                self.say("This is the first of the queue.")
            self.tweets.go(before)
            self.draw()
        elif (following := self._walk.next_row(at)) is None:
            self.say("There is no other one left in the queue.")
        else:
            self._walk.revisits = False
            self.tweets.go(following)
            self.say("")

    def action_scroll_detail(self, lines: int) -> None:
        """Scroll a text for which there is no room."""
        if not self._card.scroll_lines(lines):
            self.say(f"The tweet has nothing more {'below' if lines > 0 else 'above'}.")

    def action_open(self) -> None:
        """Keep the label; where no tweet is shown, go on as the lines there say."""
        if self._shows_tweet:
            self.action_keep()
        else:
            self.go_on()

    def action_suggestion(self) -> None:
        """Take the prediction, unless it is hidden."""
        if self._walk.is_blind(self.tweets.current_id):
            self.say("This one is blind: give its label by a digit, or keep it with enter.")
        else:
            super().action_suggestion()

    def action_flag(self, mark: str) -> None:
        """Set a mark; excluded and ambiguous tweets are decided with that."""
        if not self.has_tweets():
            return
        super().action_flag(mark)
        current = self.tweets.current
        if current is not None and (current.excluded or current.ambiguous):
            self.tweets.action_move(1)
