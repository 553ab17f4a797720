"""What in the labels of the splits speaks against training on them, said before a run starts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Counts = Mapping[str, int]
"""Tweets by label."""
FEW = 20
"""With fewer tweets a label is hardly learnt."""
APART = 0.05
"""How far the share of a label may be from that among the tweets to train on."""
BY_CHANCE = 1.96
"""Standard errors within which 95 % of the differences between two samples of one kind lie."""


class BalanceWarning(NamedTuple):
    """What speaks against training on the labels as they are."""

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
        sentence = (
            f"All {total:,} tweets to train on are labelled {present[0]}, so there is nothing to "
            "tell apart; label some otherwise."
        )
        return (BalanceWarning(f"all tweets are {present[0]}", sentence),)
    others = (_other_shares(name, train, splits.get(name, {}), labels) for name in ("dev", "test"))
    return tuple(filter(None, (_few(train, labels), *others)))


def _few(train: Counts, labels: Sequence[str]) -> BalanceWarning | None:
    rare = [label for label in labels if train.get(label, 0) < FEW]
    if not rare:
        return None
    counted = ", ".join(f"{label} ({train.get(label, 0)})" for label in rare)
    return BalanceWarning(
        f"fewer than {FEW} tweets of {rare[0] if len(rare) == 1 else f'{len(rare)} labels'}",
        f"Fewer than {FEW} tweets to train on are labelled {counted}; a model learns little of so "
        "few.",
    )


def _other_shares(
    split: str, train: Counts, other: Counts, labels: Sequence[str]
) -> BalanceWarning | None:
    n, m = sum(train.values()), sum(other.values())
    if not m:
        return None
    told, real = [], False
    for label in labels:
        expected, found = train.get(label, 0) / n, other.get(label, 0) / m
        if abs(found - expected) > APART:
            told.append(f"{label} {found:.1%} instead of {expected:.1%}".replace("%", " %"))
            pooled = (train.get(label, 0) + other.get(label, 0)) / (n + m)
            error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
            real |= abs(found - expected) > BY_CHANCE * error
    if not told:
        return None
    chance = "" if real else "; with so few that can be chance"
    return BalanceWarning(
        f"{split} has other shares",
        f"The {m:,} labelled {split} tweets have other shares than those to train on: "
        f"{', '.join(told)}{chance}.",
    )
