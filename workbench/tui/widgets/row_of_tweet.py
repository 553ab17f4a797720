"""On which row of a list a tweet is."""

from __future__ import annotations

from collections.abc import Sequence


def row_of(ids: Sequence[int], tweet: int) -> int | None:
    """The row of a tweet, None if it is not in the list."""
    try:
        return ids.index(tweet)
    except ValueError:
        return None


def first_row(ids: Sequence[int], tweets: Sequence[int]) -> int | None:
    """The first row with one of these tweets, None if none of them is in the list."""
    if len(tweets) == 1:
        return row_of(ids, tweets[0])
    wanted = frozenset(tweets)
    return next((row for row, number in enumerate(ids) if number in wanted), None)
