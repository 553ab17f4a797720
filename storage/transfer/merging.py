"""What a file says of tweets that are there already: compared, counted, taken where asked for.

A label is taken where the tweet has none. Whatever else differs is counted, and becomes events of
the importer only where its kind is to be updated: one action, which one undo takes back.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.history import group_splits
from storage.history.event_order import MERGE
from storage.history.event_records import LABEL_FIELDS, MARKS, Event
from storage.history.events import (
    CURRENT_VALUE,
    Edit,
    Value,
    batch_size,
    begin_undoable,
    write_edits,
)
from storage.label_names import key
from storage.store import Store
from storage.transfer import history_merging
from storage.transfer.rows import ParsedRow, StoredTweet

UPDATES = ("labels", "flags", "notes", "splits")
"""What can be updated."""
OTHERWISE = {
    "labels": "another label",
    "flags": "other flags",
    "notes": "another note",
    "splits": "another split",
}
"""What a file has of a tweet that is there, in words."""
UPDATE_OF = {"label": "labels", "note": "notes", "split": "splits"} | dict.fromkeys(MARKS, "flags")
UNLABELLED = (
    "e.field = 'label' AND c.label IS NULL AND c.gold IS NULL AND NOT EXISTS (SELECT 1 "
    "FROM label_events l WHERE l.tweet = c.tweet AND l.field = 'label')"
)
"""Nobody has decided about the label; that somebody took it away is a decision."""
DIFFERING = (
    "FROM temp.said e CROSS JOIN current c ON c.tweet = e.tweet "
    f"WHERE {CURRENT_VALUE} IS NOT e.value"
)


@dataclass(frozen=True)
class ValueDifference:
    """How many tweets have one value of a field in the file and another in the workspace."""

    field: str
    old: Value
    """In the workspace; a label by its name."""
    new: Value
    tweets: int


@dataclass(frozen=True)
class MergeDifference:
    """What a file has otherwise than the workspace, of one kind that can be updated."""

    kind: str
    tweets: int
    changes: tuple[ValueDifference, ...]
    """The most frequent first; of notes only how many."""


@dataclass(frozen=True)
class MergeReport:
    """What an import means for tweets that were there."""

    labelled: int = 0
    """Tweets without a label that have got one."""
    differences: tuple[MergeDifference, ...] = ()
    updated: Mapping[str, int] = field(default_factory=dict)
    """How many tweets were changed to what the file says, by kind."""
    events: int = 0
    """Events of an exported history that were new."""
    settled: int = 0
    """Tweets that have changed by that, as the newest decision counts."""


class TweetMerge:
    """The rows of one file that are there already, in a temporary table of its connection."""

    def __init__(
        self,
        db: sqlite3.Connection,
        updates: Collection[str] = (),
        is_export: bool = False,
        labels: Mapping[str, int] | None = None,
    ) -> None:
        self.db = db
        self._updates = updates
        self.is_export = is_export
        self._ids = {key(name): number for name, number in (labels or {}).items()}
        self._said: list[tuple[int, str, Value]] = []
        self._events: list[tuple[int, Event]] = []
        self._noted: list[tuple[int, str]] = []
        db.execute(
            "CREATE TEMP TABLE said (tweet INTEGER, field TEXT, value, PRIMARY KEY (tweet, field)) "
            "WITHOUT ROWID"
        )
        history_merging.create_staging_table(db)

    def compare(self, row: ParsedRow, tweet: StoredTweet) -> None:
        """Note what a row says otherwise than the tweet that it is about has it."""
        if self.is_export:
            self._compare_all(row, tweet)
        elif row.gold is not None and row.gold != tweet.label:
            self._said.append((tweet.id, "label", row.gold))
        if row.names_split and (row.split != tweet.split or "splits" in self._updates):
            self._said.append((tweet.id, "split", row.split))
        if not self.is_export and ('"note"' in row.source or '"flags"' in row.source):
            self._noted.append((tweet.id, row.source))

    def _compare_all(self, row: ParsedRow, tweet: StoredTweet) -> None:
        """Note what a row of an exported file, which says all of a tweet, says otherwise."""
        state: dict[str, Any] = {"label": row.gold, "note": None} | dict.fromkeys(MARKS, 0)
        for event in row.events:
            if event["field"] in state:
                state[event["field"]] = self.value_of(event, "new")
            self._events.append((tweet.id, event))
        for name, value in state.items():
            if (value or None) != (getattr(tweet, name) or None):
                self._said.append((tweet.id, name, value))

    def value_of(self, event: Event, side: str) -> Value:
        """What is stored of a side of an event of an exported file."""
        value: Value = event[side]
        return (
            value
            if event["field"] not in LABEL_FIELDS or value is None
            else self._ids[key(str(value))]
        )

    def keep(self) -> None:
        """Put what was noted of some rows into the table."""
        self._compare_columns()
        if self._said or self._events:
            self.db.execute("BEGIN")
            self.db.executemany("INSERT OR IGNORE INTO temp.said VALUES (?, ?, ?)", self._said)
            history_merging.stage_events(self.db, self._events, self.value_of)
            self.db.execute("COMMIT")
        self._said, self._events = [], []

    def say_splits(self, splits: Mapping[int, str]) -> None:
        """Have the file say these splits of tweets, whatever it said before."""
        if splits:
            self.db.execute("BEGIN")
            self.db.executemany(
                "INSERT OR REPLACE INTO temp.said VALUES (?, 'split', ?)", list(splits.items())
            )
            self.db.execute("COMMIT")

    def _compare_columns(self) -> None:
        """Compare columns `note` and `flags` of any file, unless the tweet came with the same."""
        noted, self._noted = self._noted, []
        for start in range(0, len(noted), 500):
            some = dict(noted[start : start + 500])
            marks = ",".join("?" * len(some))
            for tweet, source, note, *flags in self.db.execute(
                f"SELECT t.id, t.source, c.note, {', '.join(f'c.{name}' for name in MARKS)} "
                f"FROM tweets t JOIN current c ON c.tweet = t.id WHERE t.id IN ({marks})",
                list(some),
            ):
                said, came = json.loads(some[tweet]), json.loads(source)
                text = _text(said.get("note"))
                if text not in (None, note) and said["note"] != came.get("note"):
                    self._said.append((tweet, "note", text))
                if (names := _flags(said.get("flags"))) and said["flags"] != came.get("flags"):
                    self._said += [
                        (tweet, name, int(name in names))
                        for name, on in zip(MARKS, flags, strict=True)
                        if on != (name in names)
                    ]

    def apply(self, store: Store, source: int) -> MergeReport:
        """Take what is to be taken by an import, and say what differed; in a transaction."""
        joined = history_merging.append_new_events(store, source)
        differences = self._differences()
        self.db.execute(
            f"CREATE TEMP TABLE taking AS SELECT e.tweet, e.field, {CURRENT_VALUE} AS old, "
            f"e.value AS new, c.gold {DIFFERING} AND (({UNLABELLED}) OR e.field IN (SELECT value "
            "FROM json_each(?))) ORDER BY e.tweet",
            [json.dumps([n for n, k in UPDATE_OF.items() if k in self._updates and n != "split"])],
        )
        filled = self._count(f"SELECT count(*) {DIFFERING} AND {UNLABELLED}")
        if "splits" in self._updates:
            self._take_groups()
        updated = {
            kind: number
            for kind in self._updates
            if (number := self._taken(kind) - (filled if kind == "labels" else 0))
        }
        if total := self._count("SELECT count(*) FROM temp.taking"):
            self._write(store, total, source)
        return MergeReport(filled, differences, updated, joined.events, joined.changed)

    def _differences(self) -> tuple[MergeDifference, ...]:
        names = dict(self.db.execute("SELECT id, name FROM labels"))
        rows = self.db.execute(
            f"SELECT e.field, CASE e.field WHEN 'note' THEN NULL ELSE {CURRENT_VALUE} END AS old, "
            "CASE e.field WHEN 'note' THEN NULL ELSE e.value END AS new, count(*) AS many "
            f"{DIFFERING} AND NOT ({UNLABELLED}) GROUP BY 1, 2, 3 ORDER BY many DESC, 1, 2, 3"
        ).fetchall()
        changes = [
            ValueDifference(name, names.get(old), names.get(new), many)
            if name == "label"
            else ValueDifference(name, old, new, many)
            for name, old, new, many in rows
        ]
        found = []
        for kind in UPDATES:
            fields = [name for name, update in UPDATE_OF.items() if update == kind]
            those = tuple(change for change in changes if change.field in fields)
            if those:
                many = self._count(
                    f"SELECT count(DISTINCT e.tweet) {DIFFERING} AND NOT ({UNLABELLED}) "
                    "AND e.field IN (SELECT value FROM json_each(?))",
                    json.dumps(fields),
                )
                found.append(MergeDifference(kind, many, those))
        return tuple(found)

    def _take_groups(self) -> None:
        """Take the splits for whole groups; where the file has a group in several, test wins."""
        self.db.execute(
            "CREATE TEMP TABLE moving AS SELECT c.group_id, "
            f"{group_splits.TEST_WINS.format(split='e.value')} AS split "
            "FROM temp.said e CROSS JOIN current c ON c.tweet = e.tweet WHERE e.field = 'split' "
            "GROUP BY c.group_id HAVING max(e.value != c.split)"
        )
        for members in group_splits.MEMBERS:
            self.db.execute(
                "INSERT INTO temp.taking SELECT c.tweet, 'split', c.split, g.split, c.gold "
                f"FROM temp.moving g CROSS JOIN current c ON {members} WHERE c.split != g.split"
            )

    def _taken(self, kind: str) -> int:
        fields = [name for name, update in UPDATE_OF.items() if update == kind]
        return self._count(
            "SELECT count(DISTINCT tweet) FROM temp.taking "
            "WHERE field IN (SELECT value FROM json_each(?))",
            json.dumps(fields),
        )

    def _write(self, store: Store, total: int, source: int) -> None:
        action = begin_undoable(store, MERGE, brought_by=source)
        size = batch_size(total)
        for first in range(1, total + 1, size):
            rows = self.db.execute(
                "SELECT * FROM temp.taking WHERE rowid BETWEEN ? AND ?", [first, first + size - 1]
            ).fetchall()
            write_edits(store, action, [Edit(*row) for row in rows])

    def _count(self, sql: str, *asked: str) -> int:
        return int(self.db.execute(sql, asked).fetchone()[0])


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


def _flags(value: Any) -> Sequence[str]:
    """The marks that a cell names; none if it holds anything else."""
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(names, list) or not all(name in MARKS for name in names):
        return ()
    return names
