"""What annotators said of a tweet before it came here, and what follows from it.

A judgement is an event of its annotator. Of each annotator the newest counts; the label that most
have given is the tweet's, and where several are given equally often it has none, until a person
decides. How many votes lie between the first two labels (0, 1, or 2 for more) is kept in the table
`orders`, for the tweets on which judgements differ.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FIELD = "judgement"
"""What such an event is about: it says what somebody thought, not what the tweet has."""
KIND, TRUTH = "judgement", "ground truth"
"""The kinds of its action; a ground truth outvotes all judgements."""
UNKNOWN = "unknown"
"""Annotators whom the file does not name are called so, with a number within the tweet."""
ORDER = "adjudicate"
OUTCOMES = """
WITH newest AS (
    SELECT e.tweet, coalesce(l.merged_into, e.new) AS label,
    CASE a.kind WHEN 'ground truth' THEN a.at END AS truth,
    row_number() OVER (PARTITION BY e.tweet, a.annotator
    ORDER BY a.kind = 'ground truth' DESC, a.at DESC, e.id DESC) AS turn
    FROM {tweets} j CROSS JOIN label_events e ON e.tweet = j.tweet AND e.field = 'judgement'
    CROSS JOIN actions a ON a.id = e.action LEFT JOIN labels l ON l.id = e.new
), votes AS (
    SELECT tweet, label, count(*) AS votes, max(truth) AS truth FROM newest WHERE turn = 1
    GROUP BY tweet, label
), ranked AS (
    SELECT tweet, label, truth, votes,
    row_number() OVER places AS place,
    sum(votes) OVER (PARTITION BY tweet) AS voters,
    count(*) OVER (PARTITION BY tweet) AS labels,
    votes - coalesce(lead(votes) OVER places, 0) AS lead
    FROM votes WINDOW places AS (PARTITION BY tweet ORDER BY truth DESC, votes DESC, label)
)
SELECT tweet, CASE WHEN truth IS NOT NULL OR lead > 0 THEN label END AS label, voters, labels,
min(2, CASE WHEN truth IS NOT NULL THEN max(lead, 1) ELSE lead END) AS lead
FROM ranked WHERE place = 1
"""
"""The label that the judgements of each of some tweets give, if they give one."""
JUDGED = "(SELECT DISTINCT tweet FROM label_events WHERE field = 'judgement')"
DECIDED = (
    "((SELECT changed FROM current WHERE tweet = {tweet}) IS NOT NULL AND EXISTS (SELECT 1 "
    "FROM label_events e CROSS JOIN steps s ON s.action = e.action AND s.undone = 0 "
    "WHERE e.tweet = {tweet} AND e.field = 'label'))"
)
"""Somebody has given or kept the label here, and has not undone that."""
KEPT = f"SELECT 1 FROM orders WHERE run = 0 AND name = '{ORDER}' AND tweet = c.tweet AND value = "
LEAD = (
    f"CASE WHEN EXISTS ({KEPT}0) THEN 0 WHEN EXISTS ({KEPT}1) THEN 1 "
    f"WHEN EXISTS ({KEPT}2) THEN 2 END"
)
"""The votes between the first two labels of a tweet; NULL where judgements do not differ."""
CONFLICT = f"EXISTS ({KEPT}0) AND NOT {DECIDED.format(tweet='c.tweet')}"
"""The judgements of a tweet are tied, and nobody has decided."""
CONFLICTS = (
    f"SELECT o.tweet FROM orders o WHERE o.run = 0 AND o.name = '{ORDER}' AND o.value = 0 "
    f"AND NOT {DECIDED.format(tweet='o.tweet')}"
)
"""The tweets for which that holds."""


def conflicts(db: sqlite3.Connection) -> set[int]:
    """The tweets whose judgements are tied, and about which nobody has decided."""
    return {tweet for (tweet,) in db.execute(CONFLICTS)}


def by_annotator(history: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The newest judgement of each annotator in the history of a tweet."""
    return {each["annotator"]: each["new"] for each in history if each["field"] == FIELD}


def count_again(db: sqlite3.Connection, labels: Sequence[int]) -> list[tuple[int, int, int | None]]:
    """Count the votes on tweets that were given one of some labels, which mean others now.

    Returns the tweets without a label that their judgements give one: (tweet, label, gold label).
    """
    db.execute("DROP TABLE IF EXISTS temp.recounted")
    db.execute("DROP TABLE IF EXISTS temp.recount")
    db.execute(
        f"CREATE TEMP TABLE recount AS SELECT DISTINCT tweet FROM label_events "
        f"WHERE field = '{FIELD}' AND new IN (SELECT value FROM json_each(?))",
        [json.dumps(list(labels))],
    )
    db.execute(f"CREATE TEMP TABLE recounted AS {OUTCOMES.format(tweets='temp.recount')}")
    db.execute(
        "DELETE FROM orders WHERE (run, name, value, tweet) IN (SELECT 0, ?, v.value, r.tweet "
        "FROM temp.recount r CROSS JOIN json_each('[0, 1, 2]') v)",
        [ORDER],
    )
    db.execute(
        "INSERT INTO orders SELECT 0, ?, lead, tweet FROM temp.recounted WHERE labels > 1 "
        "ORDER BY 3, 4",
        [ORDER],
    )
    return db.execute(
        "SELECT r.tweet, r.label, c.gold FROM temp.recounted r CROSS JOIN current c "
        "ON c.tweet = r.tweet WHERE c.label IS NULL AND r.label IS NOT NULL ORDER BY r.tweet"
    ).fetchall()
