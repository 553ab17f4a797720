"""Whether the database is sound, and what is derived in it follows from the history."""

from __future__ import annotations

from storage.judgements import JUDGED, ORDER, OUTCOMES
from storage.plurals import tweet_count
from storage.predicates import COUNTED, COUNTS, DISAGREES
from storage.store import Store

VISIBLE = "(SELECT value FROM counts WHERE name = 'tweets')"
LEADS = (
    f"SELECT tweet, lead FROM ({OUTCOMES.format(tweets=JUDGED)}) WHERE labels > 1 "
    f"AND tweet <= {VISIBLE}"
)
ADJUDICATED = f"SELECT tweet, value FROM orders WHERE run = 0 AND name = '{ORDER}'"
DERIVED = {
    "the list of labels": f"SELECT count(*) FROM tweets t LEFT JOIN current c ON c.tweet = t.id "
    f"WHERE c.tweet IS NULL AND t.id <= {VISIBLE}",
    "the index of equal texts": "SELECT count(*) FROM tweets t LEFT JOIN contents k "
    f"ON k.content = t.content AND k.tweet = t.id WHERE k.tweet IS NULL AND t.id <= {VISIBLE}",
    "the order by length": "SELECT count(*) FROM current c LEFT JOIN orders o ON o.run = 0 "
    "AND o.name = 'length' AND o.value = -c.length AND o.tweet = c.tweet "
    f"WHERE o.tweet IS NULL AND c.tweet <= {VISIBLE}",
    "the orders, some of which are of tweets that are gone": "SELECT count(*) FROM orders o "
    "LEFT JOIN current c ON c.tweet = o.tweet WHERE c.tweet IS NULL",
    "the index of equal texts, which has some that are gone": "SELECT count(*) FROM contents k "
    "LEFT JOIN tweets t ON t.id = k.tweet WHERE t.id IS NULL",
    "the groups, whose first tweets are gone": "SELECT count(*) FROM current c "
    "LEFT JOIN current f ON f.tweet = c.group_id WHERE f.tweet IS NULL",
    "the orders of disagreements": "SELECT count(*) FROM (SELECT p.run, p.tweet, -p.confidence "
    "FROM predictions p JOIN current c ON c.tweet = p.tweet JOIN runs r ON r.id = p.run "
    f"WHERE r.predictions > 0 AND {DISAGREES} "
    "EXCEPT SELECT run, tweet, value FROM orders WHERE name = 'disagreement')",
    "the order to adjudicate": f"SELECT (SELECT count(*) FROM ({LEADS} EXCEPT {ADJUDICATED})) "
    f"+ (SELECT count(*) FROM ({ADJUDICATED} EXCEPT {LEADS}))",
}
"""How many rows of what is kept beside the tweets do not follow from them."""


def check(store: Store) -> list[str]:
    """What is wrong with the store, a sentence each; nothing for a sound one.

    Checks SQLite's own structures, and that the current labels and counts follow from the history.
    """
    problems = [
        f"SQLite: {row[0]}" for row in store.db.execute("PRAGMA integrity_check") if row[0] != "ok"
    ]
    problems += [
        f"Row {row[1]} of {row[0]} refers to a row of {row[2]} that is missing."
        for row in store.db.execute("PRAGMA foreign_key_check")
    ]
    for field in ("label", "excluded", "review", "ambiguous", "note"):
        first = {"label": "c.gold", "note": "NULL"}.get(field, "0")
        drifted = store.db.execute(
            f"SELECT count(*) FROM current c WHERE c.{field} IS NOT CASE WHEN EXISTS ("
            f"SELECT 1 FROM label_events e WHERE e.tweet = c.tweet AND e.field = '{field}') "
            f"THEN (SELECT e.new FROM label_events e WHERE e.tweet = c.tweet "
            f"AND e.field = '{field}' ORDER BY e.id DESC LIMIT 1) ELSE {first} END"
        ).fetchone()[0]
        if drifted:
            problems.append(
                f"{tweet_count(drifted, 'has', 'have')} another {field} than the history gives."
            )
    for what, sql in DERIVED.items():
        if number := store.db.execute(sql).fetchone()[0]:
            problems.append(f"{tweet_count(number, 'is', 'are')} missing, or wrong, in {what}.")
    actual = store.db.execute(
        f"SELECT count(*), {COUNTS} FROM current c JOIN tweets t ON t.id = c.tweet "
        "JOIN imports i ON i.id = t.import "
        "WHERE i.action IS NOT NULL"  # the rows of an unfinished import do not count
    ).fetchone()
    kept = dict(store.db.execute("SELECT name, value FROM counts"))
    kept["tweets"] -= kept["removed"]
    for name, number in zip(("tweets", *COUNTED), actual, strict=True):
        if kept.get(name, 0) != number:
            there = f"there {'is' if number == 1 else 'are'} {number:,}"
            problems.append(f"The count of {name} is {kept.get(name, 0):,}, but {there}.")
    return problems
