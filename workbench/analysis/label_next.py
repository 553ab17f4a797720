"""Which tweets to label next: how unsure a model is of each, and batches that are not all alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from workbench.analysis.uncertainty import entropies, margins

BATCH = 20
"""Tweets that are labelled between two looks at the model."""
CANDIDATES = 10
"""From how many times a batch it is chosen, as in Zhdanov (2019)."""
MOST_COVERED = 5_000
"""So many tweets are clustered for a first batch; more would only take longer."""

Scores = NDArray[np.float64]
"""(rows,), a higher one is to be labelled sooner; NaN where nothing is known."""


def unsureness(probabilities: NDArray[np.float64], rule: str) -> Scores:
    """How unsure a model is of each row of (rows, labels) probabilities, by one of three rules.

    `margin`: 1 minus the lead of the likeliest label (Scheffer et al. 2001); `least-confidence`: 1
    minus its probability (Lewis and Gale 1994); `entropy`, in nats (Shannon 1948). Settles (2009),
    "Active Learning Literature Survey", sets them side by side. A row with a NaN has none.
    """
    known = np.isfinite(probabilities.sum(axis=1))
    scores = np.full(len(probabilities), np.nan)
    rows = probabilities[known]
    if not rows.size:
        return scores
    if rule == "margin":
        scores[known] = 1 - margins(rows)
    elif rule == "least-confidence":
        scores[known] = 1 - rows.max(axis=1)
    elif rule == "entropy":
        scores[known] = entropies(rows)
    else:
        raise ValueError(f"no rule {rule}")
    return scores


def disagreement(predictions: NDArray[np.float64]) -> Scores:
    """How far (runs, rows, labels) probabilities of several runs are apart, row by row, in nats.

    The Jensen-Shannon divergence (Lin 1991, IEEE Trans. Inf. Theory 37:145) over the runs that
    predict a row, those without a NaN; NaN where that are less than two. From 0 to log(runs).
    """
    runs, rows, labels = predictions.shape
    known = np.isfinite(predictions.sum(axis=2))
    count = known.sum(axis=0)
    filled = np.where(known[:, :, None], predictions, 0.0)
    mean = filled.sum(axis=0) / np.maximum(1, count)[:, None]
    own = entropies(filled.reshape(-1, labels)).reshape(runs, rows).sum(axis=0)
    apart = entropies(mean) - own / np.maximum(1, count)
    return np.where(count >= 2, np.maximum(0.0, apart), np.nan)


def distance_from(vectors: Any, known: Any) -> Scores:
    """How far each vector is from the nearest of the known ones: 1 minus their cosine.

    Both hold unit vectors, (rows, dimensions), dense or sparse. 1 where nothing is known.
    """
    if not known.shape[0]:
        return np.ones(vectors.shape[0])
    nearest = [
        np.asarray((part @ known.T).max(axis=1).todense()).ravel()
        if hasattr(part, "tocsr")
        else (part @ known.T).max(axis=1)
        for part in (vectors[at : at + 1_000] for at in range(0, vectors.shape[0], 1_000))
    ]
    return np.asarray(1 - np.concatenate([np.zeros(0), *nearest]), np.float64)


def lots(ids: Sequence[int] | NDArray[np.int64], seed: int = 0) -> NDArray[np.uint64]:
    """A number for each id that looks drawn by lot and is always the same for the same id.

    SplitMix64 (Steele et al. 2014, OOPSLA), so that a random order neither depends on which other
    tweets there are nor changes when some of them are labelled.
    """
    with np.errstate(over="ignore"):
        z = np.asarray(ids, np.int64).astype(np.uint64) + np.uint64(seed) * np.uint64(0x632BE5AB)
        z += np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)))


def best_first(scores: Scores, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of the rows, highest score first; ties by lot, rows without a score last."""
    order = np.lexsort((lots(ids), -np.nan_to_num(scores, nan=-np.inf)))
    return np.asarray(order, np.int64)


def first_of_each(groups: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """The places at which a group comes first, in order: one of several texts that are alike."""
    return np.sort(np.unique(np.asarray(groups, np.int64), return_index=True)[1])


def diverse_batch(scores: Scores, vectors: Any, size: int) -> NDArray[np.int64]:
    """The places of `size` rows that are unsure and unlike each other, best first.

    k-means over the rows with their scores as weights, and of each cluster the row nearest to its
    centre (Zhdanov 2019, arXiv:1901.05954). `vectors` are (rows, dimensions), dense or sparse;
    all rows where there are no more than `size`.
    """
    rows = len(scores)
    if rows > size:
        weights = np.maximum(scores, 1e-6)
        chosen = [place for place, _ in _nearest_to_centres(_coordinates(vectors), size, weights)]
    else:
        chosen = list(range(rows))
    return np.array(sorted(chosen, key=lambda place: (-scores[place], place)), np.int64)


def covering(vectors: Any, size: int) -> NDArray[np.int64]:
    """The places of `size` rows that stand for all, those of the largest clusters first.

    A first batch where nothing is labelled: the centres of k-means clusters, the typical texts
    (Hacohen et al. 2022, arXiv:2202.02794). Rows beyond MOST_COVERED are not looked at.
    """
    part = vectors[:MOST_COVERED]
    if part.shape[0] <= size:
        return np.arange(part.shape[0])
    dense = np.asarray(part.todense() if hasattr(part, "todense") else part, np.float64)
    found = _nearest_to_centres(dense, size, None)
    return np.array([place for place, _ in sorted(found, key=lambda one: (-one[1], one[0]))])


def mixed(
    queues: Mapping[str, Sequence[int]], weights: Mapping[str, float]
) -> Iterator[tuple[str, int, int]]:
    """Interleave queues by their weights: (queue, place in it from 1, tweet), each tweet once.

    The next one comes from the queue that is furthest behind its share (weighted fair queueing,
    Demers et al. 1989); a queue at its end leaves its share to the others.
    """
    given = {name: 0 for name in queues if weights.get(name, 0) > 0}
    places = dict.fromkeys(given, 0)
    taken: set[int] = set()
    while given:
        name = min(given, key=lambda one: (given[one] + 1) / weights[one])
        while places[name] < len(queues[name]) and queues[name][places[name]] in taken:
            places[name] += 1
        if places[name] == len(queues[name]):
            del given[name]
            continue
        tweet = queues[name][places[name]]
        places[name] += 1
        given[name] += 1
        taken.add(tweet)
        yield name, places[name], tweet


def _coordinates(vectors: Any) -> NDArray[np.float64]:
    """Points with the distances of a few vectors of many dimensions, in as many as there are rows.

    From the eigenvectors of their inner products (Torgerson 1952, Psychometrika 17:401).
    """
    products = vectors @ vectors.T
    if hasattr(products, "todense"):
        products = products.todense()
    with threadpool_limits(1):  # more only wait for one another where the matrix is small
        values, axes = np.linalg.eigh(np.asarray(products, np.float64))
    return np.asarray(axes * np.sqrt(np.maximum(values, 0)))


def _nearest_to_centres(
    points: NDArray[np.float64], size: int, weights: Scores | None
) -> list[tuple[int, int]]:
    """For each of `size` clusters the row nearest to its centre, and how many rows it has.

    Where points are equal there are fewer clusters, and the next rows make up for them.
    """
    distinct = len(np.unique(np.round(points, 9), axis=0))
    clusters = KMeans(min(size, distinct), n_init=1, max_iter=100, random_state=0)
    with threadpool_limits(1):
        distances = clusters.fit(points, sample_weight=weights).transform(points)
    found = []
    for cluster in range(clusters.n_clusters):
        members = np.flatnonzero(clusters.labels_ == cluster)
        if len(members):
            nearest = members[distances[members, cluster].argmin()]
            found.append((int(nearest), len(members)))
    had = {place for place, _ in found}
    rest = (place for place in range(len(points)) if place not in had)
    return found + [(place, 0) for place, _ in zip(rest, range(size - len(found)), strict=False)]
