"""What analyses look at of tweets beside their labels: texts, source columns, groups."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from storage.predicates import DUPLICATES
from storage.store import Store, last_visible_id

ROWS_AT_ONCE = 2_000


class TweetDetails(NamedTuple):
    """A tweet as an analysis looks at it."""

    tweet: int
    text: str
    source: dict[str, Any]
    """The source columns."""
    group: int
    group_size: int
    """The tweets with an equal or nearly equal text, this one included."""


def details(store: Store, ids: Sequence[int]) -> Iterator[TweetDetails]:
    """The tweets with these ids, in the order of the ids."""
    sizes: dict[int, int] = dict(
        store.db.execute(
            f"SELECT group_id, 1 + count(*) {DUPLICATES} AND tweet <= ? GROUP BY group_id",
            [last_visible_id(store.db)],
        ).fetchall()
    )
    for start in range(0, len(ids), ROWS_AT_ONCE):
        for tweet, text, source, group in store.db.execute(
            "SELECT t.id, t.text, t.source, c.group_id FROM json_each(?) j "
            "CROSS JOIN tweets t ON t.id = j.value JOIN current c ON c.tweet = t.id ORDER BY t.id",
            [json.dumps(list(ids[start : start + ROWS_AT_ONCE]))],
        ):
            yield TweetDetails(tweet, text, json.loads(source), group, sizes.get(group, 1))
