"""Looking for slices in one half of the tweets: which conditions are worth a test on the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array
from scipy.stats import hypergeom

from workbench.analysis.slice_rules import WORD, ConditionMatrix

Flags = NDArray[np.bool_]
Sizes = NDArray[np.float32]
LEAST = 20
"""Tweets that a slice needs, half of them in each half."""
MOST_EXACT = 50_000
"""Slices with the largest excess of which the exact probability is computed."""
MOST_RANKED = 1_000
"""Slices that are compared with one another."""
MOST_TESTED = 15
"""Pairs that one half puts to the test on the other; more would make the test weaker."""
PROMISING = 0.05
WORSE_WITHIN = 0.01
"""The p-value from which a slice is worse than one that it lies in."""
SMALLER = 0.9
"""A second condition leaves at most this share of the tweets of the first one."""


@dataclass(frozen=True)
class Candidate:
    """A slice of the exploring half."""

    conditions: tuple[int, ...]
    p: float
    expected: float
    """How many slices of its kind would seem as bad by chance."""


@dataclass(frozen=True)
class Chosen:
    """A slice that is tested on the other half."""

    conditions: tuple[int, ...]
    within: tuple[int, ...] | None
    """The slice that it is a worse part of; None if it is worse by tweets of its own."""


def candidates(matrix: ConditionMatrix, event: Flags, explore: Flags) -> list[Candidate]:
    """The slices with an excess in the exploring half, the most surprising first.

    Single conditions, pairs with a word and pairs of words are kinds of their own, so that few of
    one are not lost among very many of another.
    """
    holds = matrix.holds
    inside, happened = csr_array(holds[explore]), event[explore]
    rows, events = len(happened), int(happened.sum())
    if not matrix.conditions or not 0 < events < rows:
        return []
    all_sizes = (holds.T @ holds).toarray()
    sizes = (inside.T @ inside).toarray()
    hits = (inside.T @ csr_array(inside * happened[:, None].astype(np.float32))).toarray()
    possible = np.triu(_large_enough(all_sizes, sizes))
    kinds = _kinds(matrix)
    share = events / rows
    spread = np.sqrt(np.maximum(sizes * share * (1 - share) * (rows - sizes) / max(1, rows - 1), 1))
    excess = np.where(possible, (hits - sizes * share) / spread, 0.0)
    ranked = np.argsort(-excess, axis=None, kind="stable")[:MOST_EXACT]
    first, second = np.unravel_index(ranked[excess.ravel()[ranked] > 1], excess.shape)
    p = np.atleast_1d(hypergeom.sf(hits[first, second] - 1, rows, events, sizes[first, second]))
    expected = p * np.bincount(kinds[possible], minlength=KINDS)[kinds[first, second]]
    found = [
        Candidate((int(a),) if a == b else (int(a), int(b)), float(value), float(by_chance))
        for a, b, value, by_chance in zip(first, second, p, expected, strict=True)
        if value <= PROMISING
    ]
    found.sort(key=lambda each: (each.expected, len(each.conditions), each.conditions))
    return found[:MOST_RANKED]


def _large_enough(all_sizes: Sizes, sizes: Sizes) -> Flags:
    """The (conditions, conditions) that have enough tweets in all and in each half.

    A pair has clearly less than each of its conditions; a single condition is on the diagonal.
    """
    least = LEAST / 2
    enough = (sizes >= least) & (all_sizes - sizes >= least) & (all_sizes >= LEAST)
    alone = np.diag(all_sizes)
    narrower = all_sizes <= SMALLER * np.minimum(alone[:, None], alone[None, :])
    np.fill_diagonal(narrower, True)
    return np.asarray(enough & narrower)


KINDS = 4


def _kinds(matrix: ConditionMatrix) -> NDArray[np.int64]:
    """The kind of each (condition, condition): words in a pair, or 3 for a single one."""
    words = np.array([condition.kind == WORD for condition in matrix.conditions], np.int64)
    kinds = words[:, None] + words[None, :]
    np.fill_diagonal(kinds, 3)
    return kinds


def distinct(found: list[Candidate], inside: csc_array, happened: Flags) -> list[Chosen]:
    """The candidates that say something beside the ones before them, in the exploring half.

    Single conditions explain pairs away, and do not count as pairs to be tested.
    """
    chosen: list[tuple[Chosen, Flags]] = []
    covered, pairs = np.zeros(len(happened), bool), 0
    for candidate in found:
        rows = rows_in(inside, candidate.conditions)
        within = None
        if tail(rows & ~covered, ~covered, happened) > PROMISING:
            outer = (other.conditions for other, held in chosen if is_worse(rows, held, happened))
            within = next(outer, None)
            if within is None:
                continue
        chosen.append((Chosen(candidate.conditions, within), rows))
        covered |= rows
        pairs += len(candidate.conditions) == 2
        if pairs == MOST_TESTED:
            break
    return [each for each, _ in chosen]


def is_worse(rows: Flags, outer: Flags, happened: Flags) -> bool:
    """Whether rows lie mostly within others, and it happens to them more often than to those."""
    both = rows & outer
    return bool(2 * both.sum() >= rows.sum()) and tail(both, outer, happened) <= WORSE_WITHIN


def tail(rows: Flags, among: Flags, happened: Flags) -> float:
    """The p-value of an excess in some rows among others; 1 of too few rows.

    Fisher's exact test (1935), one-sided: the hypergeometric tail.
    """
    size = int(rows.sum())
    if size < LEAST / 2:
        return 1.0
    hits, events = int((rows & happened).sum()), int((among & happened).sum())
    return min(1.0, float(hypergeom.sf(hits - 1, int(among.sum()), events, size)))


def rows_in(columns: csc_array, conditions: tuple[int, ...]) -> Flags:
    """The rows of which all these conditions hold, (rows,)."""
    found = np.ones(columns.shape[0], bool)
    for place in conditions:
        held = np.zeros(columns.shape[0], bool)
        held[_column(columns, place)] = True
        found &= held
    return found


def _column(columns: csc_array, place: int) -> Any:
    return columns.indices[columns.indptr[place] : columns.indptr[place + 1]]


def rows_of(matrix: ConditionMatrix, conditions: tuple[int, ...]) -> Flags:
    """The tweets of which all these conditions hold, (tweets,)."""
    return rows_in(csc_array(matrix.holds), conditions)
