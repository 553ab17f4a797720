"""The figures of learning.py: accuracy with its intervals, how soon it comes, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from workbench.analysis.measures.calibration import (
    brier_score,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    scale_by_temperature,
)
from workbench.analysis.measures.metrics import confusion, macro_f1

RESAMPLES = 2_000
GOAL = 0.95
"""Share of the best accuracy that is to be reached."""
PER_STEP = 16


def t_interval(values: Sequence[float]) -> list[float] | None:
    """The 95 % interval of the mean of one figure per seed (Student 1908); None of one seed."""
    if len(values) < 2:
        return None
    middle = float(np.mean(values))
    half = float(student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    return [middle - half, middle + half]


def over_tweets(values: NDArray[np.float64]) -> list[float]:
    """The 95 % percentile interval of the mean over resampled tweets (Efron 1979).

    `values` are (seeds, tweets); a tweet is drawn with what all seeds made of it, so what the
    tweets have in common from seed to seed is not counted twice.
    """
    each = values.mean(axis=0)
    rng = np.random.default_rng(0)
    means = [each[rng.integers(0, len(each), len(each))].mean() for _ in range(RESAMPLES)]
    return [float(at) for at in np.percentile(means, [2.5, 97.5])]


def mean(values: Sequence[float]) -> dict[str, Any]:
    """A figure of all seeds."""
    return {"mean": float(np.mean(values)), "t95": t_interval(values), "seeds": list(values)}


def of_fits(
    fits: Sequence[dict[str, Any]], dev: Sequence[int], test: Sequence[int], n_labels: int
) -> dict[str, Any]:
    """The figures of one recipe with one learning rate, over the seeds."""
    points = sorted(fits[0]["test"])
    right = {point: _right(fits, point, test) for point in points}
    last = points[-1]
    f1 = {point: _macro_f1(fits, point, test, n_labels) for point in points}
    curve = [
        {"tweets": point * PER_STEP, "macro_f1": mean(f1[point])}
        | mean(right[point].mean(axis=1).tolist())
        for point in points
    ]
    final = [np.asarray(fit["test"][last]) for fit in fits]
    temperatures = [fit_temperature(fit["dev"], dev) for fit in fits]
    calmed = [scale_by_temperature(rows, t) for rows, t in zip(final, temperatures, strict=True)]
    found: dict[str, Any] = {
        "n_seeds": len(fits),
        "accuracy": mean(right[last].mean(axis=1).tolist())
        | {"tweets95": over_tweets(right[last])},
        "macro_f1": mean(f1[last]),
        "dev_accuracy": mean([_share(fit["dev"], dev) for fit in fits]),
        "temperature": mean(temperatures),
        "curve": curve,
        "losses": [fit["losses"] for fit in fits],
    }
    for name, figure in (
        ("ece", expected_calibration_error),
        ("nll", negative_log_likelihood),
        ("brier", brier_score),
    ):
        found[f"{name}_before"] = mean([figure(rows, test) for rows in final])
        found[f"{name}_after"] = mean([figure(rows, test) for rows in calmed])
    if all("generated" in fit for fit in fits):
        found["generated"] = _generated(fits, final, test)
    return found


def compared(
    first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]], test: Sequence[int]
) -> dict[str, Any]:
    """Accuracy of the second minus that of the first, seed by seed and tweet by tweet."""
    last = max(first[0]["test"])
    gap = _right(second, last, test) - _right(first, last, test)
    return mean(gap.mean(axis=1).tolist()) | {"tweets95": over_tweets(gap)}


def reached(figures: dict[str, Any], goal: float) -> dict[str, Any]:
    """Tweets seen when the mean accuracy was first at the goal, and when each seed's was."""
    curve = figures["curve"]
    seeds = [
        next((point["tweets"] for point in curve if point["seeds"][seed] >= goal), None)
        for seed in range(figures["n_seeds"])
    ]
    first = next((point["tweets"] for point in curve if point["mean"] >= goal), None)
    return {"tweets": first, "seeds": seeds}


def _right(fits: Sequence[dict[str, Any]], point: int, truth: Sequence[int]) -> NDArray[np.float64]:
    """Whether the likeliest label is the true one, (seeds, tweets)."""
    rows = np.stack([np.asarray(fit["test"][point]) for fit in fits])
    return np.asarray((rows.argmax(axis=2) == np.asarray(truth)), float)


def _macro_f1(
    fits: Sequence[dict[str, Any]], point: int, truth: Sequence[int], n_labels: int
) -> list[float]:
    predicted = [np.asarray(fit["test"][point]).argmax(axis=1).tolist() for fit in fits]
    return [float(macro_f1(confusion(truth, some, n_labels))) for some in predicted]


def _share(rows: Sequence[Sequence[float]], truth: Sequence[int]) -> float:
    return float((np.asarray(rows).argmax(axis=1) == np.asarray(truth)).mean())


def _generated(
    fits: Sequence[dict[str, Any]], final: list[NDArray[np.float64]], test: Sequence[int]
) -> dict[str, Any]:
    """The seed's own predictions beside the scored ones of the same models and tweets."""
    said = [np.asarray(fit["generated"]) for fit in fits]
    count = said[0].shape[1]
    truth = np.asarray(test[:count])
    scored = [float((rows[:count].argmax(axis=1) == truth).mean()) for rows in final]
    return {
        "tweets": count,
        "accuracy": mean([float((answers[0] == truth).mean()) for answers in said]),
        "scored_accuracy": mean(scored),
        "no_label": mean([float((answers[0] < 0).mean()) for answers in said]),
        "changed_on_second_call": mean([float((a[0] != a[1]).mean()) for a in said]),
    }
