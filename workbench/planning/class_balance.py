"""Warnings about the labels of the splits that are given before a run starts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Counts = Mapping[str, int]
"""Tweets by label."""
MIN_TWEETS = 20
"""A label with fewer tweets is hardly learned."""
MAX_SHARE_DIFFERENCE = 0.05
"""How far the share of a label may be from that among the tweets to train on."""
Z_95 = 1.96
"""Standard errors within which 95 % of the differences between two samples of one kind lie."""


class BalanceWarning(NamedTuple):
    """Why training on the labels as they are is not advised, in a few words and as a sentence."""

    short: str
    sentence: str


def balance_warnings(
    splits: Mapping[str, Counts], labels: Sequence[str]
) -> tuple[BalanceWarning, ...]:
    """The warnings; `splits` has the labelled tweets of train, dev and test by label."""
    train = splits.get("train", {})
    present = [label for label in labels if train.get(label)]
    if not present:
        return ()
    if len(present) == 1:
        total = sum(train.values())
        several = f"All {total:,} tweets to train on are"
        all_of_them = "The only tweet to train on is" if total == 1 else several
        sentence = (
            f"{all_of_them} labelled {present[0]}, so there is nothing to tell apart; label some "
            "otherwise."
        )
        return (BalanceWarning(f"all tweets are {present[0]}", sentence),)
    others = (_other_shares(name, train, splits.get(name, {}), labels) for name in ("dev", "test"))
    return tuple(filter(None, (_few_tweets(train, labels), *others)))


def _few_tweets(train: Counts, labels: Sequence[str]) -> BalanceWarning | None:
    rare = [label for label in labels if train.get(label, 0) < MIN_TWEETS]
    if not rare:
        return None
    counted = ", ".join(f"{label} ({train.get(label, 0)})" for label in rare)
    return BalanceWarning(
        f"fewer than {MIN_TWEETS} tweets of {rare[0] if len(rare) == 1 else f'{len(rare)} labels'}",
        f"Fewer than {MIN_TWEETS} tweets to train on are labelled {counted}; a model learns "
        "little of so few.",
    )


def _other_shares(
    split: str, train: Counts, other: Counts, labels: Sequence[str]
) -> BalanceWarning | None:
    n, m = sum(train.values()), sum(other.values())
    if not m:
        return None
    differences, real = [], False
    for label in labels:
        expected, found = train.get(label, 0) / n, other.get(label, 0) / m
        if abs(found - expected) > MAX_SHARE_DIFFERENCE:
            differences.append(f"{label} {found:.1%} instead of {expected:.1%}".replace("%", " %"))
            pooled = (train.get(label, 0) + other.get(label, 0)) / (n + m)
            error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
            real |= abs(found - expected) > Z_95 * error
    if not differences:
        return None
    chance = "" if real else "; with so few that can be chance"
    return BalanceWarning(
        f"{split} has other shares",
        f"The {m:,} labelled {split} tweets have other shares than those to train on: "
        f"{', '.join(differences)}{chance}.",
    )
