"""What corrected, disagreeing, reviewed and decided mean, as pieces of SQL that many queries share.

`c` is a row of the table `current`, `p` one of `predictions`, `e` one of `label_events`.
"""

from __future__ import annotations

CORRECTED = "c.gold IS NOT NULL AND c.label IS NOT c.gold"
DISAGREES = "p.label IS NOT NULL AND c.label IS NOT NULL AND p.label != c.label"
DUPLICATES = "FROM current WHERE group_id != tweet"
# Somebody gave, kept or took away the label, and has not undone that.
REVIEWS = (
    "FROM label_events e CROSS JOIN steps s ON s.action = e.action AND s.undone = 0 "
    "CROSS JOIN actions a ON a.id = e.action WHERE e.field = 'label' AND "
    "a.kind NOT IN ('restore', 'merge', 'settle', 'merge labels')"
)
REVIEWED = f"SELECT e.tweet {REVIEWS}"
CURRENT = "SELECT tweet FROM current WHERE"
COUNTED = ("labelled", "corrected", "excluded", "review", "ambiguous")
"""Rows of `counts` that are sums over tweets."""
COUNTS = (
    f"count(c.label), coalesce(sum({CORRECTED}), 0), coalesce(sum(c.excluded), 0), "
    "coalesce(sum(c.review), 0), coalesce(sum(c.ambiguous), 0)"
)
"""What is selected to count those anew, in the order of `COUNTED`."""


def event_of_run(run: str) -> str:
    """SQL for the newest event when a run was made; `run` is SQL too, such as `:run`."""
    return f"(SELECT event FROM runs WHERE id = {run})"


def reviewed_since(since: str, row: str = "c") -> str:
    """SQL for: somebody gave or kept the present label after an event, and has not undone that."""
    return (
        f"({row}.changed > {since} AND EXISTS (SELECT 1 {REVIEWS} AND e.tweet = {row}.tweet "
        f"AND e.id > {since} AND e.new IS {row}.label))"
    )


def is_decided(since: str, row: str = "c") -> str:
    """SQL for: a tweet is reviewed since an event, or marked as excluded or ambiguous."""
    return f"(+{row}.excluded = 1 OR +{row}.ambiguous = 1 OR {reviewed_since(since, row)})"


def decided_tweets(since: str) -> str:
    """A query that gives the tweets that are decided since an event, some perhaps twice."""
    return (
        f"{CURRENT} excluded = 1 UNION ALL {CURRENT} ambiguous = 1 UNION ALL "
        f"SELECT d.tweet FROM current d WHERE {reviewed_since(since, 'd')}"
    )


RANKED_BY = "(SELECT run FROM rankings WHERE name = 'suspects')"
"""The run that the suspects are ranked by."""
DECIDED_SUSPECT = f"IN ({decided_tweets(event_of_run(RANKED_BY))})"
"""Somebody has decided about a suspect since the run that ranks it was made."""
_IN_GROUPS = f"SELECT group_id, tweet {DUPLICATES} UNION SELECT group_id, group_id {DUPLICATES}"
_CONTRADICTING = (
    f"SELECT g.group_id FROM ({_IN_GROUPS}) g CROSS JOIN current m ON m.tweet = g.tweet "
    "GROUP BY g.group_id HAVING count(DISTINCT m.gold) > 1"
)
CONTRADICTED = f"SELECT g.tweet FROM ({_IN_GROUPS}) g WHERE g.group_id IN ({_CONTRADICTING})"
"""The tweets of groups of equal texts that came with several gold labels."""
