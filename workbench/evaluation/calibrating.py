"""How far the probabilities of a run can be relied on, and how many tweets it answers well."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.measures.calibration import (
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    bootstrap_intervals,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
    scale_by_temperature,
    temperature_interval,
)
from workbench.analysis.measures.selective import coverage_curve, coverage_table
from workbench.evaluation.labelled_predictions import LabelledPredictions
from workbench.kept_analyses import BINS

MOST_ROWS = 100_000
"""Rows that a temperature is fitted to; of more, so many are drawn."""
LEAST_ROWS = 20
"""Tweets below which a temperature says nothing about other tweets."""


def calibration(found: LabelledPredictions, bins: int = BINS, seed: int = 0) -> dict[str, Any]:
    """Reliability by bins of equal mass, calibration error, and the temperature that mends it.

    What the temperature does is measured on rows that it was not fitted to.
    """
    truth = found.truth
    report = {
        "n": len(found),
        "bins": [
            asdict(each) | {"off": each.off}
            for each in reliability(found.probabilities, truth, bins)
        ],
        **_figures(found.probabilities, truth, bins),
        **_intervals(found.probabilities, truth, bins, seed),
        "rough": found.run.reason,
    }
    return report | _temperature(found.probabilities, truth, bins, seed)


def _figures(
    probabilities: NDArray[np.floating], truth: NDArray[np.int32], bins: int
) -> dict[str, float]:
    return {
        "ece": expected_calibration_error(probabilities, truth, bins),
        "nll": negative_log_likelihood(probabilities, truth),
        "brier": brier_score(probabilities, truth),
    }


def _intervals(
    probabilities: NDArray[np.floating], truth: NDArray[np.int32], bins: int, seed: int
) -> dict[str, float]:
    """The ends of the intervals of the figures."""
    found = bootstrap_intervals(probabilities, truth, bins, seed)
    return {
        f"{name}_{end}": value
        for name, ends in found.items()
        for end, value in zip(("low", "high"), ends, strict=True)
    }


def _temperature(
    probabilities: NDArray[np.float32], truth: NDArray[np.int32], bins: int, seed: int
) -> dict[str, Any]:
    """The temperature of all rows, and the figures of each half with that of the other half.

    A reason stands beside a temperature that is not to be relied on.
    """
    if reason := _why_none(probabilities, truth):
        names = ("temperature", "temperature_low", "temperature_high", "scaled")
        return dict.fromkeys(names) | {"temperature_reason": reason}
    order = np.random.default_rng(seed).permutation(len(truth))[:MOST_ROWS]
    halves = order[::2], order[1::2]
    scaled, given = [], []
    for fit, held_out in (halves, halves[::-1]):
        value = fit_temperature(probabilities[fit], truth[fit])
        scaled.append(scale_by_temperature(probabilities[held_out], value))
        given.append(truth[held_out])
    temperature = fit_temperature(probabilities[order], truth[order])
    low, high = temperature_interval(probabilities[order], truth[order], temperature)
    rows, labels = np.concatenate(scaled), np.concatenate(given)
    unscaled = _figures(probabilities[order], truth[order], bins)
    rescaled = _figures(rows, labels, bins)
    return {
        "temperature": temperature,
        "temperature_reason": _at_bound(temperature) or _mends_nothing(unscaled, rescaled),
        "temperature_low": low,
        "temperature_high": high,
        "scaled": rescaled | _intervals(rows, labels, bins, seed),
    }


def _why_none(probabilities: NDArray[np.float32], truth: NDArray[np.int32]) -> str | None:
    if len(truth) < LEAST_ROWS:
        return f"fewer than {LEAST_ROWS} tweets are too few for a temperature"
    if (probabilities.max(axis=1) >= 1).all():
        return "every prediction is certain, which no temperature changes"
    return None


def _at_bound(temperature: float) -> str | None:
    for bound, words in ((MIN_TEMPERATURE, "smallest"), (MAX_TEMPERATURE, "largest")):
        if abs(temperature / bound - 1) < 0.02:
            return f"it is the {words} that is looked at, so these tweets do not determine it"
    return None


def _mends_nothing(unscaled: dict[str, float], rescaled: dict[str, float]) -> str | None:
    names = {"ece": "calibration error", "nll": "negative log-likelihood"}
    left = [words for name, words in names.items() if rescaled[name] >= unscaled[name]]
    if left:
        return f"on tweets that it was not fitted to it does not lower the {' or the '.join(left)}"
    return None


def coverage(found: LabelledPredictions, accuracy: float | None = None) -> dict[str, Any]:
    """How accurate the surest answers are, coverage by coverage.

    `accuracy` asks in addition for the most answers that are that accurate.
    """
    curve = coverage_curve(found.confidence, found.right)
    report: dict[str, Any] = {
        "n": len(found),
        "points": [asdict(point) for point in coverage_table(curve)],
    }
    if accuracy is not None:
        point = curve.for_accuracy(accuracy)
        report["wanted"] = {"accuracy": accuracy, "point": None if point is None else asdict(point)}
    return report
