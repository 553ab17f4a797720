"""The tweets behind a figure, as the list of tweets shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_IDS = 500
"""Tweets that are listed one by one."""


@dataclass(frozen=True)
class OpenedTweets:
    """Which tweets, in which order, and what they are in words."""

    filter: str
    what: str
    tweet: int | None = None
    """The one on which the cursor stands at first."""
    sort: str = "disagreement"


def listed(run: int, ids: Sequence[int], what: str, tweet: int | None = None) -> OpenedTweets:
    """Some tweets by their ids, with the predictions of a run, those round one tweet first of all.

    Where they are more than can be listed, it is said of how many those are.
    """
    at = 0 if tweet is None else list(ids).index(tweet) - MOST_IDS // 2
    at = max(0, min(at, len(ids) - MOST_IDS))
    shown = ids[at : at + MOST_IDS]
    what = what if len(shown) == len(ids) else f"{len(shown):,} of {what}"
    return OpenedTweets(f"run:{run} id:{','.join(map(str, shown))}", what, tweet, "id")
