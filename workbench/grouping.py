"""Finding the nearly equal texts of a workspace and making groups of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from storage import groups
from storage.store import Store
from workbench.analysis.near_duplicates import (
    BANDS,
    THRESHOLD,
    candidates,
    components,
    similarity,
    sketches,
)

PAIRS = 5_000


def compare(store: Store, progress: Callable[[int], None] = lambda done: None) -> int:
    """Compare the tweets that are new with all others; returns how many joined a group.

    `progress` is told how many new tweets are done. Does nothing when there are none.
    """
    if not groups.waiting(store):
        return 0
    done = 0
    for rows in groups.unsketched(store):
        made = sketches([text for _, text in rows])
        pairs = zip(rows, made, strict=True)
        groups.keep_sketches(store, [(tweet, bands.tobytes()) for (tweet, _), bands in pairs])
        done += len(rows)
        progress(done)
    known = np.frombuffer(b"".join(groups.sketches(store)), np.uint64).reshape(-1, BANDS)
    near = _near(store, candidates(known) + 1)
    found = components(len(known) + 1, [*near, *groups.followers(store)])
    return groups.join(store, found, compared=len(known))


def _near(store: Store, pairs: NDArray[np.int64]) -> list[tuple[int, int]]:
    """The pairs of ids whose texts really are nearly equal."""
    near = []
    for at in range(0, len(pairs), PAIRS):
        part = pairs[at : at + PAIRS].tolist()
        texts = groups.texts(store, sorted({tweet for pair in part for tweet in pair}))
        near += [(a, b) for a, b in part if similarity(texts[a], texts[b]) >= THRESHOLD]
    return near
