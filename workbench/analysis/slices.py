"""Slices: groups of tweets of up to two conditions in which something happens more often.

Conditions alone are few, so all are tested on all tweets. Pairs are very many: those that one half
of the tweets finds are tested on the other one, so that looking at many does not make slices out of
chance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array
from scipy.stats import false_discovery_control, hypergeom

from workbench.analysis.metrics import wilson
from workbench.analysis.slice_rules import ConditionMatrix
from workbench.analysis.slice_search import (
    LEAST,
    PROMISING,
    Flags,
    candidates,
    distinct,
    is_worse,
    rows_in,
    rows_of,
    tail,
)

FALSE_DISCOVERIES = 0.1
"""The share of slices that are shown and are none, at most and in the mean."""
OF_CONDITIONS, OF_PAIRS = 1 / 2, 1 / 4
"""How much of it conditions alone may use, and pairs that each of the two halves finds."""
ALIKE = 0.8
"""The Jaccard similarity from which two slices are the same for whoever reads them."""


@dataclass(frozen=True)
class Slice:
    """Tweets of one or two conditions, and how often it happened in the confirming half.

    Of a condition alone that is the half in which it stands out less.
    """

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
    """Of all tweets for a condition alone, of the confirming half for a pair.

    It is that against all others, or that against those beside slices before it, if larger.
    """
    adjusted: float
    """The p-value adjusted for all slices that were tested."""


def find_slices(
    matrix: ConditionMatrix, event: Flags, half: Flags, q: float = FALSE_DISCOVERIES
) -> list[Slice]:
    """The slices in which an event happens more often than elsewhere, the worst first.

    `event` and `half` are (tweets,): to which tweets it happened, and which are in the first half.
    Tests are Fisher's exact one, one-sided (the hypergeometric tail). Shown are the discoveries of
    Benjamini and Hochberg (1995, J. R. Stat. Soc. B 57:289) among conditions alone at half of `q`,
    if they stand out in both halves, and among the pairs that each half has found at a quarter,
    tested on the other half: `q` in all. The worst is that with the highest lower bound.
    """
    found = [
        *_alone(matrix, event, half, q),
        *_confirmed(matrix, event, half, q),
        *_confirmed(matrix, event, ~half, q),
    ]
    told = [each for each in found if not _told_by_one(each, found, matrix, event)]
    return _once(sorted(told, key=lambda each: (-each.low, each.p, each.conditions)), matrix)


def _discoveries(tested: list[Slice], share: float, q: float) -> list[Slice]:
    """Of slices that were tested together, with a share of `q`, those that are shown."""
    if not tested:
        return []
    values = false_discovery_control([each.p for each in tested], method="bh")
    found = [
        replace(each, adjusted=min(1.0, float(value) / share))
        for each, value in zip(tested, values, strict=True)
    ]
    return [each for each in found if each.adjusted <= q]


def _alone(matrix: ConditionMatrix, event: Flags, half: Flags, q: float) -> list[Slice]:
    """The single conditions that stand out in both halves and say something beside each other."""
    tested = _conditions_alone(matrix, event, half)
    promising = {each.conditions for each in _discoveries(tested, OF_CONDITIONS, q)}
    columns = csc_array(matrix.holds)
    covered = np.zeros(len(event), bool)
    held: list[Flags] = []
    beside: list[Slice] = []
    for each in sorted(tested, key=lambda each: (each.p, each.conditions)):
        p = each.p
        if each.conditions in promising:
            rows = rows_in(columns, each.conditions)
            p = max(p, _beside(rows, covered, held, event))
            if not all(_stands_out(rows & part, part, event) for part in (half, ~half)):
                p = 1.0
            if p <= PROMISING:
                held.append(rows)
                covered |= rows
        beside.append(replace(each, p=p))
    return _discoveries(beside, OF_CONDITIONS, q)


def _beside(rows: Flags, covered: Flags, held: list[Flags], event: Flags) -> float:
    """The p-value of tweets beside slices before them: of their own ones, or within one of them."""
    own = tail(rows & ~covered, ~covered, event)
    if own > PROMISING and any(is_worse(rows, other, event) for other in held):
        return 0.0
    return own


def _conditions_alone(matrix: ConditionMatrix, event: Flags, half: Flags) -> list[Slice]:
    """Each single condition with enough tweets, and the figures of the half that it is less in."""
    parts = (half, ~half)
    sizes, hits = (
        np.array([matrix.holds[part & of].sum(axis=0) for part in parts])
        for of in (np.ones(len(event), bool), event)
    )
    enough = np.flatnonzero((sizes >= LEAST / 2).all(axis=0) & (sizes.sum(axis=0) >= LEAST))
    sizes, hits = sizes[:, enough].astype(int), hits[:, enough].astype(int)
    n, events = len(event), int(event.sum())
    of_all = hypergeom.sf(hits.sum(axis=0) - 1, n, events, sizes.sum(axis=0))
    of_parts = np.array(
        [
            hypergeom.sf(hit - 1, int(part.sum()), int((part & event).sum()), size)
            for part, hit, size in zip(parts, hits, sizes, strict=True)
        ]
    )
    less = of_parts.argmax(axis=0)
    found = []
    for at, (place, part) in enumerate(zip(enough.tolist(), less.tolist(), strict=True)):
        tested, hit = int(sizes[part, at]), int(hits[part, at])
        p, size = min(1.0, float(of_all[at])), int(sizes[:, at].sum())
        rate, interval = hit / tested, wilson(hit, tested)
        found.append(Slice((place,), size, tested, hit, rate, *interval, p, p))
    return found


def _stands_out(rows: Flags, among: Flags, event: Flags) -> bool:
    """Whether it happens to some rows more often than to all among which they are."""
    return bool(event[rows].mean() > event[among].mean())


def _confirmed(matrix: ConditionMatrix, event: Flags, explore: Flags, q: float) -> list[Slice]:
    """The pairs that the exploring half finds and the other half confirms.

    A pair has to be worse than the rest of that half, and to say something beside the slices
    before it there too.
    """
    inside = csc_array(matrix.holds[explore])
    chosen = distinct(candidates(matrix, event, explore), inside, event[explore])
    columns, happened = csc_array(matrix.holds[~explore]), event[~explore]
    everywhere, covered = np.ones(len(happened), bool), np.zeros(len(happened), bool)
    tested = []
    for each in chosen:
        rows = rows_in(columns, each.conditions)
        if len(each.conditions) == 2:
            if each.within is None:
                beside = tail(rows & ~covered, ~covered, happened)
            else:
                outer = rows_in(columns, each.within)
                beside = tail(rows & outer, outer, happened)
            p = max(tail(rows, everywhere, happened), beside)
            size, hits = int(rows.sum()), int((rows & happened).sum())
            n, rate = int(rows_of(matrix, each.conditions).sum()), hits / size
            interval = wilson(hits, size)
            tested.append(Slice(each.conditions, n, size, hits, rate, *interval, p, p))
        covered |= rows
    return _discoveries(tested, OF_PAIRS, q)


def _told_by_one(each: Slice, found: list[Slice], matrix: ConditionMatrix, event: Flags) -> bool:
    """Whether a pair is no worse than one of its conditions, which is shown itself."""
    if len(each.conditions) == 1:
        return False
    rows = rows_of(matrix, each.conditions)
    alone = (rows_of(matrix, (place,)) for place in each.conditions if _is_found(place, found))
    return any(tail(rows, outer, event) > PROMISING for outer in alone)


def _is_found(place: int, found: list[Slice]) -> bool:
    return any(each.conditions == (place,) for each in found)


def _once(found: list[Slice], matrix: ConditionMatrix) -> list[Slice]:
    """The slices without those that hold nearly the same tweets as one before."""
    kept: list[tuple[Slice, Flags]] = []
    for each in found:
        rows = rows_of(matrix, each.conditions)
        if all((rows & other).sum() < ALIKE * (rows | other).sum() for _, other in kept):
            kept.append((each, rows))
    return [each for each, _ in kept]


def halves(groups: NDArray[np.int64]) -> Flags:
    """Which rows are in the first half: whole groups, and the same ones each time.

    Mixes the numbers of the groups by the finaliser of SplitMix64 (Steele et al. 2014, OOPSLA).
    """
    mixed = np.asarray(groups).astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) & np.uint64(1), bool)
