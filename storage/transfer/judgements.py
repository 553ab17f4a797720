"""The judgements that a file brings: written as events of their annotators, and what they give.

A tweet that comes in gets the label that most annotators gave as its gold label, or none at a tie.
One that was there keeps its own; what its judgements give now is what the file says of it.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.bulk_writes import BulkWriter
from storage.judgements import FIELD, KIND, ORDER, OUTCOMES, TRUTH, UNKNOWN
from storage.store import now
from storage.transactions import transaction
from storage.transfer.rows import Judgement

NAMED = f"""
CREATE TEMP TABLE naming AS SELECT rowid AS number, tweet, at, label,
CASE WHEN truth THEN '{TRUTH}' ELSE '{KIND}' END AS kind, annotator IS NOT NULL AS named,
coalesce(annotator, '{UNKNOWN} ' || row_number() OVER (PARTITION BY tweet, annotator IS NULL
ORDER BY rowid)) AS annotator FROM temp.judging
"""
PLAIN = """
SELECT tweet FROM temp.naming GROUP BY tweet
HAVING NOT max(named) AND count(DISTINCT label) = 1
"""
"""Tweets that the file has several times with the same label, which is just their label."""
KNOWN = (
    f"FROM label_events e CROSS JOIN actions a ON a.id = e.action WHERE e.tweet = n.tweet "
    f"AND e.field = '{FIELD}' AND a.annotator = n.annotator"
)
NEWEST = "ORDER BY a.at DESC, e.id DESC LIMIT 1"
NEW = f"""
CREATE TEMP TABLE adding AS SELECT n.tweet, n.annotator, coalesce(n.at, :now) AS at, n.kind, n.label
FROM (SELECT *, row_number() OVER (PARTITION BY tweet, annotator
ORDER BY at IS NULL DESC, at DESC, number DESC) AS back FROM temp.naming) n
WHERE NOT EXISTS (SELECT 1 {KNOWN}) OR (
    (n.label, n.kind) IS NOT (SELECT e.new, a.kind {KNOWN} {NEWEST})
    AND NOT EXISTS (SELECT 1 {KNOWN} AND e.new = n.label AND a.at = n.at)
    AND (n.at IS NOT NULL OR n.back = 1)
) ORDER BY n.tweet > :before DESC, n.tweet, n.at, n.number
"""
"""What an annotator had not said already, that of tweets that come in first."""
LEADS = f"SELECT 0, '{ORDER}', lead, tweet FROM {{outcomes}} WHERE labels > 1 ORDER BY 3, 4"


@dataclass(frozen=True)
class Judged:
    """What came of the judgements of a file."""

    tweets: int = 0
    """Tweets with several judgements, some of them new."""
    tied: int = 0
    """Those of them whose judgements give no label."""
    kept: int = 0
    """Those of these that were there with a label, which stays."""


class Judging:
    """The judgements of one file, in temporary tables of its connection."""

    def __init__(self, writer: BulkWriter, before: int, source: int) -> None:
        self.db = writer.db
        self._writer = writer
        self._before = before
        self._source = source
        self.tweets = array("q")
        """The ids of the tweets of the rows so far that are no repetitions."""
        self._adding = self._coming = 0
        """How many are new, and how many of those are about tweets that come in."""
        self.db.execute("CREATE TEMP TABLE judging (tweet, annotator, at, label, truth)")
        self.db.execute("CREATE TEMP TABLE judged (tweet INTEGER PRIMARY KEY)")
        self.db.execute(
            "CREATE TEMP TABLE outcomes (tweet INTEGER PRIMARY KEY, label, voters, labels, lead)"
        )

    def take(self, tweets: Iterable[int], judgements: Sequence[Judgement]) -> None:
        """Put judgements by; `tweets` are those of the next rows that are no repetitions."""
        self.tweets.extend(tweets)
        self.put((self.tweets[one.place], *one[1:]) for one in judgements)

    def put(self, judgements: Iterable[tuple[int, str | None, int | None, object, bool]]) -> None:
        """Put judgements by as (tweet, annotator, time, label, whether it is the truth)."""
        self.db.execute("BEGIN")
        self.db.executemany("INSERT INTO temp.judging VALUES (?, ?, ?, ?, ?)", judgements)
        self.db.execute("COMMIT")

    def write(self) -> Counter[int]:
        """Write the judgements of the tweets that come in; returns by how much golds change."""
        db = self.db
        db.execute(NAMED)
        db.execute(
            "INSERT INTO temp.outcomes SELECT tweet, min(label), 1, 1, 2 FROM temp.naming "
            f"WHERE tweet IN ({PLAIN}) GROUP BY tweet"
        )
        db.execute("DELETE FROM temp.naming WHERE tweet IN (SELECT tweet FROM temp.outcomes)")
        db.execute("INSERT INTO temp.judged SELECT DISTINCT tweet FROM temp.naming")
        db.execute(NEW, {"now": now(), "before": self._before})
        db.execute(
            "CREATE TEMP TABLE judges (annotator, at, kind, action, "
            "PRIMARY KEY (annotator, at, kind)) WITHOUT ROWID"
        )
        with transaction(db):
            for judge in db.execute(
                "SELECT DISTINCT annotator, at, kind FROM temp.adding"
            ).fetchall():
                action = db.execute(
                    "INSERT INTO actions (annotator, at, kind, import) VALUES (?, ?, ?, ?)",
                    [*judge, self._source],
                ).lastrowid
                db.execute("INSERT INTO temp.judges VALUES (?, ?, ?, ?)", [*judge, action])
        sql = "SELECT count(*), count(*) FILTER (WHERE tweet > ?) FROM temp.adding"
        self._adding, self._coming = db.execute(sql, [self._before]).fetchone()
        self._writer.in_slices("judgements", 1, self._coming, self._write)
        return self._give_golds()

    def _write(self, first: int, last: int) -> None:
        self.db.execute(
            "INSERT INTO label_events (action, tweet, field, new) "
            f"SELECT j.action, n.tweet, '{FIELD}', n.label FROM temp.adding n CROSS JOIN "
            "temp.judges j USING (annotator, at, kind) WHERE n.rowid BETWEEN ? AND ? "
            "ORDER BY n.rowid",
            [first, last],
        )

    def _give_golds(self) -> Counter[int]:
        db = self.db
        self._find_outcomes(f"(SELECT tweet FROM temp.judged WHERE tweet > {self._before})")
        db.execute(
            "CREATE TEMP TABLE golds AS SELECT o.tweet, o.label, c.gold FROM temp.outcomes o "
            "CROSS JOIN current c ON c.tweet = o.tweet WHERE o.tweet > ? AND c.gold IS NOT o.label",
            [self._before],
        )
        rows = db.execute("SELECT count(*) FROM temp.golds").fetchone()[0]
        self._writer.in_slices(
            "golds",
            1,
            rows,
            lambda a, b: db.execute(
                "INSERT OR REPLACE INTO current (tweet, gold, label, split, group_id, length) "
                "SELECT g.tweet, g.label, g.label, c.split, c.group_id, c.length "
                "FROM temp.golds g CROSS JOIN current c ON c.tweet = g.tweet "
                "WHERE g.rowid BETWEEN ? AND ?",
                [a, b],
            ),
        )
        change: Counter[int] = Counter()
        for label, sign in (("label", 1), ("gold", -1)):
            for number, many in db.execute(
                f"SELECT {label}, count(*) FROM temp.golds WHERE {label} IS NOT NULL GROUP BY 1"
            ):
                change[number] += sign * many
        return change

    def _find_outcomes(self, tweets: str) -> None:
        self.db.execute(f"INSERT INTO temp.outcomes {OUTCOMES.format(tweets=tweets)}")

    def publish(self, is_export: bool) -> Judged:
        """Write what is left, within the transaction that shows the tweets that come in.

        What the judgements of tweets that were there give becomes what the file says of them.
        """
        db, before = self.db, [self._before]
        self._write(self._coming + 1, self._adding)
        db.execute(
            "INSERT OR IGNORE INTO temp.judged SELECT DISTINCT tweet FROM temp.restoring "
            f"WHERE field = '{FIELD}'"
        )
        self._find_outcomes(
            "(SELECT tweet FROM temp.judged WHERE tweet NOT IN (SELECT tweet FROM temp.outcomes))"
        )
        _forget_order(db, "(SELECT tweet FROM temp.judged WHERE tweet <= ?)", before)
        db.execute(f"INSERT INTO orders {LEADS.format(outcomes='temp.outcomes')}")
        if not is_export:
            db.execute(
                "DELETE FROM temp.said WHERE field = 'label' "
                "AND tweet IN (SELECT tweet FROM temp.outcomes)"
            )
            db.execute(
                "INSERT INTO temp.said SELECT o.tweet, 'label', o.label FROM temp.outcomes o "
                "CROSS JOIN current c ON c.tweet = o.tweet WHERE o.tweet <= ? "
                "AND o.label IS NOT NULL AND o.label IS NOT c.label",
                before,
            )
        sql = (
            "SELECT count(*), count(*) FILTER (WHERE o.label IS NULL), "
            "count(*) FILTER (WHERE o.label IS NULL AND c.label IS NOT NULL) "
            "FROM temp.outcomes o CROSS JOIN current c ON c.tweet = o.tweet "
            "WHERE o.voters > 1 AND o.tweet IN (SELECT tweet FROM temp.adding)"
        )
        return Judged(*db.execute(sql).fetchone())


def count_again(db: sqlite3.Connection, tweets: str) -> None:
    """Bring the order to adjudicate in line with the judgements of some tweets, a query."""
    _forget_order(db, tweets, [])
    db.execute(f"INSERT INTO orders {LEADS.format(outcomes=f'({OUTCOMES.format(tweets=tweets)})')}")


def _forget_order(db: sqlite3.Connection, tweets: str, asked: Sequence[object]) -> None:
    db.execute(
        f"DELETE FROM orders WHERE (run, name, value, tweet) IN (SELECT 0, '{ORDER}', v.value, "
        f"j.tweet FROM {tweets} j CROSS JOIN json_each('[0, 1, 2]') v)",
        asked,
    )
