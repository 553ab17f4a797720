"""The tweets that a run learns hardest, as its log names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.rundir import schema

MOST = 20
"""Tweets of an event that are looked at."""


@dataclass(frozen=True)
class HardTweet:
    """A tweet and how probable its given label has been in training, in the mean."""

    id: int
    label: str
    text: str
    """How the text begins."""
    probability: float


def hardest_tweets(values: Mapping[str, Any]) -> tuple[HardTweet, ...]:
    """The tweets of an event of the log, hardest first; what is not one is left out."""
    listed = values.get("tweets")
    read = map(_hard_tweet, listed[:MOST] if isinstance(listed, list) else ())
    return tuple(tweet for tweet in read if tweet is not None)


def _hard_tweet(value: object) -> HardTweet | None:
    if not isinstance(value, dict):
        return None
    number, label, text = (value.get(name) for name in ("id", "label", "text"))
    probability = schema.finite_number(value.get("probability"))
    if type(number) is not int or not isinstance(label, str) or not isinstance(text, str):
        return None
    if probability is None or not 0 <= probability <= 1 + 1e-6:
        return None
    return HardTweet(number, label[: schema.MAX_TEXT], text[: schema.MAX_TEXT], probability)
