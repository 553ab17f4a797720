"""Metrics of classification, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.measures.score_intervals import (
    Interval,
    f1_correlation,
    f1_interval,
    mean_interval,
)

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""
RESAMPLES = 2_000


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22:209); (0, 1) of none."""
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    centre = (share + Z**2 / (2 * trials)) / (1 + Z**2 / trials)
    half = Z * np.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2)) / (1 + Z**2 / trials)
    low = 0.0 if successes == 0 else max(0.0, float(centre - half))
    high = 1.0 if successes == trials else min(1.0, float(centre + half))
    return low, high


def confusion(truth: Sequence[int], predicted: Sequence[int], n_labels: int) -> NDArray[np.int64]:
    """(labels, labels) counts: rows are the true labels, columns the predicted ones."""
    matrix = np.zeros((n_labels, n_labels), dtype=np.int64)
    np.add.at(matrix, (np.asarray(truth, int), np.asarray(predicted, int)), 1)
    return matrix


def f1_scores(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """The F1 of each label (van Rijsbergen 1979); for (..., labels, labels) counts.

    NaN for a label that neither occurs nor is predicted.
    """
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    both = matrix.sum(-1) + matrix.sum(-2)
    return np.divide(2.0 * hits, both, out=np.full(hits.shape, np.nan), where=both > 0)


def macro_f1(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """The mean F1 over the labels that occur or are predicted; for (..., labels, labels) counts.

    The F1 scores are averaged, it is not made of averages (Opitz and Burst 2019, arXiv:1911.03347).
    """
    f1 = f1_scores(matrix)
    return np.asarray(np.nansum(f1, axis=-1) / np.maximum(1, (~np.isnan(f1)).sum(axis=-1)))


def macro_recall(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """The mean recall over the labels that occur; for (..., labels, labels) counts.

    Balanced accuracy (Brodersen et al. 2010, ICPR), the measure of SemEval and TweetEval for
    sentiment (Rosenthal et al. 2017, SemEval task 4, equation 1).
    """
    hits, given = np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(-1)
    recall = np.divide(1.0 * hits, given, out=np.zeros(hits.shape), where=given > 0)
    return np.asarray(recall.sum(-1) / np.maximum(1, (given > 0).sum(-1)))


def evaluate(
    truth: Sequence[int], predicted: Sequence[int], labels: Sequence[str], seed: int = 0
) -> dict[str, Any]:
    """Accuracy, macro F1 and recall, precision and recall per label, and the confusion matrix.

    `truth` and `predicted` are (rows,) indices of `labels`. Shares carry Wilson intervals, and F1
    that of the share which it is made of; macro recall and macro F1 what follows from those of the
    labels, the latter at least the percentiles of 2,000 bootstrap resamples (Efron 1979).
    """
    matrix = confusion(truth, predicted, len(labels))
    n = int(matrix.sum())
    right = int(np.trace(matrix))
    accuracy_low, accuracy_high = wilson(right, n)
    macro_interval, recall_interval = _macro_f1_interval(matrix, seed), _recall_interval(matrix)
    classes = {}
    for number, label in enumerate(labels):
        hits, given = int(matrix[number, number]), int(matrix[number].sum())
        taken = int(matrix[:, number].sum())
        classes[label] = {
            "precision": hits / taken if taken else None,
            "precision_interval": list(wilson(hits, taken)),
            "recall": hits / given if given else None,
            "recall_interval": list(wilson(hits, given)),
            "f1": 2 * hits / (taken + given) if taken + given else None,
            "f1_interval": list(f1_interval(wilson(hits, taken + given - hits))),
            "n": given,
            "predicted": taken,
        }
    return {
        "n": n,
        "accuracy": right / n if n else None,
        "accuracy_low": accuracy_low,
        "accuracy_high": accuracy_high,
        "macro_f1": float(macro_f1(matrix)),
        "macro_f1_low": macro_interval[0],
        "macro_f1_high": macro_interval[1],
        "macro_recall": float(macro_recall(matrix)) if n else None,
        "macro_recall_low": recall_interval[0],
        "macro_recall_high": recall_interval[1],
        "labels": list(labels),
        "classes": classes,
        "confusion": matrix.tolist(),
    }


def _recall_interval(matrix: NDArray[np.int64]) -> Interval:
    given, hits = matrix.sum(1), np.diag(matrix)
    occurs = given > 0
    shares = [wilson(int(h), int(n)) for h, n in zip(hits[occurs], given[occurs], strict=True)]
    return mean_interval(hits[occurs] / given[occurs], shares)


def _macro_f1_interval(matrix: NDArray[np.int64], seed: int) -> Interval:
    """The wider of what follows from the intervals of the labels and of a bootstrap.

    The first holds where a bootstrap sees no errors at all, the second where labels are many and
    each has few tweets.
    """
    f1 = f1_scores(matrix)
    there = np.flatnonzero(~np.isnan(f1))
    if not len(there):
        return 0.0, 1.0
    matrix, f1 = matrix[np.ix_(there, there)], f1[there]
    hits, both = np.diag(matrix), matrix.sum(0) + matrix.sum(1)
    ends = [f1_interval(wilson(int(h), int(n))) for h, n in zip(hits, both - hits, strict=True)]
    low, high = mean_interval(f1, ends, f1_correlation(matrix))
    drawn = f1_scores(_resampled(matrix, seed))
    means = np.where(np.isnan(drawn), f1, drawn).mean(-1)
    lowest, highest = np.percentile(means, [2.5, 97.5])
    return min(low, float(lowest)), max(high, float(highest))


def _resampled(matrix: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """(resamples, labels, labels) counts, drawn from the matrix as a multinomial."""
    n = int(matrix.sum())
    rng = np.random.default_rng(seed)
    return rng.multinomial(n, matrix.ravel() / n, size=RESAMPLES).reshape(-1, *matrix.shape)
