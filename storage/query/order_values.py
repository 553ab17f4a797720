"""The values by which a list is ordered, of the tweets that are in view."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from storage.store import Store

VALUES = {
    "suspect": "q.score FROM {ids} "
    "CROSS JOIN queues q ON q.name = 'suspects' AND q.tweet = j.value",
    "margin": "p.margin FROM {ids} CROSS JOIN predictions p ON p.run = :run AND p.tweet = j.value",
    "confidence": "p.confidence FROM {ids} "
    "CROSS JOIN predictions p ON p.run = :run AND p.tweet = j.value",
    "length": "c.length FROM {ids} CROSS JOIN current c ON c.tweet = j.value",
    "changed": "a.at FROM {ids} CROSS JOIN current c ON c.tweet = j.value "
    "CROSS JOIN label_events e ON e.id = c.changed CROSS JOIN actions a ON a.id = e.action",
}
"""By order: the score of a suspect, a probability, characters, the ms UTC of the last edit."""


def order_values(
    store: Store, sort: str, run: int | None, ids: Sequence[int]
) -> Mapping[int, float]:
    """The values of tweets in an order, by tweet; of those that have one."""
    if sort not in VALUES:
        return {}
    sql = "SELECT j.value, " + VALUES[sort].format(ids="json_each(:ids) j")
    return dict(store.db.execute(sql, {"run": run, "ids": json.dumps(list(ids))}).fetchall())
