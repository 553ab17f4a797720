"""Which label each annotator gave each tweet, for measuring how far they agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from storage import judgements, label_changes
from storage.history import event_order
from storage.query.tweets import listing
from storage.store import Store

GOLD = "gold"


class Rating(NamedTuple):
    """The label that an annotator gave a tweet."""

    annotator: str
    tweet: int
    label: str


def ratings(store: Store, filter_text: str = "", with_gold: bool = False) -> Iterator[Rating]:
    """The newest label, or judgement, of each annotator on each tweet that passes a filter.

    Setting, keeping and clearing count, alone or in bulk; what is undone does not, nor does going
    back to a snapshot, and a label that was cleared is none. `with_gold` adds the labels as
    imported; what nobody knows the annotator of is left out. Raises FilterError.
    """
    found = listing(store, filter_text)
    wanted = found if isinstance(found, range) else frozenset(found)
    names, merged = store.label_names, label_changes.targets(store.db)
    events = (
        "SELECT e.id, a.annotator, e.tweet, e.new, a.at, "
        f"{event_order.came('a', 'e.tweet')} AS came FROM label_events e NOT INDEXED "
        "CROSS JOIN actions a ON a.id = e.action "
        "WHERE (e.field = 'label' AND a.kind IN ('set', 'clear', 'bulk') OR e.field = ? "
        "AND a.annotator NOT GLOB ?) "
        "AND a.id NOT IN (SELECT action FROM undone)"
    )
    rows = store.db.execute(
        "SELECT annotator, tweet, new FROM "
        f"({event_order.newest(events, 'annotator, tweet')}) ORDER BY 1, 2",
        [judgements.FIELD, f"{judgements.UNKNOWN} [0-9]*"],
    )
    for annotator, tweet, label in rows:
        if label is not None and tweet in wanted:
            yield Rating(annotator, tweet, names[merged.get(label, label)])
    if with_gold:
        for tweet, label in store.db.execute(
            "SELECT tweet, gold FROM current WHERE gold IS NOT NULL"
        ):
            if tweet in wanted:
                yield Rating(GOLD, tweet, names[merged.get(label, label)])
