"""The labels that are most likely wrong, ranked by the votes of runs, texts and embeddings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from storage.errors import MissingPrerequisite, UserError
from storage.runs import runs
from storage.runs.analyses import label_state, read_analysis, save_analysis
from storage.runs.suspect_ranking import SUSPECTS, voting_runs
from storage.store import Store
from storage.transactions import transaction
from workbench.analysis.label_errors.label_noise import given_is_right
from workbench.analysis.label_errors.voters import Judgement, judge
from workbench.analysis.label_errors.votes import nearest
from workbench.evaluation.suspect_votes import Votes, collect_votes

MOST_EXPLAINED = 1_000
"""Suspects, from the first on, with which the reasons are kept."""
NEIGHBOURS_SHOWN = 4


class RankedTweet(NamedTuple):
    """A place in a queue of tweets; higher scores come first."""

    tweet: int
    score: float
    source: str
    """The runs that vote, such as `run 3 baseline, run 5 fast`."""


@dataclass(frozen=True)
class SuspectRanking:
    """The suspects, and by whom they were ranked."""

    run: int
    """The run whose predictions are shown beside them."""
    tweets: list[RankedTweet]
    details: dict[str, Any]
    """What is kept beside it: the voters, the noise matrix and the reasons; JSON."""

    @property
    def voters(self) -> list[str]:
        """The names of those who voted, with a weight that is not 0."""
        return [voter["name"] for voter in self.details["voters"] if voter["weight"] >= 0.005]


def rank_suspects(
    store: Store,
    number: int | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> SuspectRanking:
    """Rank labels by how likely they are wrong, and keep the ranking as the queue `suspects`.

    The promoted run, or else the newest baseline, votes with what else there is; a run that is
    named votes alone. A ranking that was kept and is not stale is not made again. Raises UserError
    if no run has out-of-sample predictions, MissingPrerequisite if a baseline would help.
    """
    wanted = voting_runs(store) if number is None else [runs.get(store, number).id]
    alone = number is not None
    if (kept := _kept(store, wanted, alone)) is not None:
        return kept
    if not wanted:
        what = "There is no finished baseline run yet"
        raise MissingPrerequisite(
            what, "baseline", "start one with `workbench train --recipe baseline`"
        )
    state = label_state(store)
    votes = collect_votes(store, wanted, alone, progress)
    if not votes.runs:
        raise _no_votes(store, wanted)
    judged = judge(votes.cast, votes.tweets.labels)
    scores = 1 - given_is_right(judged.noise.posterior, votes.tweets.labels)
    voted = [~np.isnan(vote.probabilities[:, 0]) for vote in votes.cast]
    order = np.argsort(-scores, kind="stable")
    order = order[np.any(voted, axis=0)[order]]
    source = ", ".join(votes.runs)
    ids = votes.tweets.ids.tolist()
    found = SuspectRanking(
        next(iter(votes.runs.values())).id,
        [RankedTweet(ids[place], float(scores[place]), source) for place in order.tolist()],
        _details(votes, judged, order[:MOST_EXPLAINED], alone),
    )
    if not store.read_only:
        others = [run for run in wanted if run != found.run]
        with transaction(store.db):
            runs.save_queue(store, SUSPECTS, found.tweets, found.run, state.event, others)
            save_analysis(store, SUSPECTS, {}, found.details, state, wanted, reads_tweets=True)
    return found


def _kept(store: Store, wanted: list[int], alone: bool) -> SuspectRanking | None:
    """The ranking as it was kept, if it still stands."""
    kept = read_analysis(store, SUSPECTS, {}, wanted)
    if (
        kept is None
        or kept.stale
        or kept.result["alone"] != alone
        or kept.runs[:1] != (*wanted[:1],)
    ):
        return None
    rows = runs.queue(store, SUSPECTS)
    ranked = [RankedTweet(row.tweet, row.score, row.source) for row in rows]
    return SuspectRanking(kept.result["run"], ranked, kept.result) if ranked else None


def _no_votes(store: Store, wanted: list[int]) -> UserError:
    run = runs.get(store, wanted[0])
    other = "" if run.kind == "baseline" else ", and --run names the run that it makes"
    if run.kind == "imported":
        other += (
            "; or import its predictions again with --out-of-sample, if its model was trained "
            "on none of these tweets"
        )
    return MissingPrerequisite(
        f"Run {run.id} has no out-of-sample predictions for labelled tweets",
        "baseline",
        f"`workbench train --recipe baseline --wait` makes some in seconds{other}",
    )


def _details(
    votes: Votes, judged: Judgement, places: NDArray[np.int64], alone: bool
) -> dict[str, Any]:
    """What is kept of a ranking for those who ask why, for the suspects in some places."""
    tweets, weights = votes.tweets, judged.weights.tolist()
    own = {name: run.id for name, run in votes.runs.items()}
    near: Any = [[]] * len(places)
    if votes.points is not None:
        columns, cosines = nearest(votes.points, places, NEIGHBOURS_SHOWN)
        near = [
            [[int(tweets.ids[c]), round(float(s), 3)] for c, s in zip(*row, strict=True)]
            for row in zip(columns, cosines, strict=True)
        ]
    reasons = {}
    for place, neighbours in zip(places.tolist(), near, strict=True):
        slope = None if votes.slopes is None else float(votes.slopes[place])
        reasons[str(tweets.ids[place])] = {
            "given": int(tweets.labels[place]),
            "says": [_says(vote.probabilities[place], tweets.labels[place]) for vote in votes.cast],
            "near": neighbours,
            "slope": slope,
        }
    return {
        "run": next(iter(votes.runs.values())).id,
        "alone": alone,
        "labels": list(tweets.names),
        "voters": [
            {"name": vote.name, "weight": round(weight, 4), "run": own.get(vote.name)}
            for vote, weight in zip(votes.cast, weights, strict=True)
        ],
        "noise": np.round(judged.noise.matrix, 4).tolist(),
        "reasons": reasons,
    }


def _says(row: NDArray[np.float64], given: int) -> list[float] | None:
    """The probability of the given label, the place of the likeliest one and its probability."""
    if np.isnan(row).any():
        return None
    best = int(row.argmax())
    return [round(float(row[given]), 3), best, round(float(row[best]), 3)]
