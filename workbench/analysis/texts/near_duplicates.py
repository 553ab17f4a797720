"""Texts that are nearly equal: MinHash over character shingles (Broder 1997), banded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from storage.text import normalise

SHINGLE = 5
"""Characters of a shingle."""
NUMBER = re.compile(r"\b\d+\b")
THRESHOLD = 0.85
"""Texts whose shingles have at least this Jaccard similarity are nearly equal."""
LANES, BANDS = 64, 16
"""Hash values of a text, 16 bits each (Li and König 2010), and the bands they are put in."""
SURELY_LESS = 0.7
"""Share of equal hash values below which the similarity is hardly ever THRESHOLD: more than three
standard deviations, sqrt(0.85 * 0.15 / 64), less."""

Sketches = NDArray[np.uint64]
"""A row per text with BANDS numbers of four hash values each."""


def sketches(texts: Sequence[str]) -> Sketches:
    """The MinHash sketches that are compared instead of texts, an array of shape (texts, BANDS)."""
    import xxhash
    from datasketch import MinHash

    sets = ([piece.encode("utf-8", "surrogatepass") for piece in shingles(t)] for t in texts)
    hashes = MinHash.generator(sets, num_perm=LANES, hashfunc=xxhash.xxh32_intdigest)
    rows = np.empty((len(texts), LANES), np.uint16)
    for row, hashed in zip(rows, hashes, strict=True):
        row[:] = hashed.hashvalues & 0xFFFF
    return rows.view(np.uint64)


def shingles(text: str) -> set[str]:
    """The runs of SHINGLE characters of a text, after folding case, links, users and spaces."""
    folded = normalise(text)
    return {folded[at : at + SHINGLE] for at in range(max(1, len(folded) - SHINGLE + 1))}


def nearly_equal(one: str, other: str) -> bool:
    """Whether two texts say the same: nearly the same shingles, and the same numbers.

    Another price or percentage makes another tweet, however alike the rest is.
    """
    return NUMBER.findall(one) == NUMBER.findall(other) and similarity(one, other) >= THRESHOLD


def similarity(one: str, other: str) -> float:
    """The similarity of the shingles of two texts (Jaccard 1912), from 0 to 1."""
    first, second = shingles(one), shingles(other)
    return len(first & second) / len(first | second)


def candidates(rows: Sketches) -> NDArray[np.int64]:
    """Pairs of rows that may be nearly equal, an array of shape (pairs, 2).

    Within a band, texts with the same value are paired with the next one, which is enough to hold
    a group together; pairs whose sketches differ too much are left out.
    """
    found = []
    for band in range(BANDS):
        ordered = np.argsort(rows[:, band], kind="stable")
        same = rows[ordered[1:], band] == rows[ordered[:-1], band]
        found.append(np.stack([ordered[:-1][same], ordered[1:][same]], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    lanes = rows.view(np.uint16).reshape(len(rows), LANES)
    equal = np.empty(len(pairs))
    for at in range(0, len(pairs), 100_000):
        part = pairs[at : at + 100_000]
        equal[at : at + 100_000] = (lanes[part[:, 0]] == lanes[part[:, 1]]).mean(axis=1)
    return pairs[equal >= SURELY_LESS]


def components(size: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The groups of rows that pairs hold together, without those of one row only."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    members: dict[int, list[int]] = {}
    for row in np.unique(edges):
        members.setdefault(int(labels[row]), []).append(int(row))
    return list(members.values())
