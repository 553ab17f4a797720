"""The keys that the last line of the list names, in the order of their use."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from storage.config import Config
from workbench.tui.widgets.key_line import Keys, width, without_effect

MOST_LABELS = 5
LONGEST_LABELS = 40
"""Cells for the names of the labels, beyond which only their keys are named."""
CARD = (
    ("0", "clear"),
    ("x", "exclude"),
    ("f", "flag"),
    ("a", "ambiguous"),
    ("e", "note"),
    ("u", "undo"),
    ("esc", "list"),
    ("?", "more"),
)
LIST = (
    ("space", "take"),
    ("↵", "open"),
    ("x", "exclude"),
    ("f", "flag"),
    ("]", "next"),
    ("u", "undo"),
    ("/", "filter"),
    ("s", "sort"),
    ("'", "jump back"),
    ("=", "twins"),
    ("?", "more"),
)
"""Those that come and go with the tweet stand last, so that the others stay where they are."""
ALL_TWEETS = ("esc", "all tweets")
WITHOUT_TWEETS = (("ctrl+p", "import a file"), ("?", "more"))
"""The keys of a workspace that has no tweet yet."""
DROPPED = ("'", "=", "f", "s", "]", "↵", "/")
"""What is left out where there is no room, first of all first; never a key that corrects."""
ABOUT_A_TWEET = frozenset(("space", "↵", "x", "f", "=", "]", "0", "a", "e"))
"""Keys that do nothing without a tweet."""
WRITING = frozenset(("space", "x", "f", "0", "a", "e", "u"))
"""Keys that do nothing where nothing can be written."""


@dataclass(frozen=True)
class ListUse:
    """What can be done with a list, by which keys are left out that would do nothing."""

    has_tweets: bool = True
    has_disagreement: bool = True
    """Whether a prediction further down may differ from its label."""
    writable: bool = True
    has_jumped: bool = True
    can_undo: bool = True
    is_predicted: bool = True
    """Whether the tweet under the cursor has a prediction to take."""
    has_twins: bool = True
    """Whether other tweets have its text."""
    is_filtered: bool = False

    @property
    def unusable(self) -> Collection[str]:
        """The keys that would do nothing."""
        return without_effect(
            (self.has_tweets, ABOUT_A_TWEET),
            (self.has_disagreement, ("]",)),
            (self.is_predicted, ("space",)),
            (self.writable, WRITING),
            (self.has_jumped, ("'",)),
            (self.can_undo, ("u",)),
            (self.has_twins, ("=",)),
        )


def card_keys(use: ListUse) -> Keys:
    """The keys of the card of a tweet."""
    return [each for each in CARD if each[0] not in use.unusable]


def list_keys(config: Config, room: int, use: ListUse) -> Keys:
    """The keys of the list that do something, as many as there is room for."""
    labels = label_keys(config) if use.has_tweets and use.writable else ()
    keys: Keys = [*labels, *(each for each in LIST if each[0] not in use.unusable)]
    if use.is_filtered and not use.has_tweets:
        keys = [ALL_TWEETS, *keys]
    for name in DROPPED:
        if width(keys) <= room:
            break
        keys = [each for each in keys if each[0] != name]
    return keys


def label_keys(config: Config) -> Sequence[tuple[str, str]]:
    """The keys of the labels with their names, or without where these are long or many."""
    letters = config.key_of()
    named = [
        (f"{number}/{letters[label]}" if label in letters else str(number), label)
        for number, label in enumerate(config.labels[:9], start=1)
    ]
    if len(named) > MOST_LABELS or sum(cell_len(label) for _, label in named) > LONGEST_LABELS:
        named = [(f"1-{len(named)}", "label")]
    return [*named, (",", "label by name")] if len(config.labels) > 9 else named
