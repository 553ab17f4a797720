"""What queues of tweets to label next are made from: the pool, and what runs say about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from storage.newest_events import newest_relabelling
from storage.predicates import REVIEWS, event_of_run, is_decided
from storage.runs.analyses import queue_basis
from storage.runs.runs import QueueEntry
from storage.runs.training_set import MAY_TRAIN
from storage.store import Store

POOL = f"c.label IS NULL AND {MAY_TRAIN}"
"""SQL for: a tweet has no label, and would be in the training set if it had one."""
IN_POOL = f"(SELECT c.tweet FROM current c WHERE {POOL})"
SOURCE_LABELS = f"SELECT e.tweet {REVIEWS} AND a.source = :source AND e.new IS NOT NULL"


class PoolTweet(NamedTuple):
    """A tweet without a label, and how sure a run is of it; None where the run says nothing."""

    tweet: int
    group: int
    confidence: float | None
    margin: float | None
    entropy: float | None


class ForgottenTweet(NamedTuple):
    """A labelled tweet that an earlier run got right and a later one does not."""

    tweet: int
    group: int
    confidence: float
    """Of the later run in its wrong answer."""


def pool(store: Store, run: int | None = None) -> list[PoolTweet]:
    """The tweets to label next, by id: neither test tweets nor marked, and without a label."""
    rows = store.db.execute(
        "SELECT c.tweet, c.group_id, p.confidence, p.margin, p.entropy FROM current c "
        "LEFT JOIN predictions p ON p.run = ? AND p.tweet = c.tweet "
        f"WHERE {POOL} ORDER BY c.tweet",
        [run],
    )
    return list(map(PoolTweet._make, rows))


def runs_of_pool(store: Store) -> dict[int, int]:
    """How many tweets of the pool each run predicts; without the runs that predict none."""
    rows = store.db.execute(
        f"SELECT p.run, count(*) FROM predictions p WHERE p.tweet IN {IN_POOL} "
        "AND p.run IN (SELECT id FROM runs WHERE predictions > 0) GROUP BY p.run"
    )
    return dict(rows.fetchall())


def agreement_on_pool(store: Store, first: int, second: int) -> dict[tuple[str, str], int]:
    """How many tweets of the pool two runs give which labels."""
    rows = store.db.execute(
        "SELECT p.label, q.label, count(*) FROM predictions p JOIN predictions q "
        f"ON q.run = ? AND q.tweet = p.tweet WHERE p.run = ? AND p.tweet IN {IN_POOL} "
        "GROUP BY 1, 2",
        [second, first],
    )
    return {(store.label_names[a], store.label_names[b]): n for a, b, n in rows}


def forgotten(store: Store, before: int, after: int) -> Iterator[ForgottenTweet]:
    """What a run got right of its out-of-sample tweets and a later one does not, surest first."""
    rows = store.db.execute(
        "SELECT c.tweet, c.group_id, q.confidence FROM current c "
        "JOIN predictions p ON p.run = ? AND p.tweet = c.tweet "
        "JOIN predictions q ON q.run = ? AND q.tweet = c.tweet "
        "WHERE c.label = p.label AND c.label != q.label AND NOT p.in_sample AND NOT q.in_sample "
        "AND c.split != 'test' AND NOT c.excluded AND NOT c.ambiguous "
        "ORDER BY q.confidence DESC, c.tweet",
        [before, after],
    )
    return map(ForgottenTweet._make, rows)


def labels_since(store: Store, run: int) -> int:
    """How many tweets of train and dev were given another label since a run was made."""
    row = store.db.execute(
        f"SELECT count(DISTINCT e.tweet) {REVIEWS} AND e.id > {event_of_run(':run')} "
        "AND e.old IS NOT e.new AND e.tweet IN (SELECT tweet FROM current WHERE split != 'test')",
        {"run": run},
    ).fetchone()
    return int(row[0])


def right_in_source(store: Store, name: str, run: int) -> tuple[int, int]:
    """Of the labels that came from a source of queues, how many a run predicts, and of how many.

    Only its out-of-sample predictions count.
    """
    row = store.db.execute(
        "SELECT coalesce(sum(p.label = c.label), 0), count(*) FROM current c "
        "JOIN predictions p ON p.run = :run AND p.tweet = c.tweet AND NOT p.in_sample "
        f"WHERE c.label IS NOT NULL AND NOT c.excluded AND c.tweet IN ({SOURCE_LABELS})",
        {"run": run, "source": name},
    ).fetchone()
    return int(row[0]), int(row[1])


def stale_queue(store: Store, name: str) -> str:
    """Why a queue no longer stands, or nothing if it does."""
    known = queue_basis(store, name)
    if known is None:
        return "it was never made"
    newer = store.db.execute(
        "SELECT max(id) FROM runs WHERE predictions > 0 AND id > coalesce(?, 0)", [known.run]
    ).fetchone()[0]
    if newer is not None:
        return f"run {newer} is newer"
    return "labels have changed since" if newest_relabelling(store) > known.event else ""


def open_entries(store: Store, name: str, limit: int) -> list[QueueEntry]:
    """The entries of a queue about which nobody has decided since it was made, best first."""
    rows = store.db.execute(
        "SELECT q.rank, q.tweet, q.score, q.source, q.blind FROM queues q "
        "JOIN rankings r ON r.name = q.name JOIN current c ON c.tweet = q.tweet "
        f"WHERE q.name = ? AND NOT {is_decided('r.event')} ORDER BY q.rank LIMIT ?",
        [name, limit],
    )
    return [QueueEntry._make((*values, bool(blind))) for *values, blind in rows]


def pool_size(store: Store) -> int:
    """How many tweets are without a label and would be trained on with one."""
    return int(store.db.execute(f"SELECT count(*) FROM {IN_POOL}").fetchone()[0])


def suspects_left(store: Store, ids: Sequence[int]) -> list[int]:
    """Those of some suspects that have a label still and are neither marked nor test tweets."""
    rows = store.db.execute(
        "SELECT c.tweet FROM json_each(?) j CROSS JOIN current c ON c.tweet = j.value "
        "WHERE c.label IS NOT NULL AND NOT c.excluded AND NOT c.ambiguous AND c.split != 'test' "
        "ORDER BY j.key",
        [json.dumps(list(ids))],
    )
    return [tweet for (tweet,) in rows]


def groups_of(store: Store, ids: Sequence[int]) -> list[int]:
    """The group of equal or nearly equal texts that each of some tweets is in."""
    rows = store.db.execute(
        "SELECT c.group_id FROM json_each(?) j CROSS JOIN current c ON c.tweet = j.value "
        "ORDER BY j.key",
        [json.dumps(list(ids))],
    )
    return [group for (group,) in rows]
