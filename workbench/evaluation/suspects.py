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
from storage.runs.suspect_ranking import SUSPECTS, other_recipes, ranking_run
from storage.store import Store
from workbench.analysis.label_noise import given_is_right
from workbench.analysis.voters import Vote, judge


class RankedTweet(NamedTuple):
    """A place in a queue of tweets; higher scores come first."""

    tweet: int
    score: float
    source: str
    """Where the score comes from, such as `run 3 baseline, run 5 fast`."""


MOST_RUNS = 4
"""Runs that rank together; each one's predictions are read anew."""


class _RunVote(NamedTuple):
    """The out-of-sample predictions of a run for labelled tweets."""

    run: Run
    labels: dict[int, int]
    """The label of each tweet, as its index among those of the run."""
    rows: dict[int, Sequence[float]]


def rank_suspects(store: Store, number: int | None = None) -> list[RankedTweet]:
    """Rank labels by how likely they are wrong, and keep the ranking as the queue `suspects`.

    Uses the out-of-sample predictions of a run, or by default of the promoted one, or else of the
    newest baseline, which has them for every labelled tweet, and of others that have as many.
    Raises UserError if there are none.
    """
    wanted = number if number is not None else ranking_run(store)
    run = runs.latest(store, ("baseline",)) if wanted is None else runs.get(store, wanted)
    ranked = rank_suspects_by(store, run, alone=number is not None)
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


def rank_suspects_by(store: Store, run: Run, alone: bool = False) -> list[RankedTweet]:
    """Rank the suspects by a run and keep the ranking; empty without out-of-sample predictions.

    The newest run of each other recipe ranks with it, unless it shall be `alone`, if it has such
    predictions for at least half as many tweets.
    """
    event, first = newest_event(store), _vote(store, run)
    if not first.rows:
        return []
    votes = [first]
    for number in [] if alone else other_recipes(store, run.id, MOST_RUNS - 1):
        vote = _vote(store, runs.get(store, number))
        if vote.run.labels == run.labels and 2 * len(vote.rows) >= len(first.rows):
            votes.append(vote)
    given = {tweet: label for vote in votes for tweet, label in vote.labels.items()}
    tweets, labels = sorted(given), np.array([given[tweet] for tweet in sorted(given)])
    nothing = [np.nan] * len(run.labels)
    judged = judge(
        [
            Vote(vote.run.recipe, 1.0, np.array([vote.rows.get(t, nothing) for t in tweets]))
            for vote in votes
        ],
        labels,
    )
    scores = 1 - given_is_right(judged.noise.posterior, labels)
    source = ", ".join(f"run {vote.run.id} {vote.run.recipe}" for vote in votes)
    ranked = [
        RankedTweet(tweets[place], float(scores[place]), source)
        for place in np.argsort(-scores, kind="stable")
    ]
    if not store.read_only:
        runs.save_queue(store, SUSPECTS, ranked, run.id, event)
    return ranked


def _vote(store: Store, run: Run) -> _RunVote:
    index = {label: place for place, label in enumerate(run.labels)}
    vote = _RunVote(run, {}, {})
    for tweet, label, _, in_sample, row in predictions_of(store, run.id):
        if label in index and not in_sample:
            vote.labels[tweet], vote.rows[tweet] = index[label], row
    return vote
