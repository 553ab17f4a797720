"""Other ways to rank wrong labels by the same out-of-sample probabilities; higher is worse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.uncertainty import entropies

Scores = NDArray[np.float64]
ROUNDS, UNIFORM = 30, 0.01


def rivals(p: Scores, given: NDArray[np.int64], seed: int) -> dict[str, Scores]:
    """The scores of each rival, by name; without cleanlab where it is not installed."""
    own = p[np.arange(len(given)), given]
    means = np.array([own[given == label].mean() for label in range(p.shape[1])])
    found = {
        "random": np.random.default_rng(seed).random(len(given)),
        "entropy": entropies(p),
        "class-adjusted": means[given] - own,
        "given label": 1 - own,
        "EM": 1 - em_posterior(p, given),
    }
    return found | _cleanlab(p, given)


def em_posterior(p: Scores, given: NDArray[np.int64]) -> Scores:
    """The probability that the given label is right by EM over fixed probabilities.

    The noise matrix starts from the confident joint (Northcutt et al. 2021), half shrunk to uniform
    flips of the same rate, and is refined as by Dawid and Skene (1979).
    """
    n, k = p.shape
    thresholds = np.array([p[given == label, label].mean() for label in range(k)])
    confident, sure = np.where(p >= thresholds, p, -1), (p >= thresholds).any(axis=1)
    joint = np.full((k, k), 1e-3)
    np.add.at(joint, (confident.argmax(axis=1)[sure], given[sure]), 1)
    joint = joint / joint.sum(axis=0) * np.bincount(given, minlength=k) / n
    rate = 1 - np.trace(joint)
    flat = np.full((k, k), rate / (k - 1))
    np.fill_diagonal(flat, 1 - rate)
    noise = 0.5 * joint / joint.sum(axis=1, keepdims=True) + 0.5 * flat
    for _ in range(ROUNDS):
        counts = _posterior(p, noise, given).T @ np.eye(k)[given] + n * UNIFORM * flat / k
        noise = counts / counts.sum(axis=1, keepdims=True)
    return np.asarray(_posterior(p, noise, given)[np.arange(n), given])


def _posterior(p: Scores, noise: Scores, given: NDArray[np.int64]) -> Scores:
    joint = p * noise[:, given].T
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def _cleanlab(p: Scores, given: NDArray[np.int64]) -> dict[str, Scores]:
    try:
        from cleanlab.rank import get_label_quality_scores
    except ImportError:
        return {}
    normalised = p / p.sum(axis=1, keepdims=True)
    return {
        f"cleanlab, {method}": 1
        - get_label_quality_scores(given, normalised, method=method, adjust_pred_probs=adjust)
        for method, adjust in (("normalized_margin", False), ("self_confidence", True))
    }
