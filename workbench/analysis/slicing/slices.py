"""Slices: groups of tweets of up to two conditions in which something happens more often.

All that are large enough are tested on all tweets, and have to stand out in each of two halves.
Slices that only share tweets with worse ones are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array
from scipy.stats import false_discovery_control

from workbench.analysis.measures.metrics import wilson
from workbench.analysis.slicing.slice_counts import (
    Flags,
    SliceCounts,
    count_slices,
    rows_in,
    tail,
)
from workbench.analysis.slicing.slice_rules import ConditionMatrix

FALSE_DISCOVERIES = 0.1
"""The share of slices that are shown and are none, at most and in the mean."""
KINDS = 2
"""Conditions alone and pairs, which are very many, are tested with a half of it each."""
MOST_COMPARED = 1_000
"""Slices of a kind that are compared with those before them."""
BESIDE = 0.05
"""The p-value of a slice beside those before it, shared among all that are compared so."""
ALIKE = 0.8
"""The Jaccard similarity from which two slices are the same for whoever reads them."""


@dataclass(frozen=True)
class Slice:
    """Tweets of one or two conditions, and how often it happened in the less clear half."""

    conditions: tuple[int, ...]
    """Columns of the matrix."""
    n: int
    """Tweets in both halves."""
    tested: int
    """Tweets in the half in which it stands out less, which confirms what the other has found."""
    hits: int
    """How many of these it happened to."""
    rate: float
    low: float
    high: float
    """The 95 % interval of the rate (Wilson 1927)."""
    p: float
    """Of all tweets."""
    adjusted: float
    """The p-value adjusted for all slices that were tested."""


def find_slices(
    matrix: ConditionMatrix, event: Flags, half: Flags, q: float = FALSE_DISCOVERIES
) -> list[Slice]:
    """The slices in which an event happens more often than elsewhere, the worst first.

    `event` and `half` are (tweets,): to which tweets it happened, and which are in the first half.
    Tests are Fisher's exact one, one-sided, on all tweets. Shown are the discoveries of Benjamini
    and Hochberg (1995, J. R. Stat. Soc. B 57:289) among conditions alone at half of `q`, and among
    pairs at the other half, if they stand out in both halves of the tweets, and beside the slices
    that are surer. The worst is that with the highest lower bound.
    """
    if not matrix.conditions or not 0 < event.sum() < len(event):
        return []
    columns = csc_array(matrix.holds)
    shown: list[_Shown] = []
    for counts in count_slices(matrix, event, half):
        shown += _discoveries(counts, columns, event, [each.rows for each in shown], q)
    ordered = sorted(shown, key=lambda each: (-each.found.low, each.found.p, each.found.conditions))
    return _once(ordered)


class _Shown(NamedTuple):
    found: Slice
    rows: Flags
    """Its tweets."""


def _discoveries(
    counts: SliceCounts, columns: csc_array, event: Flags, before: list[Flags], q: float
) -> list[_Shown]:
    """The slices of one condition each, or of two, that are worse beside those before them."""
    if not len(counts.p):
        return []
    adjusted = np.minimum(1, KINDS * false_discovery_control(counts.p, method="bh"))
    promising = np.flatnonzero(adjusted <= q)
    less = counts.of_halves[:, promising].max(axis=0)  # at a tie, rather than the order of columns
    keys = (*counts.conditions[promising].T[::-1], less, counts.p[promising])
    order = promising[np.lexsort(keys)]
    held, found = [*before], []
    for at in order[:MOST_COMPARED].tolist():
        each = _slice(counts, at, float(adjusted[at]))
        rows = rows_in(columns, each.conditions)
        if not held or _beside(rows, held, event) <= BESIDE / len(order):
            held.append(rows)
            found.append(_Shown(each, rows))
    return found


def _beside(rows: Flags, held: list[Flags], event: Flags) -> float:
    """The p-value of tweets beside other slices: of their own ones, or within those around them."""
    covered = np.any(held, axis=0)
    own = tail(rows & ~covered, ~covered, event)
    around = [outer for outer in held if 2 * (rows & outer).sum() >= rows.sum()]
    within = max((tail(rows & outer, outer, event) for outer in around), default=1.0)
    return min(1.0, 2 * min(own, within))


def _slice(counts: SliceCounts, at: int, adjusted: float) -> Slice:
    """A slice with the figures of the half in which it stands out less."""
    less = int(counts.of_halves[:, at].argmax())
    tested, hits = int(counts.sizes[less, at]), int(counts.hits[less, at])
    conditions, n = tuple(counts.conditions[at].tolist()), int(counts.sizes[:, at].sum())
    interval, p = wilson(hits, tested), float(counts.p[at])
    return Slice(conditions, n, tested, hits, hits / tested, *interval, p, adjusted)


def _once(found: list[_Shown]) -> list[Slice]:
    """The slices without those that hold nearly the same tweets as one before."""
    kept: list[_Shown] = []
    for each in found:
        overlaps = (((each.rows & o.rows).sum(), (each.rows | o.rows).sum()) for o in kept)
        if all(both < ALIKE * either for both, either in overlaps):
            kept.append(each)
    return [each.found for each in kept]


def halves(groups: NDArray[np.int64]) -> Flags:
    """Which rows are in the first half: whole groups, and the same ones each time.

    Mixes the numbers of the groups by the finaliser of SplitMix64 (Steele et al. 2014, OOPSLA).
    """
    mixed = np.asarray(groups).astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) & np.uint64(1), bool)
