"""Selective prediction: how accurate the answers are if only the surest ones are given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.measures.metrics import wilson

COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)


@dataclass(frozen=True)
class CoveragePoint:
    """The answers with at least a confidence."""

    coverage: float
    """The share of the rows that are answered."""
    threshold: float
    """The least confidence of an answer."""
    n: int
    accuracy: float
    low: float
    high: float
    """The 95 % interval of the accuracy (Wilson 1927)."""


@dataclass(frozen=True)
class CoverageCurve:
    """Coverage and accuracy over all thresholds at which both change."""

    coverage: NDArray[np.float64]
    """(thresholds,) rising to 1."""
    threshold: NDArray[np.float64]
    answered: NDArray[np.int64]
    right: NDArray[np.int64]

    def at(self, coverage: float) -> CoveragePoint:
        """The fewest answers that cover at least this share of the rows."""
        place = int(np.searchsorted(self.coverage, coverage))
        return self._point(min(place, len(self.coverage) - 1))

    def for_accuracy(self, accuracy: float) -> CoveragePoint | None:
        """The most answers that are at least this accurate; None if none are."""
        reached = np.flatnonzero(self.right / self.answered >= accuracy)
        return self._point(int(reached[-1])) if len(reached) else None

    def _point(self, place: int) -> CoveragePoint:
        n, right = int(self.answered[place]), int(self.right[place])
        threshold = float(self.threshold[place])
        return CoveragePoint(
            float(self.coverage[place]), threshold, n, right / n, *wilson(right, n)
        )


def coverage_curve(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> CoverageCurve:
    """The risk-coverage curve (El-Yaniv and Wiener 2010, JMLR 11:1605), as accuracies.

    `confidence` and `right` are (rows,). Rows of equal confidence are answered together. Raises
    ValueError if there is no row.
    """
    if not len(confidence):
        raise ValueError("a coverage curve needs rows")
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    answered = last + 1
    return CoverageCurve(
        answered / len(ordered),
        np.asarray(ordered[last], np.float64),
        answered,
        np.cumsum(right[order].astype(np.int64))[last],
    )


def coverage_table(curve: CoverageCurve) -> list[CoveragePoint]:
    """The points at the usual coverages, all answers first, each once."""
    return list(dict.fromkeys(curve.at(coverage) for coverage in COVERAGES))
