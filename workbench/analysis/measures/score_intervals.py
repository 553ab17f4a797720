"""Intervals of F1 and of means over labels that hold where a sample is small or without errors.

Resamples of tweets that are all right are all right too, and a label of two tweets is missing from
many: a bootstrap alone then says how sure it is of too much or of another figure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]
PRIOR = 2.0
"""Tweets right, and as many wrong, that a correlation is smoothed by; about z squared over 2, as
Agresti and Coull (1998, Am. Stat. 52:119) add them to a share."""


def f1_interval(jaccard: Interval) -> Interval:
    """The interval of an F1 from that of the share of hits among hits and errors, which is J.

    F1 is 2J / (1 + J), which rises with J, so the ends of one are those of the other.
    """
    low, high = jaccard
    return 2 * low / (1 + low), 2 * high / (1 + high)


def mean_interval(
    values: Sequence[float] | NDArray[np.float64],
    intervals: Sequence[Interval],
    correlation: NDArray[np.float64] | None = None,
) -> Interval:
    """The interval of a mean from those of its parts, which correlate like that, or not.

    MOVER: the distances of each end are added up like standard errors (Zou and Donner 2008, Stat.
    Med. 27:1693; Newcombe 1998, Stat. Med. 17:873, method 10, for two shares).
    """
    parts, ends = np.asarray(values, float), np.asarray(intervals, float).reshape(-1, 2)
    if not len(parts):
        return 0.0, 1.0
    related = np.eye(len(parts)) if correlation is None else correlation
    below, above = (
        float(np.sqrt(max(0.0, distance @ related @ distance))) / len(parts)
        for distance in (parts - ends[:, 0], ends[:, 1] - parts)
    )
    mean = float(parts.mean())
    return max(0.0, mean - below), min(1.0, mean + above)


def f1_correlation(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """(labels, labels): how the F1 scores of labels go together, as an error counts for two.

    By the delta method, of counts to which PRIOR tweets right and wrong are added, shared out by
    how often labels occur and are predicted. Each label has to.
    """
    weight = (matrix.sum(0) + matrix.sum(1)).astype(float)
    wrong = np.outer(weight, weight)
    np.fill_diagonal(wrong, 0.0)
    counts = matrix + np.diag(PRIOR * weight / weight.sum())
    counts += PRIOR * wrong / max(wrong.sum(), 1e-12)
    hits, both = np.diag(counts), counts.sum(0) + counts.sum(1)
    of_error = -2 * hits / both**2
    covariance = (counts + counts.T) * np.outer(of_error, of_error)
    variance = of_error**2 * (both - 2 * hits) + hits * (2 / both + 2 * of_error) ** 2
    np.fill_diagonal(covariance, variance)
    deviation = np.sqrt(variance)
    return np.asarray(
        np.divide(
            covariance,
            np.outer(deviation, deviation),
            out=np.eye(len(counts)),
            where=np.outer(deviation, deviation) > 0,
        )
    )
