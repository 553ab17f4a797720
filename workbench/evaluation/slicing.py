"""Slices of tweets on which a run errs more, or that it fixes or breaks against another run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import UserError
from storage.query.details import details
from storage.query.filter_tokens import quoted
from storage.query.filters import FIELDS
from storage.query.source_columns import in_filter
from storage.store import Store
from workbench.analysis.slicing.slice_counts import LEAST, rows_of
from workbench.analysis.slicing.slice_rules import (
    COLUMN,
    LONGER,
    SHORTER,
    TWINS,
    WORD,
    Condition,
    ConditionMatrix,
    DescribedTweet,
    condition_matrix,
    describe,
)
from workbench.analysis.slicing.slices import Slice, find_slices, halves
from workbench.evaluation.labelled_predictions import LabelledPredictions
from workbench.judged_filters import judged_filter

Ids = NDArray[np.int64]
Flags = NDArray[np.bool_]
MOST_TWEETS = 100_000
"""Tweets that are described by rules; of more, so many are drawn."""
MOST_IDS = 500
"""Tweets of a slice that are named."""


def error_slices(store: Store, found: LabelledPredictions, seed: int = 0) -> dict[str, Any]:
    """The slices on which a run errs more than elsewhere, the worst first.

    An accuracy and its interval are of the half in which the slice stands out less.
    """
    where = judged_filter(found.run, found.split)
    return _report(store, found.tweets, ~found.right, where, seed)


def change_slices(
    store: Store, first: LabelledPredictions, second: LabelledPredictions, seed: int = 0
) -> dict[str, Any]:
    """The slices of the tweets that the second run broke or fixed against the first one.

    Broken ones are looked for among the tweets that the first run has right, fixed ones among
    those it has wrong. Raises UserError if no tweet is predicted by both.
    """
    common, in_first, in_second = np.intersect1d(
        first.tweets, second.tweets, assume_unique=True, return_indices=True
    )
    if not len(common):
        raise UserError(
            f"There is no labelled {first.split} tweet that runs {first.run.id} and "
            f"{second.run.id} both predicted and did not train on."
        )
    before, after = first.right[in_first], second.right[in_second]
    where = judged_filter(second.run, second.split)
    return {
        "n": len(common),
        "broken": _report(store, common[before], ~after[before], where, seed),
        "fixed": _report(store, common[~before], after[~before], where, seed),
    }


def _report(store: Store, tweets: Ids, event: Flags, where: str, seed: int) -> dict[str, Any]:
    """The slices of tweets to which an event happens more often."""
    report: dict[str, Any] = {"n": len(tweets), "events": int(event.sum()), "slices": []}
    if reason := _why_none(len(tweets), int(event.sum())):
        return report | {"looked_at": 0, "reason": reason}
    if len(tweets) > MOST_TWEETS:
        drawn = np.random.default_rng(seed).choice(len(tweets), MOST_TWEETS, replace=False)
        drawn.sort()
        tweets, event = tweets[drawn], event[drawn]
    groups: list[int] = []
    matrix = condition_matrix(_described(store, tweets, groups), LEAST)
    found = find_slices(matrix, event, halves(np.array(groups)))
    report["slices"] = [_as_json(each, matrix, tweets, event, where) for each in found]
    none = "no slice differs by more than chance makes likely"
    return report | {"looked_at": len(tweets), "reason": None if found else none}


def _why_none(n: int, events: int) -> str | None:
    if n < 2 * LEAST:
        return f"{n:,} tweets are too few for slices; {2 * LEAST} are needed"
    if events in (0, n):
        return "it happens to all of the tweets alike" if events else "it happens to no tweet"
    return None


def _described(store: Store, tweets: Ids, groups: list[int]) -> Iterator[DescribedTweet]:
    """The tweets as rules look at them; appends their groups."""
    for tweet in details(store, tweets.tolist()):
        groups.append(tweet.group)
        yield DescribedTweet(tweet.text, tweet.group_size, tweet.source)


def _as_json(
    each: Slice, matrix: ConditionMatrix, tweets: Ids, event: Flags, where: str
) -> dict[str, Any]:
    conditions = [matrix.conditions[place] for place in each.conditions]
    rows = rows_of(matrix, each.conditions)
    terms = [_filter_term(condition) for condition in conditions]
    return {
        "name": describe(conditions),
        "conditions": [vars(condition) for condition in conditions],
        "n": each.n,
        "events": int((rows & event).sum()),
        "tested": each.tested,
        "rate": each.rate,
        "low": each.low,
        "high": each.high,
        "p": each.p,
        "q": each.adjusted,
        "filter": None if None in terms else " ".join([where, *map(str, terms)]),
        "tweets": tweets[rows & event][:MOST_IDS].tolist(),
    }


def _filter_term(condition: Condition) -> str | None:
    """The condition as a term of a filter; None for what filters cannot say."""
    match condition.kind:
        case str(kind) if kind == WORD:
            return quoted(condition.value)
        case str(kind) if kind == COLUMN:
            return f"{in_filter(condition.column, FIELDS)}:{quoted(condition.value)}"
        case str(kind) if kind == LONGER:
            return f"len:>{condition.value}"
        case str(kind) if kind == SHORTER:
            return f"len:<={condition.value}"
        case str(kind) if kind == TWINS:
            return "duplicate:yes"
    return None
