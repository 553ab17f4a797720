"""What has been decided about tweets since a run was made, which did not know of it.

A label that somebody gave or kept is a decision, and so are the marks excluded and ambiguous.
It holds until it is undone, the tweet gets another label, or another run does the ranking.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from storage.predicates import REVIEWS, decided_tweets, event_of_run
from storage.store import Store


def decided(store: Store, run: int | None) -> set[int]:
    """All tweets that have been decided about since a run was made."""
    return {row[0] for row in store.db.execute(decided_tweets(event_of_run(":run")), {"run": run})}


def describe(store: Store, ids: Sequence[int], run: int | None) -> dict[int, str]:
    """What was decided about these tweets since a run was made, such as `kept by ana`."""
    asked = {"run": run, "ids": json.dumps(list(ids))}
    names, found = store.label_names, {}
    for tweet, annotator, old, new in store.db.execute(
        f"SELECT e.tweet, a.annotator, e.old, e.new {REVIEWS} AND e.id > {event_of_run(':run')} "
        "AND e.tweet IN (SELECT value FROM json_each(:ids)) "
        "AND e.new IS (SELECT label FROM current WHERE tweet = e.tweet) ORDER BY e.id",
        asked,
    ):
        change = "kept" if old == new else f"{names.of(old) or 'none'} → {names.of(new) or 'none'}"
        found[tweet] = f"{change} by {annotator}"
    for mark in ("ambiguous", "excluded"):
        given = "SELECT value FROM json_each(:ids)"
        sql = f"SELECT tweet FROM current WHERE {mark} = 1 AND tweet IN ({given})"
        found |= {tweet: mark for (tweet,) in store.db.execute(sql, asked)}
    return found
