"""Rules that describe tweets, from which slices of them are made: what each text is like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from storage.text import URL, USER
from storage.word_search import folded

EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b05-\u2b55\u203c\u2049\u231a-\u23ff]")
CASHTAG = re.compile(r"\$[A-Za-z][\w.]*")
HASHTAG = re.compile(r"#\w+")
NEGATION = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|neither|nor|without|cannot|\w+n['\u2019]?t)\b", re.I
)
QUESTION = re.compile(r"[?\u061f\uff1f]")
EXCLAMATION = re.compile(r"[!\uff01]")
NUMBER = re.compile(r"\d")
SHOUTED = re.compile(r"\b[^\W\d_a-z]{4,}\b")
CAPITALS = 0.5
"""The share of capital letters from which a text is called written in capitals."""
MOST_CONDITIONS = 600
LONGEST_VALUE = 60
"""Characters of a source column's value beyond which it is no category."""
WORD, COLUMN, LONGER, SHORTER, TWINS = "word", "column", "longer", "shorter", "duplicates"
MARKS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "emoji": (EMOJI, "has an emoji"),
    "url": (URL, "has a URL"),
    "user": (USER, "has an @user"),
    "hashtag": (HASHTAG, "has a hashtag"),
    "negation": (NEGATION, "has a negation"),
    "question": (QUESTION, "has a question mark"),
    "exclamation": (EXCLAMATION, "has an exclamation mark"),
    "number": (NUMBER, "has a digit"),
    "shouted": (SHOUTED, "has a word in capitals"),
}
"""What a text may have in it, by the kind of the condition."""
NAMES = {kind: name for kind, (_, name) in MARKS.items()} | {
    "no cashtag": "no cashtag",
    "one cashtag": "one cashtag",
    "3+ cashtags": "3+ cashtags",
    "capitals": "mostly capitals",
    TWINS: "has near-duplicates",
}


@dataclass(frozen=True, order=True)
class Condition:
    """Something that is so of a tweet or not."""

    kind: str
    value: str = ""
    """The word, the number of characters, or the value of a source column."""
    column: str = ""

    def __str__(self) -> str:
        """The condition in words."""
        match self.kind:
            case "word":
                return f"has “{self.value}”"
            case "column":
                return f"{self.column} = {self.value}"
            case "longer" | "shorter":
                return f"length {'>' if self.kind == LONGER else '≤'} {self.value}"
        return NAMES[self.kind]


@dataclass(frozen=True)
class ConditionMatrix:
    """Which conditions hold of which tweets."""

    conditions: tuple[Condition, ...]
    holds: csr_array
    """(tweets, conditions) of zeros and ones."""


@dataclass(frozen=True)
class DescribedTweet:
    """What rules look at of a tweet."""

    text: str
    group_size: int = 1
    """The tweets with an equal or nearly equal text, this one included."""
    columns: Mapping[str, Any] | None = None
    """The source columns."""


def condition_matrix(tweets: Iterable[DescribedTweet], least: int = 20) -> ConditionMatrix:
    """The conditions that hold of at least `least` tweets and do not hold of as many.

    Lengths are cut at their quartiles. Of more than MOST_CONDITIONS the most frequent are kept.
    """
    number: dict[Condition, int] = {}
    of_tweets: list[NDArray[np.int32]] = []
    lengths: list[int] = []
    counts: Counter[int] = Counter()
    for tweet in tweets:
        held = [number.setdefault(c, len(number)) for c in _conditions(tweet)]
        counts.update(held)
        of_tweets.append(np.array(held, np.int32))
        lengths.append(len(tweet.text))
    n = len(of_tweets)
    cuts = _length_conditions(np.array(lengths))
    frequent = [c for c, place in number.items() if least <= counts[place] <= n - least]
    frequent.sort(key=lambda c: (-counts[number[c]], c))
    kept = sorted(frequent[:MOST_CONDITIONS])
    column = np.full(len(number), -1)
    column[[number[c] for c in kept]] = np.arange(len(kept))
    columns = [column[held][column[held] >= 0] for held in of_tweets]
    ends = np.cumsum([0, *map(len, columns)])
    flat = np.concatenate(columns) if columns else np.empty(0, int)
    words = csr_array((np.ones(len(flat), np.float32), flat, ends), shape=(n, len(kept)))
    useful = [(c, holds) for c, holds in cuts if least <= holds.sum() <= n - least]
    return _with_columns(words, kept, useful)


def _with_columns(
    words: csr_array, kept: list[Condition], more: list[tuple[Condition, NDArray[np.bool_]]]
) -> ConditionMatrix:
    from scipy.sparse import hstack

    parts = [words, *(csr_array(holds[:, None].astype(np.float32)) for _, holds in more)]
    conditions = (*kept, *(condition for condition, _ in more))
    return ConditionMatrix(conditions, csr_array(hstack(parts, format="csr")))


def _length_conditions(
    lengths: NDArray[np.int64],
) -> list[tuple[Condition, NDArray[np.bool_]]]:
    if not len(lengths):
        return []
    found = []
    for cut in np.unique(np.quantile(lengths, [0.25, 0.5, 0.75], method="nearest")).tolist():
        found.append((Condition(LONGER, str(cut)), lengths > cut))
        found.append((Condition(SHORTER, str(cut)), lengths <= cut))
    return found


def _conditions(tweet: DescribedTweet) -> set[Condition]:
    text = tweet.text
    found = {Condition(kind) for kind, (pattern, _) in MARKS.items() if pattern.search(text)}
    cashtags = len(CASHTAG.findall(text))
    if name := {0: "no cashtag", 1: "one cashtag"}.get(cashtags, "3+ cashtags" * (cashtags > 2)):
        found.add(Condition(name))
    if is_in_capitals(text):
        found.add(Condition("capitals"))
    if tweet.group_size > 1:
        found.add(Condition(TWINS))
    found |= {Condition(WORD, word) for word in words_of(text)}
    for column, value in (tweet.columns or {}).items():
        if isinstance(value, str | int | bool) and 0 < len(str(value)) <= LONGEST_VALUE:
            found.add(Condition(COLUMN, str(value), column))
    return found


def is_in_capitals(text: str) -> bool:
    """Whether at least half of the cased letters are capitals, and there are some ten of them."""
    capitals, small = sum(map(str.isupper, text)), sum(map(str.islower, text))
    return capitals + small >= 10 and capitals >= CAPITALS * (capitals + small)


def words_of(text: str) -> set[str]:
    """The words as a filter finds them: a tag such as $TSLA is one, and so is its name."""
    words = [word for word in folded(URL.sub(" ", text)).split() if not word.startswith("@")]
    tagged = {word[1:] for word in words if word[0] in "$#"}
    return {word for word in (*words, *tagged) if any(map(str.isalpha, word))}


def describe(conditions: Sequence[Condition]) -> str:
    """Conditions that all hold, in words."""
    return " and ".join(map(str, conditions))
