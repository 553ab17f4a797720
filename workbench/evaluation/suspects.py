"""The labels that are most likely wrong, ranked by the predictions of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from storage.errors import UserError
from storage.newest_events import newest_event
from storage.runs import runs
from storage.runs.predictions import predictions_of
from storage.runs.runs import Run
from storage.runs.suspect_ranking import SUSPECTS, ranking_run
from storage.store import Store
from workbench.analysis.label_noise import given_is_right
from workbench.analysis.voters import Vote, judge


class RankedTweet(NamedTuple):
    """A place in a queue of tweets; higher scores come first."""

    tweet: int
    score: float
    source: str
    """Where the score comes from, such as `run 3 baseline`."""


class _Labelled(NamedTuple):
    """A labelled tweet with an out-of-sample prediction."""

    tweet: int
    label: int
    """The index of its label among those of the run."""
    probabilities: Sequence[float]


def rank_suspects(store: Store, number: int | None = None) -> list[RankedTweet]:
    """Rank labels by how likely they are wrong, and keep the ranking as the queue `suspects`.

    Uses the out-of-sample predictions of a run: by default of the promoted one, or else of the
    newest baseline, which has them for every labelled tweet. Raises UserError if there are none.
    """
    wanted = number if number is not None else ranking_run(store)
    run = runs.latest(store, ("baseline",)) if wanted is None else runs.get(store, wanted)
    ranked = rank_suspects_by(store, run)
    if not ranked:
        other = "" if run.kind == "baseline" else ", and --run names the run that it makes"
        if run.kind == "imported":
            other += (
                "; or import its predictions again with --out-of-sample, if its model was trained "
                "on none of these tweets"
            )
        raise UserError(
            f"Run {run.id} has no out-of-sample predictions for labelled tweets; "
            f"`workbench train --recipe baseline --wait` makes some in seconds{other}."
        )
    return ranked


def rank_suspects_by(store: Store, run: Run) -> list[RankedTweet]:
    """Rank the suspects by a run and keep the ranking; empty without out-of-sample predictions."""
    index, event = {label: place for place, label in enumerate(run.labels)}, newest_event(store)
    rows = [
        _Labelled(tweet, index[label], row)
        for tweet, label, _, in_sample, row in predictions_of(store, run.id)
        if label in index and not in_sample
    ]
    if not rows:
        return []
    probabilities = np.array([row.probabilities for row in rows])
    labels = np.array([row.label for row in rows])
    judged = judge([Vote(run.recipe, 1.0, probabilities)], labels)
    scores = 1 - given_is_right(judged.noise.posterior, labels)
    source = f"run {run.id} {run.recipe}"
    ranked = [
        RankedTweet(rows[place].tweet, float(scores[place]), source)
        for place in np.argsort(-scores, kind="stable")
    ]
    if not store.read_only:
        runs.save_queue(store, SUSPECTS, ranked, run.id, event)
    return ranked
