"""Why a run answers a tweet as it does: its words, and the labelled tweets that are nearest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from storage.errors import UserError
from storage.query import tweets
from storage.query.alike import alike_labelled
from storage.runs.runs import Run
from storage.store import Store
from storage.tweet import Tweet
from workbench import kept_analyses
from workbench.analysis.texts.word_effects import Explanation, Score, explain
from workbench.kept_analyses import kept_or_made
from workbench.rundir.embeddings import has_embeddings

NEIGHBOURS = 5


def why(store: Store, run: Run, number: int, score: Score) -> dict[str, Any]:
    """What the answer of a run to a tweet hangs on, by a function that scores texts as it does.

    The run is asked once; what it said of this tweet is kept. Raises UserError if the tweet has no
    words.
    """
    tweet = tweets.tweet(store, number, run.id)
    if not tweet.text.strip():
        raise UserError(f"Tweet {number} has no words, so nothing can be said about them.")
    key = kept_analyses.explanation(number, run.id)
    told = kept_or_made(store, key, lambda: _words(run, tweet.text, score))
    nearest, measure = _nearest(store, run, tweet)
    about = {"tweet": number, "run": run.id, "label": tweet.label}
    return about | told | {"nearest": nearest, "nearest_by": measure}


def _words(run: Run, text: str, score: Score) -> dict[str, Any]:
    """What becomes of the answer without some of the words."""

    def fold(texts: Sequence[str]) -> list[tuple[float, ...]]:
        return [run.fold(tuple(row)) for row in score(texts)]

    found = explain(text, fold)
    return {
        "pred": run.labels[found.label],
        "probabilities": dict(zip(run.labels, found.probabilities, strict=True)),
        "words": [
            {"word": part.text, "start": part.start, "end": part.end, "effect": part.effect}
            for part in found.parts
        ],
        "smallest": _removal(run, found),
        "tried": found.tried,
    }


def _removal(run: Run, found: Explanation) -> dict[str, Any] | None:
    """The smallest set of words without which the answer is another."""
    if (removal := found.smallest) is None:
        return None
    return {
        "words": [found.parts[place].text for place in removal.parts],
        "text": removal.text,
        "pred": run.labels[removal.label],
        "probabilities": dict(zip(run.labels, removal.probabilities, strict=True)),
    }


def _nearest(store: Store, run: Run, tweet: Tweet) -> tuple[list[dict[str, Any]], str]:
    """The nearest labelled tweets that are no near-duplicates, and by what they are near."""
    ids = _nearest_by_embedding(store, run, tweet)
    measure = "embeddings"
    if ids is None:
        ids, measure = alike_labelled(store, tweet.text, tweet.group, NEIGHBOURS), "words"
    return [
        {"id": near.id, "label": near.label, "split": near.split, "text": near.text}
        for near in tweets.window(store, ids, run.id, None)
    ], measure


def _nearest_by_embedding(store: Store, run: Run, tweet: Tweet) -> list[int] | None:
    """By the cosine of the embeddings of a run; None if it has none, or none of the tweet."""
    if not has_embeddings(store.run_folder(run.id)):
        return None
    from workbench.evaluation.run_embeddings import embeddings_of  # reads tables, which takes time

    found = embeddings_of(store, run.id)
    if found is None or not (here := np.flatnonzero(found.ids == tweet.id)).size:
        return None
    vectors = found.vectors.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1)
    own = vectors[here[0]]
    cosines = vectors @ own / np.maximum(lengths * np.linalg.norm(own), 1e-12)
    ordered = found.ids[np.argsort(-cosines, kind="stable")].tolist()
    nearest: list[int] = []
    for start in range(0, len(ordered), 100):
        known = tweets.window(store, ordered[start : start + 100], run.id)
        nearest += [
            each.id
            for each in known
            if each.label is not None and not each.excluded and each.group != tweet.group
        ]
        if len(nearest) >= NEIGHBOURS:
            break
    return nearest[:NEIGHBOURS]
