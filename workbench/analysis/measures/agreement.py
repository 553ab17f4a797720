"""How far annotators agree beyond chance, each figure with its 95 % interval.

Labels are nominal: any two different ones differ equally. Intervals are percentiles over 2,000
bootstrap resamples of the tweets (Efron 1979); resamples without a value are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.measures.metrics import RESAMPLES, wilson

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
MISSING = -1
RESAMPLES_AT_ONCE = 100
"""Resamples drawn at a time, which bounds the memory."""
MIN_TWEETS = 10
"""Tweets below which resamples say nothing about other tweets, so that there is no interval."""


@dataclass(frozen=True)
class Coefficient:
    """A coefficient of agreement: 1 is full, 0 what chance gives; None with the reason why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    """The tweets that it was computed on."""
    reason: str | None = None


@dataclass(frozen=True)
class RatingMatrix:
    """The label that each annotator gave each tweet."""

    annotators: tuple[str, ...]
    labels: tuple[str, ...]
    codes: Counts
    """(tweets, annotators) places in `labels`, MISSING where there is none."""


def rating_matrix(ratings: Iterable[tuple[str, int, str]]) -> RatingMatrix:
    """Arrange (annotator, tweet, label) ratings as a matrix; annotators and labels are sorted."""
    rows = list(ratings)
    annotators = tuple(sorted({name for name, _, _ in rows}))
    labels = tuple(sorted({label for _, _, label in rows}))
    column = {name: number for number, name in enumerate(annotators)}
    code = {name: number for number, name in enumerate(labels)}
    tweets, places = np.unique([tweet for _, tweet, _ in rows], return_inverse=True)
    codes = np.full((len(tweets), len(annotators)), MISSING, np.int64)
    codes[places, [column[name] for name, _, _ in rows]] = [code[label] for _, _, label in rows]
    return RatingMatrix(annotators, labels, codes)


def agreement(given: RatingMatrix, seed: int = 0) -> dict[str, Any]:
    """Cohen's kappa for two annotators, Krippendorff's alpha for more, and kappa for each pair."""
    people = given.annotators
    pairs = [
        {"a": people[a], "b": people[b]} | _pair(given.codes[:, [a, b]], given.labels, seed)
        for a, b in combinations(range(len(people)), 2)
    ]
    if len(people) == 2:
        measure, figure = "Cohen's kappa", {k: pairs[0][k] for k in asdict(Coefficient(None))}
    else:
        measure = "Krippendorff's alpha"
        figure = asdict(
            krippendorff_alpha(_tally(given.codes, len(given.labels)), given.labels, seed)
        )
        if len(people) < 2:
            figure["reason"] = _too_few(people)
    return {
        "measure": measure,
        **figure,
        "annotators": {
            name: {
                label: int((given.codes[:, column] == code).sum())
                for code, label in enumerate(given.labels)
            }
            for column, name in enumerate(people)
        },
        "pairs": pairs,
    }


def _too_few(people: tuple[str, ...]) -> str:
    who = f"Only {people[0]} has" if people else "Nobody has"
    return (
        f"{who} labelled any of these tweets, and agreement needs two: have somebody else label, "
        "or compare with the imported labels (--with-gold)."
    )


def _pair(codes: Counts, labels: tuple[str, ...], seed: int) -> dict[str, Any]:
    both = codes[(codes != MISSING).all(axis=1)]
    matrix = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(matrix, (both[:, 0], both[:, 1]), 1)
    figure = cohen_kappa(matrix, labels, seed)
    same = int(np.trace(matrix))
    return asdict(figure) | {"same": same / figure.n if figure.n else None}


def cohen_kappa(matrix: Counts, labels: tuple[str, ...], seed: int = 0) -> Coefficient:
    """Agreement of two annotators, from (labels, labels) counts of what both gave.

    (p_o - p_e) / (1 - p_e): p_o is the share with equal labels and p_e what the two would share by
    chance with their own label frequencies (Cohen 1960, Educ. Psychol. Meas. 20:37).
    """
    n = int(matrix.sum())
    reason = _undefined(n, np.flatnonzero(matrix.sum(0) + matrix.sum(1)), labels)
    if reason:
        return Coefficient(None, n=n, reason=reason)
    shares = matrix.ravel() / n
    drawn = np.random.default_rng(seed).multinomial(n, shares, size=RESAMPLES)
    chance = float((matrix.sum(0) * matrix.sum(1)).sum()) / n**2
    low, high = _interval(_kappa(drawn.reshape(-1, *matrix.shape)), n, chance)
    return Coefficient(float(_kappa(matrix)), low, high, n)


def _kappa(matrices: Counts) -> Floats:
    n = matrices.sum((-2, -1))
    observed = np.trace(matrices, axis1=-2, axis2=-1) / n
    expected = (matrices.sum(-1) * matrices.sum(-2)).sum(-1) / n**2
    return _ratio(observed - expected, 1 - expected)


def krippendorff_alpha(counts: Counts, labels: tuple[str, ...], seed: int = 0) -> Coefficient:
    """Agreement of any number of annotators, from (tweets, labels) counts of the labels given.

    A tweet with m labels adds to the coincidences o_ck its pairs of labels c and k over m - 1, one
    with a single label none. With n_c the sums and n their total, alpha is
    ((n - 1) sum o_cc - sum n_c (n_c - 1)) / (n (n - 1) - sum n_c (n_c - 1)) (Krippendorff 2011,
    Computing Krippendorff's alpha-reliability, section C). Resamples draw from the tweets that
    have two labels or more.
    """
    counts = counts[counts.sum(axis=1) >= 2]
    n = len(counts)
    reason = _undefined(n, np.flatnonzero(counts.sum(axis=0)), labels)
    if reason:
        return Coefficient(None, n=n, reason=reason)
    kinds, how_often = np.unique(counts, axis=0, return_counts=True)
    ratings = kinds.sum(axis=1, keepdims=True)
    equal = (kinds * (kinds - 1) / (ratings - 1)).sum(axis=1)
    rng = np.random.default_rng(seed)
    resampled = [
        _alpha(rng.multinomial(n, how_often / n, size=RESAMPLES_AT_ONCE), kinds, equal)
        for _ in range(RESAMPLES // RESAMPLES_AT_ONCE)
    ]
    sums = counts.sum(axis=0)
    chance = float((sums * (sums - 1)).sum() / (sums.sum() * (sums.sum() - 1)))
    low, high = _interval(np.concatenate(resampled), n, chance)
    return Coefficient(float(_alpha(how_often, kinds, equal)), low, high, n)


def _alpha(times: Counts, kinds: Counts, equal: Floats) -> Floats:
    """For (…, kinds) numbers of tweets, with the counts and equal coincidences of each kind."""
    sums = times @ kinds
    n = sums.sum(-1)
    chance = (sums * (sums - 1)).sum(-1)
    return _ratio((n - 1) * (times @ equal) - chance, n * (n - 1) - chance)


def _tally(codes: Counts, n_labels: int) -> Counts:
    counts = np.zeros((len(codes), n_labels), np.int64)
    for code in range(n_labels):
        counts[:, code] = (codes == code).sum(axis=1)
    return counts


def _undefined(n: int, used: Counts, labels: tuple[str, ...]) -> str | None:
    if n == 0:
        return "No tweet was labelled by two annotators; have them label some of the same tweets."
    if len(used) == 1:
        return (
            f"Every label on the shared tweets is {labels[used[0]]}; agreement beyond chance needs "
            "tweets of another label as well."
        )
    return None


def _ratio(over: Any, under: Any) -> Floats:
    blank = np.full(np.shape(over), np.nan)
    return np.divide(over, under, out=blank, where=np.asarray(under) > 1e-12)


def _interval(values: Floats, n: int, chance: float) -> tuple[float | None, float | None]:
    """Percentiles of resamples; where these know no difference, the least agreement by Wilson."""
    if n < MIN_TWEETS:
        return None, None
    low, high = np.nanpercentile(values, [2.5, 97.5])
    if np.nanmin(values) >= 1:
        low = (wilson(n, n)[0] - chance) / (1 - chance)
    return float(low), float(high)
