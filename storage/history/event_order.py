"""Which of several events is the newest: one rule for what was done here and what came by a merge.

Events are gone through in the order of their numbers, in which this workspace came to know them.
One that was done here is newer than all before it, whatever its time says, since clocks jump and
whoever did it had the others before them. One that a merge of histories brought is newer than the
newest so far only if it is not older by its time; at equal times the names of the annotators
decide, so that two workspaces that merge come to the same. Judgements came by a merge, too; the
history that a new tweet brings along stays in its own order.
"""

from __future__ import annotations

from storage import judgements

MERGE, SETTLE = "merge", "settle"
"""The kinds of actions that take what a file says of a tweet that is there, and that say which of
several decisions counts, which is none itself."""
DONE_HERE = f"'gold import', '{MERGE}', '{SETTLE}'"
"""The kinds of actions of an import that are done here and now."""


def came(action: str, tweet: str) -> str:
    """SQL for: what an action (an alias of `actions`) did to a tweet came by a merge."""
    return (
        f"CASE WHEN {action}.kind IN ('{judgements.KIND}', '{judgements.TRUTH}') THEN 1 "
        f"WHEN {action}.import IS NULL OR {action}.kind IN ({DONE_HERE}) THEN 0 "
        f"ELSE {action}.import != (SELECT import FROM tweets WHERE id = {tweet}) END"
    )


def is_newer(event: str, action: str, than: str, than_action: str) -> str:
    """SQL for: an event is newer than another one; names are aliases of the four tables."""
    this, that = (f"({a}.at, {a}.annotator)" for a in (action, than_action))
    return (
        f"CASE WHEN {event}.id > {than}.id "
        f"THEN NOT ({came(action, f'{event}.tweet')} AND {this} < {that}) "
        f"ELSE {came(than_action, f'{than}.tweet')} AND {that} < {this} END"
    )


def newest(events: str, each: str) -> str:
    """A query for the newest of some events for each value of some columns.

    `events` is a query with the columns id, at, annotator, came and those.
    """
    return (
        f"SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY {each} "
        "ORDER BY at DESC, annotator DESC, id DESC) AS place FROM (SELECT *, "
        f"max(CASE WHEN came THEN 0 ELSE id END) OVER (PARTITION BY {each}) AS here "
        f"FROM ({events})) WHERE id >= here) WHERE place = 1"
    )


_STEPS = (
    "FROM steps s CROSS JOIN actions a ON a.id = s.action WHERE s.annotator = :who AND s.undone = 0"
)
_TWEET = "(SELECT tweet FROM label_events WHERE action = a.id LIMIT 1)"
NEWEST_STEP = (
    f"SELECT s.action {_STEPS} AND s.action >= coalesce((SELECT s.action {_STEPS} "
    f"AND NOT {came('a', _TWEET)} ORDER BY s.action DESC LIMIT 1), 0) "
    "ORDER BY a.at DESC, s.action DESC LIMIT 1"
)
"""The newest of the steps that an annotator `:who` has not undone."""
