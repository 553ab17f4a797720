"""The tweets that a person goes through one by one: which, in what order, and what is decided."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from storage import label_changes
from storage.judgements import DECIDED, ORDER
from storage.predicates import DECIDED_SUSPECT, REVIEWS, is_decided
from storage.runs.suspect_ranking import SUSPECTS
from storage.store import Store


@dataclass(frozen=True)
class LikelyErrors:
    """How many labels are wrong as far as the ranking of the suspects goes."""

    expected: int
    ranked: int


def likely_errors(store: Store) -> LikelyErrors:
    """The sum of the chances that a label is wrong, which is how many are expected to be.

    One pass over the ranking: a figure to keep as long as the ranking stands.
    """
    total, ranked = store.db.execute(
        "SELECT coalesce(sum(score), 0), count(*) FROM queues WHERE name = ?", [SUSPECTS]
    ).fetchone()
    return LikelyErrors(min(math.ceil(total), ranked), ranked)


def open_suspects(store: Store, first: int) -> list[int]:
    """Those of the first suspects about which nobody has decided, the likeliest error first."""
    rows = store.db.execute(
        "SELECT q.tweet FROM queues q JOIN current c ON c.tweet = q.tweet "
        f"WHERE q.name = :name AND q.rank <= :first AND q.tweet NOT {DECIDED_SUSPECT} "
        "ORDER BY q.rank",
        {"name": SUSPECTS, "first": first},
    )
    return [tweet for (tweet,) in rows]


def count_open_suspects(store: Store, first: int) -> int:
    """How many of the first suspects nobody has decided about."""
    decided = store.db.execute(
        "SELECT count(*) FROM queues "
        f"WHERE name = :name AND rank <= :first AND tweet {DECIDED_SUSPECT}",
        {"name": SUSPECTS, "first": first},
    ).fetchone()[0]
    return first - int(decided)


def disputed(store: Store) -> list[int]:
    """Tweets on which annotators differ and nobody has decided here, the closest first."""
    rows = store.db.execute(
        "SELECT o.tweet FROM orders o JOIN current c ON c.tweet = o.tweet "
        f"WHERE o.run = 0 AND o.name = '{ORDER}' AND NOT c.excluded AND NOT c.ambiguous "
        f"AND NOT {DECIDED.format(tweet='o.tweet')} ORDER BY o.value, o.tweet"
    )
    return [tweet for (tweet,) in rows]


def anybody_decided(store: Store) -> bool:
    """Whether somebody has given, kept or taken away any label here and not undone that."""
    return store.db.execute(f"SELECT 1 {REVIEWS} LIMIT 1").fetchone() is not None


class ReviewState(NamedTuple):
    """How far edits and the label set have come: what is decided changes only with these."""

    action: int
    label_change: int


def review_state(store: Store) -> ReviewState:
    """How far they have come now; read it before what is decided, so that no edit is missed."""
    newest = store.db.execute("SELECT coalesce(max(id), 0) FROM actions").fetchone()[0]
    return ReviewState(int(newest), label_changes.newest(store.db))


def newest_removal(store: Store) -> int:
    """The newest action by which tweets were taken out; 0 before the first."""
    newest = store.db.execute("SELECT coalesce(max(action), 0) FROM removals").fetchone()[0]
    return int(newest)


def touched_since(store: Store, ids: Sequence[int], state: ReviewState) -> Sequence[int]:
    """Those of these tweets that may be decided otherwise than at that state."""
    if newest_removal(store) > state.action or label_changes.newest(store.db) != state.label_change:
        return ids  # as there are no events by which they could be told
    rows = store.db.execute(
        "SELECT DISTINCT e.tweet FROM label_events e WHERE e.action IN (SELECT id FROM actions "
        "WHERE id > :seen UNION SELECT reverts FROM actions WHERE id > :seen) "
        "AND +e.tweet IN (SELECT value FROM json_each(:ids))",
        {"seen": state.action, "ids": json.dumps(list(ids))},
    )
    return [tweet for (tweet,) in rows]


def decided_since(store: Store, ids: Sequence[int], event: int) -> set[int]:
    """Those of these tweets that somebody has decided about since an event."""
    rows = store.db.execute(
        "SELECT c.tweet FROM json_each(:ids) j CROSS JOIN current c ON c.tweet = j.value "
        f"WHERE {is_decided(':event')}",
        {"ids": json.dumps(list(ids)), "event": event},
    )
    return {tweet for (tweet,) in rows}
