"""Paired comparison of two classifiers: which is right more often, and whether that is chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from workbench.analysis.measures.metrics import Z


@dataclass(frozen=True)
class PairedCounts:
    """How often each of two classifiers is right about the same n rows."""

    both_right: int
    fixed: int
    """The first wrong, the second right."""
    broken: int
    """The first right, the second wrong."""
    both_wrong: int

    @property
    def n(self) -> int:
        """The number of rows."""
        return self.both_right + self.fixed + self.broken + self.both_wrong


def count_pairs(truth: ArrayLike, first: ArrayLike, second: ArrayLike) -> PairedCounts:
    """Count the rows by which of two predictions is right; all three are (rows,) label indices."""
    right = np.asarray(first) == np.asarray(truth), np.asarray(second) == np.asarray(truth)
    return PairedCounts(
        both_right=int((right[0] & right[1]).sum()),
        fixed=int((~right[0] & right[1]).sum()),
        broken=int((right[0] & ~right[1]).sum()),
        both_wrong=int((~right[0] & ~right[1]).sum()),
    )


def mcnemar(counts: PairedCounts) -> float:
    """The p-value of McNemar's exact test (1947, Psychometrika 12:153), two-sided; 1 of none.

    Of the rows on which one of the two is right, as many should be the first's as the second's.
    """
    from scipy.stats import binomtest  # takes half a second, and mostly the result is kept

    turned = counts.fixed + counts.broken
    return float(binomtest(counts.fixed, turned, 0.5).pvalue) if turned else 1.0


def difference(counts: PairedCounts) -> tuple[float, float, float]:
    """(second minus first accuracy, low, high): paired shares with a 95 % interval.

    The adjusted Wald interval of Agresti and Min (2005, Statistics in Medicine 24:729), which
    adds a half to each of the four counts; (0, -1, 1) of none.
    """
    if not counts.n:
        return 0.0, -1.0, 1.0
    fixed, broken, n = counts.fixed + 0.5, counts.broken + 0.5, counts.n + 2
    centre = (fixed - broken) / n
    half = Z * np.sqrt((fixed + broken) - (fixed - broken) ** 2 / n) / n
    exact = (counts.fixed - counts.broken) / counts.n
    return exact, max(-1.0, float(centre - half)), min(1.0, float(centre + half))
