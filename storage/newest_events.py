"""How far the history of labels has come: what a list, a run or a ranking was made from.

Whatever was made at an event is out of date when there is a newer one of the kind that it rests on.
"""

from __future__ import annotations

from storage.store import Store

NEWEST = "(SELECT coalesce(max(id), 0) FROM label_events)"
"""The number of the newest event, as SQL."""


def newest_event(store: Store) -> int:
    """The number of the newest event, 0 before the first."""
    return int(store.db.execute(f"SELECT {NEWEST}").fetchone()[0])


def newest_relabelling(store: Store, split: str | None = None) -> int:
    """The newest event that gave a tweet another label, or took it out of training or in.

    0 before the first; `split` asks about the tweets of one split.
    """
    one = "" if split is None else "WHERE split = ?"
    row = store.db.execute(
        f"SELECT coalesce(max(event), 0) FROM relabelled {one}", [] if split is None else [split]
    ).fetchone()
    return int(row[0])
