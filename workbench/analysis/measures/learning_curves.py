"""What the course of a loss says of a training run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

Course = Sequence[tuple[int, float]]
"""(step, value) in the order of the steps."""
LEAST_POINTS = 8
STILL_FALLS = 0.95
"""A loss whose last third is below this share of the first third is falling."""
DIVERGED = 1.5
OVERFIT = 1.05


def plateau_since(course: Course) -> int | None:
    """The step since which a loss no longer falls, if that is half of the run or more.

    No falling trend by Kendall's tau (Mann 1945, Econometrica 13:245; one-sided, 5 %), and the last
    third at most 5 % below the first. None also of fewer than LEAST_POINTS values.
    """
    steps, values = _arrays(course)
    for share in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
        start = int(share * len(values))
        part = values[start:]
        if len(part) < LEAST_POINTS:
            return None
        third = len(part) // 3
        fallen = np.median(part[-third:]) < STILL_FALLS * np.median(part[:third])
        trend = kendalltau(np.arange(len(part)), part, alternative="less").pvalue
        if not fallen and not trend < 0.05:
            return int(steps[start])
    return None


def diverged_since(course: Course) -> int | None:
    """The step since which a loss stays above its least value by half, smoothed by medians.

    A rule of thumb of this program: noise of a batch seldom stays so high for a tenth of a run.
    """
    steps, values = _arrays(course)
    if len(values) < LEAST_POINTS:
        return None
    window = max(3, len(values) // 10)
    smooth = np.array(
        [np.median(values[max(0, at - window + 1) : at + 1]) for at in range(len(values))]
    )
    within = np.flatnonzero(smooth <= DIVERGED * smooth.min())
    since = int(within[-1]) + 1
    return int(steps[since]) if since < len(steps) else None


def overfit_since(course: Course) -> int | None:
    """The step with the least dev loss, if the last dev loss is more than 5 % above it.

    The generalisation loss GL_5 of Prechelt (1998, Early stopping - but when?).
    """
    steps, values = _arrays(course)
    if len(values) < 2:
        return None
    best = int(values.argmin())
    return int(steps[best]) if values[-1] > OVERFIT * values[best] else None


def _arrays(course: Course) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    steps = np.array([step for step, _ in course], np.int64)
    return steps, np.array([value for _, value in course], np.float64)
