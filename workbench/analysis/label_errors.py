"""Scores of (rows, labels) probabilities: how sure a prediction is, how suspicious a label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def margins(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest minus the second largest probability of each row; shape (rows,), from 0 to 1."""
    ordered = np.sort(probabilities, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2] if ordered.shape[1] > 1 else ordered[:, -1])


def entropies(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The entropy of each row of probabilities, in nats; shape (rows,)."""
    safe = np.clip(probabilities, 1e-12, 1.0)
    return np.asarray(-(probabilities * np.log(safe)).sum(axis=1))


def suspicion(probabilities: NDArray[np.float64], given: Sequence[int]) -> NDArray[np.float64]:
    """How suspicious each given label is, from out-of-sample probabilities; higher is worse.

    The negative probability of the given label, less its mean over the tweets with that label
    (the adjustment by class of Northcutt et al. 2021, J. Artif. Intell. Res. 70:1373): without
    it the queue fills with the rarer label, whose probabilities are lower throughout.
    """
    labels = np.asarray(given, int)
    own = probabilities[np.arange(len(labels)), labels]
    totals = np.bincount(labels, weights=own, minlength=probabilities.shape[1])
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    means = totals / np.maximum(1, counts)
    return np.asarray(means[labels] - own)
