"""Which runs have scored about as many tweets as others, so that they may stand for a whole set."""

from __future__ import annotations

from collections.abc import Mapping

ABOUT_AS_MANY = 0.5
"""This share of the tweets that another run has scored makes a run comparable with it."""


def comparable(scored: Mapping[int, int]) -> list[int]:
    """Of some runs those with about as many predictions as any of them, in the same order.

    `scored` has how many tweets each has scored; one that has scored a few only, such as those of a
    filter, is left out.
    """
    most = max(scored.values(), default=0)
    return [run for run, tweets in scored.items() if tweets and tweets >= ABOUT_AS_MANY * most]
