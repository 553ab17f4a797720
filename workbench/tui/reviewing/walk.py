"""Where somebody is in a queue: what is decided, what is open, what is hidden until it is."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from storage.history.edit_conflicts import LatestChange, latest_change
from storage.query import tweets
from storage.runs.review_queues import (
    ReviewState,
    decided_since,
    newest_removal,
    review_state,
    touched_since,
)
from storage.store import Store
from workbench.tui.reviewing import progress
from workbench.tui.reviewing.progress import Answer, Pace
from workbench.tui.reviewing.sources import SUSPECTS, ReviewQueue, hidden_of

DECIDING = ("label", "excluded", "ambiguous")
"""The fields whose changes decide about a tweet."""


class QueueWalk:
    """Goes through the tweets of a queue that are open, those that were skipped last."""

    def __init__(
        self, store: Store, waits: Callable[[int], bool], made_here: Collection[int] = ()
    ) -> None:
        self._store = store
        self._waits = waits
        self._made_here = made_here
        """The actions that were made on this screen, of all that somebody of this name has made."""
        self.queue = ReviewQueue(SUSPECTS)
        self._given: dict[int, int | None] = {}
        self.answers: dict[int, Answer] = {}
        self._seen: ReviewState | None = None
        """How far edits had come when the answers were read; None before they ever were."""
        self.pace = Pace()
        self.hides = True
        """Whether some predictions are hidden until there is an answer."""
        self.revisits = False
        """Whether somebody has gone back from the end of the queue to what is decided."""
        self._removal = 0
        """The newest removal of tweets whose tweets are left out of the queue."""
        self._ended = False
        """Whether all was decided at the last look."""
        self._shown: int | None = None
        self._was_open = self._told = False
        """Whether the tweet on the screen was open when it came, and its end there was told."""

    def begin(self, queue: ReviewQueue) -> None:
        """Go through another queue, of which nothing is decided."""
        self._shown, self._removal = None, 0  # some may be gone since the queue was read
        self._ended = False
        self.queue, self.answers, self.revisits, self._seen = queue, {}, False, None
        listed = tweets.window(self._store, queue.ids, None, 1)
        self._given = {t.id: progress.label_number(self._store, t.label) for t in listed}

    def leave_out_deleted(self) -> None:
        """Leave out the tweets that are there no more, by which rows of the queue change."""
        if (newest := newest_removal(self._store)) != self._removal:
            there = tweets.there(self._store, self.queue.ids)
            ids = tuple(tweet for tweet in self.queue.ids if tweet in there)
            self.queue, self._removal = replace(self.queue, ids=ids), newest

    def look(self) -> None:
        """Read what has been decided since the last look."""
        store, ids, state = self._store, self.queue.ids, review_state(self._store)
        if state == self._seen:
            return
        touched = set(ids if self._seen is None else touched_since(store, ids, self._seen))
        found = progress.read_answers(store, self.queue, self._given, list(touched))
        known = {tweet: answer for tweet, answer in self.answers.items() if tweet not in touched}
        self.answers, self._seen = known | found, state

    def is_open(self, tweet: int) -> bool:
        """Whether a tweet is not decided, nor an answer to it on the way."""
        return tweet not in self.answers and not self._waits(tweet)

    @property
    def left(self) -> int:
        """How many are not decided yet."""
        return len(self.queue.ids) - len(self.answers)

    @property
    def at_end(self) -> bool:
        """Whether all is decided, and nobody has gone back to it."""
        ids = self.queue.ids
        return bool(ids) and not self.revisits and not any(map(self.is_open, ids))

    def row_after_end(self, row: int) -> int | None:
        """The row of a tweet that is open again where all had been decided; else None."""
        ended, self._ended = self._ended, self.at_end
        if not ended or self._ended or self.revisits or row >= len(self.queue.ids):
            return None
        return None if self.is_open(self.queue.ids[row]) else self.next_row(row)

    def meet(self, tweet: int) -> None:
        """Remember whether a tweet was open when it came onto the screen."""
        if tweet != self._shown:
            self._shown, self._was_open, self._told = tweet, self.is_open(tweet), False

    def overtaken_by(self, tweet: int) -> LatestChange | None:
        """What was decided elsewhere about a tweet while it was shown here."""
        if not self._was_open or not decided_since(self._store, [tweet], self.queue.event):
            return None
        changes = [latest_change(self._store, [tweet], each) for each in DECIDING]
        known = (change for change in changes if change is not None)
        newest = max(known, key=lambda change: change.action, default=None)
        return newest if newest and newest.action not in self._made_here else None

    def news_of(self, tweet: int) -> LatestChange | None:
        """That decision, when it is seen for the first time."""
        if self._told or tweet not in self.answers:
            return None
        self._told = True
        return self.overtaken_by(tweet)

    def was_kept(self, change: LatestChange) -> bool:
        """Whether a change left the label as it was when the queue was made."""
        left = None if change.value is None else self._store.label_ids.get(str(change.value))
        return change.field == "label" and left == self._given[change.tweet]

    def overrule(self) -> None:
        """Let the next key overrule what somebody else has decided."""
        self._was_open = False

    def open_after(self, row: int) -> Iterator[int]:
        """The open tweets below a row."""
        return filter(self.is_open, self.queue.ids[row + 1 :])

    def next_row(self, row: int) -> int | None:
        """The next row that is open, from the top again after the last; None if there is none."""
        ids = self.queue.ids
        later = itertools.chain(range(row + 1, len(ids)), range(row))
        return next((at for at in later if self.is_open(ids[at])), None)

    def answer(self) -> None:
        """One more tweet has its answer."""
        self.pace.answered()
        self.look()

    def is_blind(self, tweet: int | None) -> bool:
        """Whether the prediction for a tweet is hidden."""
        return tweet in self.queue.blind and tweet not in self.answers

    def hidden_prediction(self, tweet: int) -> str:
        """What was hidden until there was an answer, to be said with it."""
        if tweet not in self.queue.blind:
            return ""
        shown = tweets.window(self._store, [tweet], self.queue.run, 1)
        return f"r{self.queue.run} said {shown[0].pred}." if shown and shown[0].pred else ""

    def hide_anew(self) -> bool:
        """Hide as many predictions of open tweets as the settings say now; False if there are none.

        Those that were hidden and are decided stay counted.
        """
        if self.queue.run is None:
            return False
        share = self._store.config.queue_blind_every
        left = [tweet for tweet in self.queue.ids if self.is_open(tweet)]
        hidden = hidden_of(left, share if self.hides else 0)
        blind = (self.queue.blind - set(left)) | hidden
        self.queue = replace(self.queue, blind=blind, blind_every=share)
        return True
