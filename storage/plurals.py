"""Numbers with the words for one or for several, as all sentences have them."""

from __future__ import annotations


def counted(number: int, one: str, several: str = "") -> str:
    """A number with its words, such as 1 row or 2,000 rows; `several` adds an s if empty."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def ordinal(number: int) -> str:
    """A number as it counts in a row, such as 1st, 2nd, 5th or 21st."""
    if number % 100 in (11, 12, 13):
        return f"{number:,}th"
    return f"{number:,}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def tweet_count(number: int, verb: str = "", verbs: str = "") -> str:
    """A number of tweets, with a verb if there is one, such as 1 tweet has or 2 tweets have."""
    return counted(number, f"tweet {verb}".rstrip(), f"tweets {verbs or verb}".rstrip())
