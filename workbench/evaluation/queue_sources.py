"""The sources of queues: each is one way to choose tweets of the pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from storage.history import decisions
from storage.query import tweets
from storage.runs import label_next as stored
from storage.runs import runs
from storage.runs.predictions import probabilities_of
from storage.runs.suspect_ranking import SUSPECTS, ranking
from storage.runs.training_set import training
from workbench.analysis.label_next import (
    BATCH,
    CANDIDATES,
    Scores,
    best_first,
    covering,
    disagreement,
    distance_from,
    diverse_batch,
    first_of_each,
    lots,
)
from workbench.analysis.texts.text_features import latent_points, unit_rows, word_vectors
from workbench.evaluation.label_pool import Pool
from workbench.evaluation.run_embeddings import embeddings_of

RULES = ("margin", "least-confidence", "entropy")
COMPARED_RUNS = 3
"""So many of the newest runs say whether they disagree."""
MOST_CLUSTERED = 2_000
"""So many tweets, by lot, are clustered for a first batch."""
AXES = 50
"""Dimensions of the points of words that are clustered."""
Rows = list[tuple[int, float]]
"""Tweets with their scores, best first."""


def _unsure(pool: Pool, limit: int, rule: str) -> Rows:
    return _best(pool, pool.scores(rule), limit)


def _best(pool: Pool, scores: Scores, limit: int) -> Rows:
    known = [place for place in best_first(scores, pool.ids) if np.isfinite(scores[place])]
    return [(pool.rows[place].tweet, float(scores[place])) for place in known[:limit]]


def _diverse(pool: Pool, limit: int) -> Rows:
    """Batches that are unsure and unlike each other, one after the other."""
    scores = pool.scores("margin")
    order = [place for place in best_first(scores, pool.ids) if np.isfinite(scores[place])]
    if not order:
        return []
    vectors = _vectors(pool, [pool.rows[p].tweet for p in order[: limit + CANDIDATES * BATCH]])
    found: Rows = []
    left = list(range(min(len(order), limit + CANDIDATES * BATCH)))
    while left and len(found) < limit:
        near = np.array(left[: CANDIDATES * BATCH])
        own = scores[np.array(order)[near]]
        batch = near[diverse_batch(own, vectors[near], min(BATCH, limit - len(found)))]
        found += [(pool.rows[order[p]].tweet, float(scores[order[p]])) for p in batch]
        left = [place for place in left if place not in set(batch.tolist())]
    return found


def _vectors(pool: Pool, ids: Sequence[int]) -> Any:
    """Unit vectors of tweets: the embeddings of a run that has all of them, else TF-IDF.

    Those of the run that chooses, or where none does, of the newest run with any.
    """
    known = [run for run in runs.every(pool.store, metrics=False) if run.predictions]
    for run in known if pool.run is None else [pool.run]:
        embeddings = embeddings_of(pool.store, run.id)
        if embeddings is None:
            continue
        place = {tweet: number for number, tweet in enumerate(embeddings.ids.tolist())}
        if all(tweet in place for tweet in ids):
            rows = np.asarray(embeddings.vectors[[place[t] for t in ids]], np.float32)
            return unit_rows(rows)
    texts = tweets.texts(pool.store, list(ids))
    return word_vectors([texts[tweet] for tweet in ids])


def _cover(pool: Pool, limit: int) -> Rows:
    """Tweets that stand for clusters of the pool, for a first batch."""
    by_lot = [pool.rows[place].tweet for place in np.argsort(lots(pool.ids))[:MOST_CLUSTERED]]
    if not by_lot:
        return []
    vectors = _vectors(pool, by_lot)
    points = vectors if isinstance(vectors, np.ndarray) else latent_points(vectors, AXES)
    places = covering(points, limit)
    return [(by_lot[place], 1 - rank / len(places)) for rank, place in enumerate(places)]


def _disagreement(pool: Pool, limit: int) -> Rows:
    covered = stored.runs_of_pool(pool.store)
    newest = sorted(covered, reverse=True)[:COMPARED_RUNS]
    labels = list(pool.store.config.labels)
    p = np.full((len(newest), len(pool.rows), len(labels)), np.nan)
    for place, number in enumerate(newest):
        run = runs.get(pool.store, number)
        columns = [labels.index(name) if name in labels else -1 for name in run.labels]
        known = probabilities_of(pool.store, number, pool.ids)
        for row, tweet in enumerate(pool.ids):
            if tweet in known:
                p[place, row] = 0
                for column, value in zip(columns, known[tweet], strict=True):
                    if column >= 0:
                        p[place, row, column] = value
    return _best(pool, disagreement(p), limit)


def _forgotten(pool: Pool, limit: int) -> Rows:
    known = [run for run in runs.every(pool.store, metrics=False) if run.predictions]
    if len(known) < 2:
        pool.notes.append("Nothing can be forgotten before there are two runs with predictions.")
        return []
    after, before = known[0].id, known[1].id
    rows = list(stored.forgotten(pool.store, before, after))
    kept = first_of_each([row.group for row in rows])
    return [(rows[place].tweet, rows[place].confidence) for place in kept][:limit]


def _novel(pool: Pool, limit: int) -> Rows:
    """The tweets that are least like any training tweet."""
    if not pool.rows:
        return []
    train, dev = training(pool.store)
    known = [example.id for example in (*train, *dev)]
    vectors = _vectors(pool, [*pool.ids, *known])
    away = distance_from(vectors[: len(pool.rows)], vectors[len(pool.rows) :])
    return _best(pool, away, limit)


def _random(pool: Pool, limit: int) -> Rows:
    drawn = lots(pool.ids)
    order = np.argsort(drawn, kind="stable")[:limit]
    return [(pool.rows[place].tweet, float(1 - drawn[place] / 2**64)) for place in order]


def _suspects(pool: Pool, limit: int) -> Rows:
    """The suspects as they are ranked, without those that are decided about."""
    known = ranking(pool.store)
    if known is None:
        return []
    done = decisions.decided(pool.store, known.run)
    entries = {e.tweet: e.score for e in runs.queue(pool.store, SUSPECTS) if e.tweet not in done}
    left = stored.suspects_left(pool.store, list(entries))[:limit]
    return [(tweet, entries[tweet]) for tweet in left]


SOURCES: dict[str, Callable[[Pool, int], Rows]] = {
    "diverse": _diverse,
    **{rule: partial(_unsure, rule=rule) for rule in RULES},
    "disagreement": _disagreement,
    "forgotten": _forgotten,
    "novel": _novel,
    "random": _random,
    "cover": _cover,
    "suspects": _suspects,
}
"""Gives at most so many tweets of the pool, for a mix or for a queue of its own."""
UNSURE = frozenset(("diverse", *RULES))
"""The sources that ask a model; where none answers, clusters are covered instead."""
JUDGING = UNSURE | {"disagreement"}


def source_at_hand(pool: Pool, name: str) -> str:
    """The source that can stand for the one that is wanted."""
    if name == "disagreement" and len(stored.runs_of_pool(pool.store)) < 2:
        pool.notes.append("Less than two runs predict tweets without a label; this is by margin.")
        name = "margin"
    return "cover" if name in UNSURE and not pool.judged else name
