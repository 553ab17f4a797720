"""How often something happens in each slice of up to two conditions, counted at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array
from scipy.stats import hypergeom

from workbench.analysis.slicing.slice_rules import ConditionMatrix

Flags = NDArray[np.bool_]
LEAST = 20
"""Tweets that a slice needs, half of them in each half."""
SMALLER = 0.9
"""A second condition leaves at most this share of the tweets of the first one."""


@dataclass(frozen=True)
class SliceCounts:
    """The slices with enough tweets, of one condition each or of two; arrays are (slices,)."""

    conditions: NDArray[np.int64]
    """(slices, 1 or 2) columns of the matrix."""
    sizes: NDArray[np.int64]
    """(halves, slices) tweets."""
    hits: NDArray[np.int64]
    """(halves, slices) to how many of them it happened."""
    p: NDArray[np.float64]
    """Of an excess among all tweets by Fisher's exact test; 1 if it does not show in each half."""
    of_halves: NDArray[np.float64]
    """(halves, slices) that of each half."""


def count_slices(
    matrix: ConditionMatrix, event: Flags, half: Flags
) -> tuple[SliceCounts, SliceCounts]:
    """The conditions alone, and the pairs of which the second leaves clearly less of the first."""
    parts = (half, ~half)
    sizes = np.stack([_together(matrix.holds[part]) for part in parts])
    hits = np.stack([_together(matrix.holds[part & event]) for part in parts])
    enough = (sizes >= LEAST / 2).all(axis=0) & (sizes.sum(axis=0) >= LEAST)
    alone = np.flatnonzero(np.diag(enough))
    of_all = sizes.sum(axis=0)
    narrower = of_all <= SMALLER * np.minimum(*np.meshgrid(np.diag(of_all), np.diag(of_all)))
    paired = np.argwhere(np.triu(enough & narrower, 1))
    totals = np.array([[part.sum(), (part & event).sum()] for part in parts])
    return (
        _tested(alone[:, None], sizes[:, alone, alone], hits[:, alone, alone], totals),
        _tested(paired, sizes[:, *paired.T], hits[:, *paired.T], totals),
    )


def _together(holds: Any) -> NDArray[np.int64]:
    """In how many tweets each two conditions hold together; each alone is on the diagonal."""
    return np.asarray((holds.T @ holds).toarray(), np.int64)


def _tested(
    conditions: NDArray[np.int64],
    sizes: NDArray[np.int64],
    hits: NDArray[np.int64],
    totals: NDArray[np.int64],
) -> SliceCounts:
    (n, events), of_halves = totals.sum(axis=0), []
    for size, hit, (tweets, happened) in zip(sizes, hits, totals, strict=True):
        of_halves.append(hypergeom.sf(hit - 1, tweets, happened, size))
    excess = (hits * totals[:, :1] > sizes * totals[:, 1:]).all(axis=0)
    p = hypergeom.sf(hits.sum(axis=0) - 1, n, events, sizes.sum(axis=0))
    return SliceCounts(
        conditions, sizes, hits, np.where(excess, np.minimum(p, 1), 1.0), np.array(of_halves)
    )


def tail(rows: Flags, among: Flags, happened: Flags) -> float:
    """The p-value of an excess in some rows among others; 1 of too few rows.

    Fisher's exact test (1935), one-sided: the hypergeometric tail.
    """
    size = int(rows.sum())
    if size < LEAST / 2:
        return 1.0
    hits, events = int((rows & happened).sum()), int((among & happened).sum())
    return min(1.0, float(hypergeom.sf(hits - 1, int(among.sum()), events, size)))


def rows_of(matrix: ConditionMatrix, conditions: tuple[int, ...]) -> Flags:
    """The tweets of which all these conditions hold, (tweets,)."""
    return rows_in(csc_array(matrix.holds), conditions)


def rows_in(columns: csc_array, conditions: tuple[int, ...]) -> Flags:
    """The rows of which all these conditions hold, (rows,)."""
    found = np.ones(columns.shape[0], bool)
    for place in conditions:
        held = np.zeros(columns.shape[0], bool)
        held[columns.indices[columns.indptr[place] : columns.indptr[place + 1]]] = True
        found &= held
    return found
