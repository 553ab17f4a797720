"""Queues of tweets to label next: what the strongest model at hand is unsure of, and beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from storage.errors import UserError
from storage.newest_events import newest_event
from storage.query import tweets
from storage.runs import label_next, runs
from storage.runs.analyses import queue_basis
from storage.runs.suspect_ranking import ranking, stale
from storage.store import Store
from workbench.analysis.label_next import BATCH, first_of_each, lots, mixed
from workbench.evaluation.label_pool import Pool, read_pool
from workbench.evaluation.near_duplicate_groups import compare_new_tweets
from workbench.evaluation.queue_sources import JUDGING, SOURCES, source_at_hand

MIX = {"diverse": 0.70, "suspects": 0.15, "random": 0.15}
"""The share of each source in a mix."""
STRATEGIES = ("mix", *(name for name in SOURCES if name != "suspects"))
BLIND_SHARE = 0.1


class QueuedTweet(NamedTuple):
    """A place in a queue; `source` is what it was chosen by."""

    tweet: int
    score: float
    source: str
    blind: bool = False


@dataclass(frozen=True)
class Queue:
    """A queue as it was made: its tweets, best first, and what is to be known about it."""

    strategy: str
    run: int | None
    """By whose predictions; None where none were used, or a baseline was fitted for it."""
    tweets: tuple[QueuedTweet, ...]
    pool: int
    notes: tuple[str, ...]


def make_queue(
    store: Store,
    strategy: str = "mix",
    limit: int = BATCH,
    number: int | None = None,
    weights: Mapping[str, float] = MIX,
    blind_share: float = BLIND_SHARE,
) -> Queue:
    """Make a queue of tweets to label next by the labels as they are, and keep it in the store.

    `number` names the run that chooses, by default the strongest that predicts tweets without a
    label. It is never empty: without predictions a baseline is fitted, without labels clusters are
    covered, and where all is labelled there are the suspects. A share of the tweets, by lot, is to
    be labelled blind, but of no suspects, as being one says what the model thinks. Raises UserError
    where there is nothing to label or review.
    """
    if not store.read_only:
        compare_new_tweets(store)
    event = newest_event(store)
    asked = (
        {name for name, weight in weights.items() if weight} if strategy == "mix" else {strategy}
    )
    pool = read_pool(store, number, judged=not JUDGING.isdisjoint(asked))
    if strategy == "mix":
        wanted: dict[str, float] = defaultdict(float)
        for name, weight in weights.items():
            wanted[source_at_hand(pool, name)] += weight
        sources = {name: SOURCES[name](pool, limit) for name in wanted if wanted[name]}
        _say_missing(pool, sources)
        scores = {(n, tweet): score for n, rows in sources.items() for tweet, score in rows}
        names = {n: [tweet for tweet, _ in rows] for n, rows in sources.items()}
        chosen = [
            QueuedTweet(tweet, scores[name, tweet], name) for name, _, tweet in mixed(names, wanted)
        ]
    else:
        name = source_at_hand(pool, strategy)
        chosen = [QueuedTweet(*row, name) for row in SOURCES[name](pool, limit)]
    if not chosen:
        chosen = _instead(pool, strategy, limit)
    groups = label_next.groups_of(store, [one.tweet for one in chosen])
    chosen = [chosen[place] for place in first_of_each(groups)]  # of suspects some may be alike
    hidden = lots([one.tweet for one in chosen], seed=1) / 2**64 < blind_share
    found = [
        one._replace(blind=bool(blind) and pool.run is not None and one.source != "suspects")
        for one, blind in zip(chosen, hidden, strict=True)
    ][:limit]
    run = None if pool.run is None else pool.run.id
    if not store.read_only:
        runs.save_queue(store, strategy, found, run, event)
    return Queue(strategy, run, tuple(found), len(pool.rows), tuple(pool.notes))


def kept_queue(store: Store, strategy: str, limit: int) -> Queue:
    """A queue as it was made last, without what was decided since, and whether it is stale.

    Raises UserError if it never was.
    """
    basis = queue_basis(store, strategy)
    if basis is None:
        raise UserError(f"The queue {strategy!r} was never made; leave --kept out to make it.")
    entries = label_next.open_entries(store, strategy, limit)
    why = label_next.stale_queue(store, strategy)
    notes = (f"The queue is stale ({why}); without --kept it is made anew.",) if why else ()
    found = tuple(QueuedTweet(e.tweet, e.score, e.source, e.blind) for e in entries)
    return Queue(strategy, basis.run, found, label_next.pool_size(store), notes)


def _say_missing(pool: Pool, sources: Mapping[str, Sequence[Any]]) -> None:
    if "suspects" not in sources:
        return
    if not sources["suspects"] and ranking(pool.store) is None:
        pool.notes.append(
            "No suspects are ranked, so their share goes to the others; `workbench suspects` ranks "
            "them."
        )
    elif why := stale(pool.store):
        pool.notes.append(
            f"The ranking of the suspects is stale ({why}); `workbench suspects` ranks anew."
        )


def _instead(pool: Pool, strategy: str, limit: int) -> list[QueuedTweet]:
    """What there is to do where a queue has nothing; raises UserError if there is nothing."""
    others = ("random", "suspects") if strategy != "random" else ("suspects",)
    for name in others:
        if rows := SOURCES[name](pool, limit):
            what = "tweets by lot" if name == "random" else "the suspects"
            pool.notes.append(f"The queue {strategy!r} has nothing; these are {what}.")
            return [QueuedTweet(*row, name) for row in rows]
    if not tweets.counts(pool.store).tweets:
        raise UserError("The workspace is empty; `workbench import FILE` brings tweets.")
    raise UserError(
        "Every tweet of train and dev has a label, and no suspects are left; import more tweets, "
        "or have the labels ranked anew with `workbench suspects`."
    )
