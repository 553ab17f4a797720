"""Shares and their differences as they are printed, each with its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.analysis.measures.metrics import wilson

FEWEST = 20
"""Labels below which nothing is said of a hundred."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval, and of how many observations it is; None of none."""

    value: float | None
    low: float
    high: float
    n: int


def share(successes: int, trials: int) -> Estimate:
    """A share with the interval of Wilson (1927)."""
    value = successes / trials if trials else None
    return Estimate(value, *wilson(successes, trials), trials)


def difference_of_shares(first: tuple[int, int], second: tuple[int, int]) -> Estimate:
    """The second minus the first of two independent shares, each as (successes, trials).

    With the interval of Newcombe (1998, Statistics in Medicine 17:873), his method 10, which puts
    together those of Wilson. None, and from -1 to 1, where one has no trials.
    """
    (a, n), (b, m) = first, second
    if not n or not m:
        return Estimate(None, -1.0, 1.0, n + m)
    p, q = a / n, b / m
    (p_low, p_high), (q_low, q_high) = wilson(a, n), wilson(b, m)
    low = q - p - math.hypot(q - q_low, p_high - p)
    high = q - p + math.hypot(q_high - q, p - p_low)
    return Estimate(q - p, low, high, n + m)


def per_hundred(change: Estimate, changes: int) -> Estimate:
    """A change of accuracy by 100 labels that were changed for it.

    None for less than FEWEST, from which it would be a guess.
    """
    if changes < FEWEST or change.value is None:
        return Estimate(None, -math.inf, math.inf, changes)
    scale = 100 / changes
    return Estimate(change.value * scale, change.low * scale, change.high * scale, changes)


def total(changes: Sequence[Estimate]) -> Estimate:
    """The sum of changes; half the width of its interval is the root of the sum of their squares.

    That takes them as independent, the usual propagation of errors (Taylor 1997, section 3.5).
    """
    known = [change for change in changes if change.value is not None]
    value = math.fsum(change.value or 0.0 for change in known)
    below = math.hypot(*((change.value or 0.0) - change.low for change in known))
    above = math.hypot(*(change.high - (change.value or 0.0) for change in known))
    n = sum(change.n for change in known)
    return Estimate(value if known else None, value - below, value + above, n)
