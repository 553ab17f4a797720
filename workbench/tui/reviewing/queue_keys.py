"""The keys that the last line of the queue names: those that can be used now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from workbench.tui.widgets.key_line import Keys, width, without_effect

ANSWERS = (
    ("x", "exclude"),
    ("f", "flag"),
    ("a", "ambiguous"),
    ("e", "note"),
    (";", "skip"),
    ("u", "undo"),
)
BRIEF_ANSWERS = tuple((name, word.replace("ambiguous", "ambig")) for name, word in ANSWERS)
COLUMNS = (("c", "other columns"),)
ALL_QUEUES = ("s", "queues")
QUEUES = (("m", "margin"), ("d", "disagreement"), ("r", "random"))
BLIND = ("b", "blind")
LEAVE = (("esc", "list"), ("?", "more"))
AT_END = (("↵", "anew"), ("k", "back"))
TRAIN, ERRORS = ("T", "train"), ("E", "errors")
ABOUT_A_TWEET = frozenset(("label", "menu", "suggestion", "clear", "flag", "note", "scroll_detail"))
"""Actions for which a tweet has to be shown."""
WRITING = frozenset(("x", "f", "a", "e", "u"))
"""Keys that do nothing where nothing can be written."""
OF_QUEUES = frozenset(("queue", "choose_queue", "blind"))
"""Actions for which there have to be tweets."""


@dataclass(frozen=True)
class QueueUse:
    """What can be done with a tweet of a queue, by which keys are left out that do nothing."""

    writable: bool = True
    hides: bool = True
    """Whether predictions can be hidden."""
    can_undo: bool = True
    has_others: bool = True
    """Whether other tweets are open."""
    columns_are_open: bool = False
    """Whether a file that was opened has no labels, which may be in another column."""

    @property
    def unusable(self) -> Collection[str]:
        """The keys that would do nothing."""
        return without_effect(
            (self.writable, WRITING),
            (self.hides, (BLIND[0],)),
            (self.can_undo, ("u",)),
            (self.has_others, (";",)),
        )


def while_answering(room: int, use: QueueUse) -> Keys:
    """The keys where a tweet is shown, beside those that its buttons name."""
    unusable = use.unusable
    ways: Sequence[Keys] = (
        [*ANSWERS, *QUEUES, BLIND, *LEAVE],
        [*ANSWERS, ALL_QUEUES, *LEAVE],
        [*BRIEF_ANSWERS, ALL_QUEUES, *LEAVE],
        [*BRIEF_ANSWERS, *LEAVE[1:]],
    )
    if use.columns_are_open:
        ways = ([*COLUMNS, *ANSWERS, *LEAVE], [*COLUMNS, *BRIEF_ANSWERS, *LEAVE[1:]])
    return _first_that_fits(
        room, *([each for each in way if each[0] not in unusable] for way in ways)
    )


def at_end(room: int, has_run: bool) -> Keys:
    """The keys at the end of the queue."""
    following = [TRAIN, ERRORS] if has_run else [TRAIN]
    return _first_that_fits(
        room,
        [*AT_END, *QUEUES, ALL_QUEUES, *following, *LEAVE],
        [*AT_END, ALL_QUEUES, *following, *LEAVE],
        [*AT_END, *LEAVE],
    )


def without_tweet(helping: Keys, room: int) -> Keys:
    """The keys where something is said in the place of a tweet: those that help, and two more."""
    return _first_that_fits(room, [*helping, *LEAVE], [*helping[:1], *LEAVE])


def _first_that_fits(room: int, *ways: Keys) -> Keys:
    return next((way for way in ways if width(way) <= room), ways[-1])
