"""Whether probabilities mean what they say, and one number that makes them do so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.analysis.linear_model import softmax
from workbench.analysis.measures.metrics import RESAMPLES, wilson

BINS = 15
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0
"""Temperatures outside are not looked at: rows that are all right would make it 0."""
CHI_SQUARED = 3.841458820694124
"""The 95 % quantile of the chi-squared distribution with one degree of freedom."""
FEWEST_RESAMPLES, MOST_DRAWN = 200, 20_000_000
"""Rows that all resamples draw together, where that leaves enough resamples."""
TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of about the same confidence, and how many of them are right."""

    n: int
    lowest: float
    highest: float
    confidence: float
    """The mean confidence."""
    accuracy: float
    low: float
    high: float
    """The 95 % interval of the accuracy."""

    @property
    def off(self) -> str:
        """`too sure` or `too unsure` if the interval leaves the mean confidence out, or nothing."""
        if self.confidence > self.high:
            return "too sure"
        return "too unsure" if self.confidence < self.low else ""


def reliability(
    probabilities: ArrayLike, truth: ArrayLike, bins: int = BINS
) -> list[ReliabilityBin]:
    """The reliability diagram as bins of about equal mass, the least sure first.

    Each accuracy carries a Wilson interval (1927). Rows of equal confidence are in one bin, so
    that the order of the rows says nothing, and the bins may be fewer. Raises ValueError of none.
    """
    confidence, right = _confidence(probabilities, truth)
    found = []
    for part in _equal_mass(confidence, bins):
        n, hits = len(part), int(right[part].sum())
        low, high = wilson(hits, n)
        sure = confidence[part]
        ends = float(sure.min()), float(sure.max())
        found.append(ReliabilityBin(n, *ends, float(sure.mean()), hits / n, low, high))
    return found


def expected_calibration_error(
    probabilities: ArrayLike, truth: ArrayLike, bins: int = BINS
) -> float:
    """The expected calibration error: sum over bins of (rows / n) |accuracy - confidence|.

    Naeini et al. 2015 (AAAI-15) and Guo et al. 2017 (arXiv:1706.04599, eq. 3), with bins of equal
    mass instead of equal width, as Nguyen and O'Connor 2015 (arXiv:1508.05154); see `reliability`.
    Few rows make it large: perfect probabilities do not give 0. `probabilities` are (rows,
    labels); raises ValueError if there is no row.
    """
    confidence, right = _confidence(probabilities, truth)
    parts = _equal_mass(confidence, bins)
    gaps = [abs(float(right[part].sum() - confidence[part].sum())) for part in parts]
    return sum(gaps) / len(confidence)


def _confidence(
    probabilities: ArrayLike, truth: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The confidence of each row, and whether its most probable label is the true one."""
    found = _rows(probabilities, truth)
    return found.max(axis=1), found.argmax(axis=1) == np.asarray(truth)


def _equal_mass(confidence: NDArray[np.float64], bins: int) -> list[NDArray[np.int64]]:
    """The places of the rows of each bin; cuts move to the nearer end of equal confidences."""
    order = np.argsort(confidence, kind="stable")
    ordered = confidence[order]
    sizes = [len(part) for part in np.array_split(ordered, min(bins, len(ordered)))]
    wanted = np.cumsum(sizes)[:-1]
    before = np.searchsorted(ordered, ordered[wanted], "left")
    after = np.searchsorted(ordered, ordered[wanted], "right")
    cuts = np.unique(np.where(wanted - before <= after - wanted, before, after))
    return [part for part in np.split(order, cuts) if len(part)]


def negative_log_likelihood(probabilities: ArrayLike, truth: ArrayLike) -> float:
    """The mean negative log-probability of the true labels, in nats; raises ValueError of none.

    The logarithmic score of Good (1952, J. R. Stat. Soc. B 14:107).
    """
    found = _rows(probabilities, truth)
    return float(-np.log(np.maximum(found[np.arange(len(found)), np.asarray(truth)], TINY)).mean())


def brier_score(probabilities: ArrayLike, truth: ArrayLike) -> float:
    """The mean squared distance to the true label's certainty, 0 to 2; raises ValueError of none.

    Brier 1950 (Monthly Weather Review 78:1), the sum over the labels.
    """
    found = _rows(probabilities, truth)
    certain = np.eye(found.shape[1])[np.asarray(truth)]
    return float(((found - certain) ** 2).sum(axis=1).mean())


def bootstrap_intervals(
    probabilities: ArrayLike, truth: ArrayLike, bins: int = BINS, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The 95 % intervals of `ece`, `nll` and `brier`, each of which holds its figure.

    Percentiles over resamples of the rows (Efron 1979), the bins staying as they are. Few rows
    make `ece` large, and resamples larger still, so its ends are put back by that: the upper one by
    the mean excess of the resamples, the lower one as the basic bootstrap has it. It is 0 where
    probabilities that hold would show as much error once in twenty times or more often (Bröcker
    and Smith 2007, Weather and Forecasting 22:651). Raises ValueError of none.
    """
    found, given = _rows(probabilities, truth), np.asarray(truth)
    n = len(found)
    confidence, right = _confidence(found, given)
    parts = _equal_mass(confidence, bins)
    gaps = np.zeros((n, len(parts)))
    for place, part in enumerate(parts):
        gaps[part, place] = right[part] - confidence[part]
    surprise = -np.log(np.maximum(found[np.arange(n), given], TINY))
    distance = ((found - np.eye(found.shape[1])[given]) ** 2).sum(axis=1)
    columns = np.column_stack([gaps, surprise, distance])
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(_resamples(n)):
        times = np.bincount(rng.integers(0, n, n), minlength=n)
        drawn.append(times @ columns / n)
    means = np.array(drawn)
    error = float(np.abs(gaps.sum(axis=0)).sum() / n)
    errors = np.abs(means[:, :-2]).sum(axis=1)
    high = float(np.percentile(errors, 97.5))
    holds = error <= np.percentile(_errors_of_honest(confidence, parts, rng), 95)
    lower = 0.0 if holds else min(error, max(0.0, 2 * error - high))
    upper = max(error, error + high - float(errors.mean()))
    return {
        "ece": (lower, upper),
        "nll": _percentiles(means[:, -2]),
        "brier": _percentiles(means[:, -1]),
    }


def _resamples(n: int) -> int:
    return min(RESAMPLES, max(FEWEST_RESAMPLES, MOST_DRAWN // n))


def _percentiles(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _errors_of_honest(
    confidence: NDArray[np.float64], parts: list[NDArray[np.int64]], rng: np.random.Generator
) -> NDArray[np.float64]:
    """The calibration errors that rows show whose answers are right as often as they say."""
    order = np.concatenate(parts)
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    said = confidence[order]
    errors = []
    for _ in range(_resamples(len(said))):
        gaps = (rng.random(len(said)) < said) - said
        errors.append(np.abs(np.add.reduceat(gaps, starts)).sum() / len(said))
    return np.array(errors)


def temperature_interval(
    probabilities: ArrayLike, truth: ArrayLike, temperature: float
) -> tuple[float, float]:
    """The 95 % interval of a temperature that was fitted to these rows, within the bounds above.

    The temperatures that a likelihood-ratio test does not refuse (Wilks 1938, Ann. Math. Stat.
    9:60): the log-likelihood of the rows is at most 1.92 below that of the best one.
    """
    from scipy.optimize import brentq

    found = _rows(probabilities, truth)
    best = negative_log_likelihood(scale_by_temperature(found, temperature), truth)
    allowed = best + CHI_SQUARED / 2 / len(found)

    def above(logarithm: float) -> float:
        scaled = scale_by_temperature(found, float(np.exp(logarithm)))
        return negative_log_likelihood(scaled, truth) - allowed

    at = float(np.log(temperature))
    ends = []
    for bound in (float(np.log(MIN_TEMPERATURE)), float(np.log(MAX_TEMPERATURE))):
        ends.append(float(np.exp(brentq(above, at, bound) if above(bound) > 0 else bound)))
    return ends[0], ends[1]


def fit_temperature(probabilities: ArrayLike, truth: ArrayLike) -> float:
    """The temperature with which these rows are least surprising, within the bounds above.

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
    """Probabilities whose logarithms are divided by a temperature, (rows, labels).

    Guo et al. 2017, section 4.2; from probabilities as from logits, which differ by a constant.
    """
    logits = np.log(np.maximum(np.asarray(probabilities, np.float64), TINY)) / temperature
    return softmax(logits)


def _rows(probabilities: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(probabilities, np.float64)
    if not len(found) or len(found) != len(np.asarray(truth)):
        raise ValueError("calibration needs rows, and a true label for each")
    return found
