"""Splits are those of whole groups: who goes along when a change of splits is undone or redone."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from storage.history.events import Edit

TEST_WINS = (
    "CASE WHEN max({split} = 'test') THEN 'test' WHEN max({split} = 'dev') THEN 'dev' "
    "ELSE 'train' END"
)
"""The split of a group whose tweets are said to be in several."""
MEMBERS = ("c.tweet = g.group_id", "c.group_id = g.group_id AND c.group_id != c.tweet")
"""The first tweet of a group, and the others: each of the two has its index."""


def going_along(
    db: sqlite3.Connection, action: int, moved: str, asked: Sequence[object]
) -> list[Edit]:
    """The edits of tweets that go along with those that `moved` moves, a query for (tweet, split).

    They are in the same groups and came after the action that is taken back or done again, which
    says nothing of them. Tweets whose file says which split they are in stay there.
    """
    edits: list[Edit] = []
    for members in MEMBERS:
        rows = db.execute(
            "WITH groups AS MATERIALIZED (SELECT m.group_id, "
            f"{TEST_WINS.format(split='e.split')} AS split FROM ({moved}) e "
            "CROSS JOIN current m ON m.tweet = e.tweet GROUP BY 1) "
            "SELECT c.tweet, 'split', c.split, g.split, c.gold FROM groups g "
            f"CROSS JOIN current c ON {members} "
            "CROSS JOIN tweets t ON t.id = c.tweet CROSS JOIN imports i ON i.id = t.import "
            "WHERE c.split != g.split AND i.columns NOT LIKE '%\"split\"%' "
            "AND NOT EXISTS (SELECT 1 FROM label_events o WHERE o.tweet = c.tweet "
            "AND o.field = 'split' AND o.action = ?) ORDER BY c.tweet",
            [*asked, action],
        )
        edits += map(Edit._make, rows)
    return edits
