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
from workbench.analysis import baseline
from workbench.analysis.word_effects import Explanation, Score, explain
from workbench.evaluation.run_embeddings import embeddings_of
from workbench.rundir import folder as run_folder
from workbench.rundir import tables

NEIGHBOURS = 5


def why(store: Store, run: Run, number: int, score: Score) -> dict[str, Any]:
    """What the answer of a run to a tweet hangs on, by a function that scores texts as it does.

    Raises UserError if the tweet has no words.
    """
    tweet = tweets.tweet(store, number, run.id)
    if not tweet.text.strip():
        raise UserError(f"Tweet {number} has no words, so nothing can be said about them.")

    def fold(texts: Sequence[str]) -> list[tuple[float, ...]]:
        return [run.fold(tuple(row)) for row in score(texts)]

    found = explain(tweet.text, fold)
    nearest, measure = _nearest(store, run, tweet)
    return {
        "tweet": number,
        "run": run.id,
        "label": tweet.label,
        "pred": run.labels[found.label],
        "probabilities": dict(zip(run.labels, found.probabilities, strict=True)),
        "words": [
            {"word": part.text, "start": part.start, "end": part.end, "effect": part.effect}
            for part in found.parts
        ],
        "smallest": _removal(run, found),
        "tried": found.tried,
        "nearest": nearest,
        "nearest_by": measure,
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


def baseline_score(store: Store, run: Run, without: int | None = None) -> Score:
    """Scores texts by a baseline as a run fits it, but without a tweet and its copies if named.

    So what is said of that tweet is not what its own label has taught. Raises UserError if the
    folder of the run is damaged or gone.
    """
    folder = store.run_folder(run.id)
    job = run_folder.read_job(folder)
    if job.recipe.logistic is None:
        raise UserError(f"{folder} is not a baseline run.")
    regularisation = job.recipe.logistic.regularisation
    train, labels = tables.read_examples(folder / run_folder.TRAIN, job.labels)
    left_out = set() if without is None else _texts_of_group(store, without)
    kept = [place for place, text in enumerate(train.texts) if text not in left_out]

    def score(asked: Sequence[str]) -> list[list[float]]:
        rows: list[list[float]] = baseline.predict(
            [train.texts[place] for place in kept],
            [labels[place] for place in kept],
            asked,
            len(job.labels),
            regularisation,
        ).tolist()
        return rows

    return score


def _texts_of_group(store: Store, number: int) -> set[str]:
    """The texts of a tweet and of its near-duplicates."""
    copies = tweets.duplicates(store, tweets.tweet(store, number).group)
    return set(tweets.texts(store, copies).values())
