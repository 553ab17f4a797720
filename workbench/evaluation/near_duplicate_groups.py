"""Finding the nearly equal texts of a workspace and making groups of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from storage import groups
from storage.errors import UserError
from storage.query import tweets
from storage.store import Store
from storage.transactions import read_transaction
from workbench.analysis.texts.near_duplicates import (
    BANDS,
    candidates,
    components,
    nearly_equal,
    sketches,
)

PAIRS = 5_000
MOST_TRIES = 20
"""How many imports may end during a comparison before it is given up."""


@contextmanager
def all_compared(store: Store) -> Iterator[None]:
    """Read the store at one moment at which all of its tweets are compared, whoever imports.

    Nothing can be written in the block. Raises UserError when tweets keep coming in.
    """
    for _ in range(MOST_TRIES):
        compare_new_tweets(store)
        with read_transaction(store.db):
            if not groups.count_uncompared(store):
                yield
                return
    raise UserError("Tweets keep coming in; repeat this when the imports have ended.")


def compare_new_tweets(store: Store, progress: Callable[[int], None] = lambda done: None) -> int:
    """Compare the tweets that are new with all others; returns how many joined a group.

    `progress` takes how many new tweets are done. Does nothing when there are none.
    """
    if not groups.count_uncompared(store):
        return 0
    done = 0
    for rows in groups.without_sketch(store):
        made = sketches([text for _, text in rows])
        pairs = zip(rows, made, strict=True)
        groups.save_sketches(store, [(tweet, bands.tobytes()) for (tweet, _), bands in pairs])
        done += len(rows)
        progress(done)
    known = np.frombuffer(b"".join(groups.sketches(store)), np.uint64).reshape(-1, BANDS)
    near = _nearly_equal_pairs(store, candidates(known) + 1)
    found = components(len(known) + 1, [*near, *groups.followers(store, len(known))])
    return groups.merge_groups(store, found, compared=len(known))


def _nearly_equal_pairs(store: Store, pairs: NDArray[np.int64]) -> list[tuple[int, int]]:
    """The pairs of ids whose texts really are nearly equal."""
    near = []
    for at in range(0, len(pairs), PAIRS):
        part = pairs[at : at + PAIRS].tolist()
        texts = tweets.texts(store, sorted({tweet for pair in part for tweet in pair}))
        near += [(a, b) for a, b in part if nearly_equal(texts[a], texts[b])]
    return near
