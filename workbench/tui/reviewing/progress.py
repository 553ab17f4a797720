"""How far somebody is in a queue: what was decided how, how fast, how long the rest takes."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from storage.query import tweets
from storage.runs.review_queues import decided_since
from storage.store import Store
from storage.tweet import Tweet
from workbench.tui.reviewing.sources import ReviewQueue

CHANGED, KEPT, EXCLUDED, AMBIGUOUS, OPEN = "✓", "k", "x", "a", "·"
LEFT_OPEN = "left open"
KINDS = ("taken", "kept", LEFT_OPEN, "labelled", "corrected", "other")
"""Answers by what was there before: a prediction, a label, neither, or a label alone."""
PAUSE_S = 120.0
"""A longer gap between two answers is a pause, which says nothing of the pace."""
RECENT = 20
MEASURED = 3
"""Gaps from which on the pace is told."""


@dataclass(frozen=True)
class Answer:
    """What was decided about a tweet of a queue."""

    sign: str
    kind: str
    """One of `KINDS`."""
    agrees: bool | None
    """Whether the label is the one predicted; None where nothing is."""


def read_answers(
    store: Store, queue: ReviewQueue, given: Mapping[int, int | None], ids: Sequence[int]
) -> dict[int, Answer]:
    """The answers to some tweets of a queue, as far as they have one.

    `given` has the labels of all when the queue was made, by their numbers, as names may change.
    """
    decided = decided_since(store, ids, queue.event)
    now = tweets.window(store, [i for i in ids if i in decided], queue.run, characters=1)
    return {tweet.id: _answer(store, tweet, given[tweet.id]) for tweet in now}


def _answer(store: Store, tweet: Tweet, given: int | None) -> Answer:
    agrees = None if tweet.pred is None or tweet.label is None else tweet.pred == tweet.label
    if tweet.excluded or tweet.ambiguous:
        return Answer(EXCLUDED if tweet.excluded else AMBIGUOUS, "other", None)
    if label_number(store, tweet.label) == given:
        return Answer(KEPT, "kept" if tweet.label is not None else LEFT_OPEN, agrees)
    if tweet.pred is None and tweet.label is not None:
        return Answer(CHANGED, "labelled" if given is None else "corrected", None)
    return Answer(CHANGED, "taken" if agrees else "other", agrees)


def label_number(store: Store, label: str | None) -> int | None:
    """The number by which a label is kept; one that somebody has only just added has none yet."""
    return None if label is None else store.label_ids.get(label, -1)


def summary(answers: Mapping[int, Answer]) -> str:
    """How many were taken, kept and answered otherwise."""
    counted = Counter(answer.kind for answer in answers.values())
    return " · ".join(f"{counted[kind]:,} {kind}" for kind in KINDS if counted[kind])


def blind_agreement(queue: ReviewQueue, answers: Mapping[int, Answer]) -> tuple[int, int]:
    """Of the blind tweets that have a label, how many have the one predicted, and how many are."""
    seen = [answers[i].agrees for i in queue.blind if i in answers]
    told = [agrees for agrees in seen if agrees is not None]
    return sum(told), len(told)


def strip(ids: Sequence[int], answers: Mapping[int, Answer], at: int, cells: int) -> str:
    """A sign for each tweet of a queue, of those round the present one where they are many."""
    first = max(0, min(at - cells // 2, len(ids) - cells))
    shown = ids[first : first + cells]
    return "".join(answers[i].sign if i in answers else OPEN for i in shown)


@dataclass
class Pace:
    """The times of the answers of this sitting, in seconds."""

    times: list[float] = field(default_factory=list)

    def answered(self, at: float | None = None) -> None:
        """One more answer was given."""
        self.times.append(time.monotonic() if at is None else at)

    @property
    def seconds(self) -> float | None:
        """Seconds for an answer, without the pauses; None before there are a few."""
        recent = self.times[-RECENT - 1 :]
        gaps = [
            after - before
            for before, after in itertools.pairwise(recent)
            if after - before <= PAUSE_S
        ]
        return sum(gaps) / len(gaps) if len(gaps) >= MEASURED else None

    def words(self, left: int, brief: bool) -> str:
        """How many in an hour, and how long the rest takes."""
        if (each := self.seconds) is None or not left:
            return ""
        rest = _duration(left * each)
        if brief:
            return f"{rest} left"
        return f"{_rounded(3600 / max(each, 0.1)):,}/h · about {rest} left"


def _rounded(figure: float) -> int:
    """A figure with two digits that mean something, which an answer seldom changes."""
    whole = round(figure)
    return round(whole, min(0, 2 - len(str(whole))))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
