"""Changes of a text that should not change its label, and how often they change an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from storage.text import URL, USER
from workbench.analysis.measures.metrics import wilson
from workbench.analysis.slicing.slice_rules import CASHTAG, EMOJI
from workbench.analysis.texts.word_effects import Score

OTHER_CASHTAGS = ("$XYZ", "$ABCD", "$EFGH", "$IJKL", "$MNOP", "$QRST")
VARIATION = re.compile("[\ufe0e\ufe0f\u200d]")
"""What joins or colours emoji."""


def swap_cashtags(text: str) -> str:
    """The text about other companies: each cashtag becomes another one, equal ones the same."""
    present = {tag.upper() for tag in CASHTAG.findall(text)}
    free = [tag for tag in OTHER_CASHTAGS if tag not in present]
    others: dict[str, str] = {}

    def other(match: re.Match[str]) -> str:
        return others.setdefault(match[0].upper(), free[len(others) % len(free)])

    return CASHTAG.sub(other, text) if free else text


def without_urls(text: str) -> str:
    """The text without its links."""
    return _closed(URL.sub("", text))


def without_users(text: str) -> str:
    """The text without the names that begin with @."""
    return _closed(USER.sub("", text))


def without_emoji(text: str) -> str:
    """The text without its emoji."""
    return _closed(VARIATION.sub("", EMOJI.sub("", text)))


def in_lower_case(text: str) -> str:
    """The text without capitals, but for cashtags."""
    return re.sub(rf"{CASHTAG.pattern}|[^$]+|\$", _lower_unless_cashtag, text)


def _lower_unless_cashtag(match: re.Match[str]) -> str:
    return match[0] if CASHTAG.fullmatch(match[0]) else match[0].lower()


def calmed(text: str) -> str:
    """The text with a full stop for its exclamation marks, or with three at its end."""
    if "!" in text:
        return re.sub(r"!+", ".", text)
    return f"{text.rstrip(' .')}!!!"


def _closed(text: str) -> str:
    return re.sub(r"[ \t]{2,}", " ", text).strip()


CHANGES: dict[str, Callable[[str], str]] = {
    "another cashtag": swap_cashtags,
    "without URL": without_urls,
    "without @user": without_users,
    "lower case": in_lower_case,
    "without emoji": without_emoji,
    "exclamation marks": calmed,
}
"""Invariance tests of CheckList (Ribeiro et al. 2020, ACL) for tweets, by their names."""


@dataclass(frozen=True)
class Flip:
    """A text that is answered otherwise after a change."""

    place: int
    """Its place among the texts."""
    changed: str
    before: int
    after: int


@dataclass(frozen=True)
class Invariance:
    """What a change did to the answers."""

    change: str
    n: int
    """The texts that it changes."""
    flips: tuple[Flip, ...]
    rate: float | None
    low: float
    high: float
    """The 95 % interval of the rate (Wilson 1927)."""


def invariance(texts: Sequence[str], score: Score) -> list[Invariance]:
    """How often each change that should not matter changes an answer; all asked in one batch.

    Texts that a change leaves as they are, or without anything, do not count for it.
    """
    asked: list[tuple[str, int, str]] = []
    for name, change in CHANGES.items():
        for place, text in enumerate(texts):
            changed = change(text)
            if changed != text and changed:
                asked.append((name, place, changed))
    if not texts:
        return [Invariance(name, 0, (), None, 0.0, 1.0) for name in CHANGES]
    rows = score([*texts, *(changed for _, _, changed in asked)])
    answers = [max(range(len(row)), key=row.__getitem__) for row in rows]
    before, after = answers[: len(texts)], answers[len(texts) :]
    found = []
    for name in CHANGES:
        of = [(row, new) for row, new in zip(asked, after, strict=True) if row[0] == name]
        flips = tuple(
            Flip(place, changed, before[place], new)
            for (_, place, changed), new in of
            if new != before[place]
        )
        rate = len(flips) / len(of) if of else None
        found.append(Invariance(name, len(of), flips, rate, *wilson(len(flips), len(of))))
    return found
