"""Edit conflicts: edits that are refused, as others changed the tweets since they were shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from storage.errors import UserError
from storage.history import event_order
from storage.history.events import Edit, Value
from storage.plurals import tweet_count
from storage.store import Store

EVENTS = (
    "SELECT e.id, e.tweet, e.field, e.action, a.annotator, a.at, e.new, "
    f"{event_order.came('a', 'e.tweet')} AS came "
    "FROM json_each(?) j CROSS JOIN label_events e ON e.tweet = j.value "
    f"CROSS JOIN actions a ON a.id = e.action AND a.kind != '{event_order.SETTLE}' "
    "WHERE e.field = ?"
)


@dataclass(frozen=True)
class LatestChange:
    """The newest event about a field of a tweet; the value of a label is its name."""

    tweet: int
    field: str
    action: int
    annotator: str
    at: int
    value: Value


class EditConflict(UserError):
    """Nothing was written, as tweets are no longer as they were shown."""

    def __init__(self, tweets: int, latest: LatestChange | None) -> None:
        which = tweet_count(tweets, "was", "were")
        super().__init__(f"Nothing is changed, as {which} changed by somebody meanwhile; repeat.")
        self.tweets = tweets
        """How many tweets somebody else has changed."""
        self.latest = latest
        """The newest of those changes, where there is an event of it."""


def latest_change(store: Store, tweets: Iterable[int], field: str) -> LatestChange | None:
    """The newest event about a field of any of these tweets, None if there is none."""
    found = store.db.execute(
        "SELECT tweet, field, action, annotator, at, new FROM "
        f"({event_order.newest(EVENTS, 'field')})",
        [json.dumps(list(tweets)), field],
    ).fetchone()
    if found is None:
        return None
    newest = LatestChange(*found)
    if field != "label" or newest.value is None:
        return newest
    label = store.db.execute("SELECT name FROM labels WHERE id = ?", [newest.value]).fetchone()
    return replace(newest, value=label[0])  # which may be younger than this store


def changed_since(edits: Iterable[Edit], seen: Mapping[int, Value]) -> list[int]:
    """The tweets whose values before an edit are not those that were seen."""
    return [edit.tweet for edit in edits if edit.old != seen[edit.tweet]]
