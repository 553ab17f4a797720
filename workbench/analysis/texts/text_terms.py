"""The terms that texts are counted by, as scikit-learn's TfidfVectorizer finds them, without it."""

from __future__ import annotations

import re
from collections.abc import Iterator

LINK, USER = re.compile(r"https?://\S+"), re.compile(r"@\w+")
WORD = re.compile(r"(?u)\b\w\w+\b")
SPACES = re.compile(r"\s\s+")
WORDS, CHARACTERS = (1, 2), (3, 5)
"""The fewest and the most words of a term, and characters."""


def without_names(text: str) -> str:
    """The text with each link as `URL` and each name as `@user`: they say nothing of a label."""
    return USER.sub("@user", LINK.sub("URL", text))


def folded(text: str) -> str:
    """The text as its terms are taken from it."""
    return without_names(text).lower()


def word_terms(text: str) -> list[str]:
    """The words of a folded text and its pairs of neighbouring words."""
    words = WORD.findall(text)
    low, high = WORDS
    return [
        " ".join(words[start : start + size])
        for size in range(low, high + 1)
        for start in range(len(words) - size + 1)
    ]


def character_terms(text: str) -> list[str]:
    """The runs of characters within the words of a folded text, a space at each end of a word."""
    words = SPACES.sub(" ", text).split()
    return [term for word in words for term in _within(f" {word} ")]


def _within(word: str) -> Iterator[str]:
    low, high = CHARACTERS
    for size in range(low, high + 1):
        for start in range(max(1, len(word) - size + 1)):
            yield word[start : start + size]
        if len(word) <= size:  # whole, and so it would be in all larger sizes
            return
