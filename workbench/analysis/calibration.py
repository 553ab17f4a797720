"""Whether probabilities mean what they say, and one number that makes them do so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0
"""Temperatures outside are not looked at: rows that are all right would make it 0."""
TINY = float(np.finfo(np.float32).tiny)


def expected_calibration_error(
    probabilities: ArrayLike, truth: Sequence[int], bins: int = BINS
) -> float:
    """The expected calibration error: sum over bins of (rows / n) |accuracy - confidence|.

    Guo et al. 2017 (arXiv:1706.04599, eq. 3), with bins of equal mass instead of equal width, as
    Nguyen and O'Connor 2015 (arXiv:1508.05154): the rows in the order of their confidence, cut
    into `bins` parts. Few rows make it large: perfect probabilities do not give 0. Rows of equal
    confidence are one after another in the order given. `probabilities` are (rows, labels);
    raises ValueError if there is no row.
    """
    found = _rows(probabilities, truth)
    confidence = found.max(axis=1)
    right = found.argmax(axis=1) == np.asarray(truth)
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [abs(float(right[part].sum() - confidence[part].sum())) for part in parts]
    return sum(gaps) / len(order)


def negative_log_likelihood(probabilities: ArrayLike, truth: Sequence[int]) -> float:
    """The mean negative log-probability of the true labels, in nats; raises ValueError of none."""
    found = _rows(probabilities, truth)
    return float(-np.log(np.maximum(found[np.arange(len(found)), truth], TINY)).mean())


def brier_score(probabilities: ArrayLike, truth: Sequence[int]) -> float:
    """The mean squared distance to the true label's certainty, 0 to 2; raises ValueError of none.

    Brier 1950 (Monthly Weather Review 78:1), the sum over the labels.
    """
    found = _rows(probabilities, truth)
    certain = np.eye(found.shape[1])[np.asarray(truth)]
    return float(((found - certain) ** 2).sum(axis=1).mean())


def fit_temperature(probabilities: ArrayLike, truth: Sequence[int]) -> float:
    """The temperature with which these rows are least surprising, from LEAST to MOST.

    Above 1 the probabilities were too sure. Minimises the negative log-likelihood over held-out
    rows (Guo et al. 2017, section 4.2), which has one minimum. Raises ValueError of none.
    """
    from scipy.optimize import minimize_scalar

    found = _rows(probabilities, truth)

    def surprise(logarithm: float) -> float:
        return negative_log_likelihood(scale_by_temperature(found, float(np.exp(logarithm))), truth)

    bounds = (float(np.log(MIN_TEMPERATURE)), float(np.log(MAX_TEMPERATURE)))
    best = minimize_scalar(surprise, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return float(np.exp(best.x))


def scale_by_temperature(probabilities: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Probabilities whose logarithms are divided by a temperature, (rows, labels)."""
    logits = np.log(np.maximum(np.asarray(probabilities, np.float64), TINY)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _rows(probabilities: ArrayLike, truth: Sequence[int]) -> NDArray[np.float64]:
    found = np.asarray(probabilities, np.float64)
    if not len(found) or len(found) != len(truth):
        raise ValueError("calibration needs rows, and a true label for each")
    return found
