"""What the queue can be made of: suspects, close calls, disagreements, tweets by lot, conflicts."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from storage.newest_events import newest_event
from storage.plurals import counted
from storage.query import tweets
from storage.query.tweets import shown_run
from storage.runs import label_next, runs, suspect_ranking
from storage.runs.analyses import queue_basis
from storage.runs.displayed_run import require_predictions
from storage.runs.review_queues import disputed, likely_errors, open_suspects
from storage.store import Store, open_store
from workbench.runs.description import describe_recipe

LIMIT = 100
"""Tweets of a queue that has no end of its own."""
MOST_SUSPECTS = 500
OPEN = "reviewed:no -flag:excluded -flag:ambiguous"
"""The filter of the tweets that nobody has decided about."""
SUSPECTS = "suspects"
ENGINE_STRATEGIES = ("margin", "disagreement", "random")
"""What `workbench queue` chooses among the tweets without a label, where there are some."""
KINDS = {
    SUSPECTS: "labels that are likely wrong",
    "margin": "where the model is least sure between two labels",
    "disagreement": "where the model says another label than the given one",
    "random": "by lot, which tells how many labels are wrong",
    "conflicts": "equal texts, or judgements, with several labels",
    "adjudicate": "tweets on which annotators differ, the closest first",
}
AMONG_UNLABELLED = {
    "disagreement": "tweets without a label on which runs differ",
    "random": "by lot, among the tweets without a label",
}
"""What those are as long as there are tweets without a label."""


@dataclass(frozen=True)
class ReviewQueue:
    """The tweets of a queue when it was made, none of them decided then."""

    kind: str
    ids: tuple[int, ...] = ()
    run: int | None = None
    basis: str = ""
    """What it was made by, in words."""
    stale: str = ""
    """Why it would be another one if it were made anew."""
    event: int = 0
    """The newest event when it was made; what is decided later, is decided in it."""
    blind: frozenset[int] = frozenset()
    blind_every: int = 0
    """Of so many tweets one is shown without the prediction until it has an answer; 0: none."""
    more: int = 0
    """Tweets that there was no room for, which follow when it is made anew."""
    kept: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """The votes that were kept with the ranking, of suspects."""


def meanings(store: Store) -> dict[str, str]:
    """What each kind of queue goes through now, in words."""
    counts = tweets.counts(store)  # a look at the pool would read the whole workspace
    if counts.labelled == counts.tweets:
        return KINDS
    among = AMONG_UNLABELLED.items()
    return KINDS | {kind: words for kind, words in among if _is_made_of_unlabelled(store, kind)}


def _is_made_of_unlabelled(store: Store, kind: str) -> bool:
    """Whether a queue is of tweets without a label, where there are some.

    Those on which runs differ take two runs; a single one can only differ from given labels.
    """
    if kind != "disagreement":
        return kind in ENGINE_STRATEGIES
    return sum(bool(run.predictions) for run in runs.every(store, metrics=False)) > 1


def hidden_of(ids: Sequence[int], every: int) -> frozenset[int]:
    """The tweets of a queue that are shown without the prediction, one of so many; 0: none."""
    return frozenset(ids[every - 1 :: every] if every else ())


def first_kind(store: Store) -> str:
    """The queue to begin with: by lot where no tweet has a label, so that none can be wrong."""
    counts = tweets.counts(store)
    return "random" if counts.tweets and not counts.labelled else SUSPECTS


def read_queue(folder: Path, kind: str, blind: bool) -> ReviewQueue:
    """Make a queue from what the store has; called in a thread.

    Raises MissingPrerequisite where something has to be made first.
    """
    store = open_store(folder)
    try:
        event = newest_event(store)
        queue = replace(_READERS[kind](store), event=event)
        every = store.config.queue_blind_every if blind and queue.run else 0
        return replace(queue, blind=hidden_of(queue.ids, every), blind_every=every)
    finally:
        store.close()


def _suspects(store: Store) -> ReviewQueue:
    suspect_ranking.require_ranking(store)
    known = suspect_ranking.ranking(store)
    run = known.run if known is not None else None
    expected = likely_errors(store).expected
    found = open_suspects(store, expected)
    ids, more = tuple(found[:MOST_SUSPECTS]), max(0, len(found) - MOST_SUSPECTS)
    others = len(known.runs) - 1 if known is not None else 0
    basis = _by(store, run) + (f", with {counted(others, 'other run')}" if others > 0 else "")
    kept, stale = suspect_ranking.kept_reasons(store, ids), suspect_ranking.stale(store)
    return ReviewQueue(SUSPECTS, ids, run, basis, stale, more=more, kept=kept)


def _unlabelled(kind: str) -> Callable[[Store], ReviewQueue]:
    """Tweets without a label as `workbench queue` has chosen them, or labelled ones by an order."""

    def read(store: Store) -> ReviewQueue:
        if (unlabelled := _without_label(store, kind)) is not None:
            return unlabelled
        run = shown_run(store)
        if kind == "random":
            left = tweets.listing(store, OPEN)
            ids = tuple(random.Random(len(left)).sample(left, min(LIMIT, len(left))))  # noqa: S311
            more = len(left) - len(ids)
            return ReviewQueue(kind, ids, run, "not looked at yet", more=more)
        require_predictions(store, run, "no tweet can be chosen by them")
        wanted = f"{OPEN} disagree:yes" if kind == "disagreement" else OPEN
        return _first(kind, tweets.listing(store, wanted, kind, run), run, _by(store, run))

    return read


def _without_label(store: Store, kind: str) -> ReviewQueue | None:
    """The queue as `workbench queue` has made it; None where there is nothing for it."""
    pool = label_next.pool_size(store) if _is_made_of_unlabelled(store, kind) else 0
    if not pool or (made := queue_basis(store, kind)) is None:
        return None
    ids = tuple(entry.tweet for entry in label_next.open_entries(store, kind, LIMIT))
    if kind == "disagreement" and not ids:
        return None  # then the labels are left from which the shown run differs
    more = 0 if kind == "disagreement" else pool - len(ids)
    by = _by(store, made.run, ", ")
    return ReviewQueue(kind, ids, made.run, f"without a label{by}", more=more)


def _conflicts(store: Store) -> ReviewQueue:
    found = tweets.listing(store, f"conflict:yes {OPEN}")
    return _first("conflicts", found, shown_run(store), "several labels")


def _disputed(store: Store) -> ReviewQueue:
    return _first("adjudicate", disputed(store), shown_run(store), "the closest first")


def _first(kind: str, found: Sequence[int], run: int | None, basis: str) -> ReviewQueue:
    """As many of the tweets as a queue holds, and how many there are besides."""
    more = max(0, len(found) - LIMIT)
    return ReviewQueue(kind, tuple(found[:LIMIT]), run, basis, more=more)


def _by(store: Store, run: int | None, before: str = "") -> str:
    if run is None:
        return ""
    made = runs.get(store, run)
    fold = ", out of fold" if made.kind == "baseline" else ""
    return f"{before}r{run} {describe_recipe(made.kind, made.recipe)}{fold}"


_READERS: dict[str, Callable[[Store], ReviewQueue]] = {
    SUSPECTS: _suspects,
    **{kind: _unlabelled(kind) for kind in ENGINE_STRATEGIES},
    "conflicts": _conflicts,
    "adjudicate": _disputed,
}


def preparation(store: Store, kind: str, anew: bool) -> Sequence[str]:
    """The command that has to be run before a queue can be read; empty where none has.

    Suspects that are ranked already are shown as they are, unless they are asked for anew.
    """
    if kind == SUSPECTS:
        missing = suspect_ranking.ranking(store) is None
        ranks = not store.read_only and suspect_ranking.ranking_run(store) is not None
        if ranks and (missing or (anew and suspect_ranking.stale(store))):
            return ("suspects", "--limit", "1")
    elif store.read_only or not _is_made_of_unlabelled(store, kind):
        return ()
    elif label_next.pool_size(store):
        return ("queue", "--strategy", kind, "--limit", str(LIMIT))
    return ()
