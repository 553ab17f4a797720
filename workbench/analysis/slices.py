"""Slices: groups of tweets of up to two conditions in which something happens more often.

Found on one half of the tweets and confirmed on the other, so that looking at many conditions
does not make slices out of chance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array
from scipy.stats import false_discovery_control, hypergeom

from workbench.analysis.metrics import wilson
from workbench.analysis.slice_rules import WORD, ConditionMatrix

Flags = NDArray[np.bool_]
Sizes = NDArray[np.float32]
LEAST = 20
"""Tweets that a slice needs, half of them in each half."""
FALSE_DISCOVERIES = 0.1
"""The share of slices that are shown and are none, at most and in the mean."""
MOST_EXACT = 50_000
"""Slices with the largest excess of which the exact probability is computed."""
MOST_RANKED = 1_000
"""Slices that are compared with one another."""
MOST_TESTED = 15
"""Slices that one half puts to the test on the other; more would make the test weaker."""
PROMISING = 0.05
WORSE_WITHIN = 0.01
ALIKE = 0.8
"""The Jaccard similarity from which two slices are the same for whoever reads them."""
SMALLER = 0.9
"""A second condition leaves at most this share of the tweets of the first one."""


@dataclass(frozen=True)
class Slice:
    """Tweets of one or two conditions, and how often it happened in the confirming half."""

    conditions: tuple[int, ...]
    """Columns of the matrix."""
    n: int
    """Tweets in both halves."""
    tested: int
    """Tweets in the confirming half."""
    hits: int
    """How many of these it happened to."""
    rate: float
    low: float
    high: float
    """The 95 % interval of the rate (Wilson 1927)."""
    p: float
    adjusted: float
    """The p-value adjusted for all slices that were tested."""


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


def find_slices(
    matrix: ConditionMatrix, event: Flags, half: Flags, q: float = FALSE_DISCOVERIES
) -> list[Slice]:
    """The slices in which an event happens more often than elsewhere, the worst first.

    `event` and `half` are (tweets,): to which tweets it happened, and which are in the first half.
    What one half finds is tested on the other one by Fisher's exact test, one-sided (the
    hypergeometric tail), and the other way round; shown are the discoveries of Benjamini and
    Hochberg (1995, J. R. Stat. Soc. B 57:289) at `q` / 2 each way, which makes `q` for both. The
    worst is that with the highest lower bound.
    """
    found = [
        each
        for explore in (half, ~half)
        for each in _adjusted(_confirmed(matrix, event, explore))
        if each.adjusted <= q
    ]
    return _once(sorted(found, key=lambda each: (-each.low, each.p, each.conditions)), matrix)


def _adjusted(tested: list[Slice]) -> list[Slice]:
    """The slices that one half has tested, adjusted for their number and for the other way."""
    if not tested:
        return []
    values = false_discovery_control([each.p for each in tested], method="bh")
    pairs = zip(tested, values, strict=True)
    return [replace(each, adjusted=min(1.0, 2 * float(value))) for each, value in pairs]


def _confirmed(matrix: ConditionMatrix, event: Flags, explore: Flags) -> list[Slice]:
    """What the exploring half finds, as the other half has it.

    A slice has to be worse than the rest of that half, and to say something beside the slices
    before it there too.
    """
    candidates = _candidates(matrix, event, explore)
    chosen = _distinct(candidates, csc_array(matrix.holds[explore]), event[explore])
    columns, happened = csc_array(matrix.holds[~explore]), event[~explore]
    everywhere, covered = np.ones(len(happened), bool), np.zeros(len(happened), bool)
    found = []
    for each in chosen:
        rows = _rows(columns, each.conditions)
        tested, hits = int(rows.sum()), int((rows & happened).sum())
        p = _tail(rows, everywhere, happened)
        if each.within is None:
            p = max(p, _tail(rows & ~covered, ~covered, happened))
        else:
            outer = _rows(columns, each.within)
            p = max(p, _tail(rows & outer, outer, happened))
        covered |= rows
        n = int(rows_of(matrix, each.conditions).sum())
        interval = wilson(hits, tested)
        found.append(Slice(each.conditions, n, tested, hits, hits / tested, *interval, p, p))
    return found


def _once(found: list[Slice], matrix: ConditionMatrix) -> list[Slice]:
    """The slices without those that hold nearly the same tweets as one before."""
    kept: list[tuple[Slice, Flags]] = []
    for each in found:
        rows = rows_of(matrix, each.conditions)
        if all((rows & other).sum() < ALIKE * (rows | other).sum() for _, other in kept):
            kept.append((each, rows))
    return [each for each, _ in kept]


def _candidates(matrix: ConditionMatrix, event: Flags, explore: Flags) -> list[Candidate]:
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


def _distinct(candidates: list[Candidate], inside: csc_array, happened: Flags) -> list[Chosen]:
    """The candidates that say something beside the ones before them, in the exploring half."""
    chosen: list[tuple[Chosen, Flags]] = []
    covered = np.zeros(len(happened), bool)
    for candidate in candidates:
        rows = _rows(inside, candidate.conditions)
        within = None
        if _tail(rows & ~covered, ~covered, happened) > PROMISING:
            outer = (other.conditions for other, held in chosen if _is_worse(rows, held, happened))
            within = next(outer, None)
            if within is None:
                continue
        chosen.append((Chosen(candidate.conditions, within), rows))
        covered |= rows
        if len(chosen) == MOST_TESTED:
            break
    return [each for each, _ in chosen]


def _is_worse(rows: Flags, outer: Flags, happened: Flags) -> bool:
    """Whether rows lie mostly within others, and it happens to them more often."""
    both = rows & outer
    return bool(2 * both.sum() >= rows.sum()) and _tail(both, outer, happened) <= WORSE_WITHIN


def _tail(rows: Flags, among: Flags, happened: Flags) -> float:
    """The p-value of an excess in some rows among others; 1 of too few rows."""
    size = int(rows.sum())
    if size < LEAST / 2:
        return 1.0
    hits, events = int((rows & happened).sum()), int((among & happened).sum())
    return min(1.0, float(hypergeom.sf(hits - 1, int(among.sum()), events, size)))


def _rows(columns: csc_array, conditions: tuple[int, ...]) -> Flags:
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
    return _rows(csc_array(matrix.holds), conditions)


def halves(groups: NDArray[np.int64]) -> Flags:
    """Which rows are in the first half: whole groups, and the same ones each time.

    Mixes the numbers of the groups by the finaliser of SplitMix64 (Steele et al. 2014, OOPSLA).
    """
    mixed = np.asarray(groups).astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) & np.uint64(1), bool)
