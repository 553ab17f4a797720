"""Tweets on their way into the store: written out of sight, grouped, then shown all at once.

Rows above `counts.tweets` are invisible everywhere, so a file can be written in many short
transactions, and either all of it is there afterwards or nothing. What an interrupted import
left behind is swept away by the next one.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from storage.bulk_writes import BulkWriter
from storage.history import event_records
from storage.indexes import fts_segments
from storage.judgements import FIELD, TRUTH
from storage.predicates import COUNTED, COUNTS
from storage.store import Store, last_visible_id, now
from storage.transactions import transaction
from storage.transfer import new_tweets
from storage.transfer.judgements import Judged, Judging
from storage.transfer.merging import MergeReport, TweetMerge
from storage.transfer.parsing import Batch
from storage.transfer.rounded_ids import may_be
from storage.transfer.rows import OtherSplit, ParsedRow, StoredTweet

GOLD = ParsedRow._fields.index("gold")
EVENTS = ParsedRow._fields.index("events")
SWEPT = 10_000
"""Rows that are swept away before the text index is tidied up."""


def sweep(writer: BulkWriter) -> None:
    """Remove what an import that did not come to its end has left behind."""
    db, last = writer.db, last_visible_id(writer.db)
    highest = db.execute("SELECT max(id) FROM tweets").fetchone()[0] or 0
    before = db.execute("PRAGMA secure_delete").fetchone()[0]
    db.execute("PRAGMA secure_delete = ON")  # texts that were refused are not left in free pages
    for first in range(last + 1, highest + 1, SWEPT):
        end = min(highest, first + SWEPT - 1)
        writer.in_slices("sweep", first, end, lambda a, b: _remove(writer, a, b))
        fts_segments.merge_segments(writer)
    with transaction(db):
        db.execute(
            "DELETE FROM actions WHERE import IN (SELECT id FROM imports WHERE action IS NULL)"
        )
        db.execute("DELETE FROM imports WHERE action IS NULL")
        db.execute("UPDATE counts SET value = ? WHERE name = 'indexed'", [last])
    db.execute(f"PRAGMA secure_delete = {int(before)}")


def _remove(writer: BulkWriter, first: int, last: int) -> None:
    between, rows = "BETWEEN ? AND ?", [first, last]
    writer.db.execute(
        "INSERT INTO tweets_fts (tweets_fts, rowid, text) SELECT 'delete', id, tokenized(text) "
        f"FROM tweets WHERE id {between} "
        "AND id <= (SELECT value FROM counts WHERE name = 'indexed')",
        rows,
    )
    for statement in (
        f"DELETE FROM contents WHERE (content, tweet) IN "
        f"(SELECT content, id FROM tweets WHERE id {between})",
        f"DELETE FROM orders WHERE run = 0 AND name = 'length' AND (value, tweet) IN "
        f"(SELECT -length, tweet FROM current WHERE tweet {between})",
        f"DELETE FROM label_events WHERE tweet {between}",
        f"DELETE FROM current WHERE tweet {between}",
        f"DELETE FROM tweets WHERE id {between}",
    ):
        writer.db.execute(statement, rows)


class StagedImport:
    """One import under way: its tweets are written, and visible after `publish` only."""

    def __init__(
        self,
        writer: BulkWriter,
        path: Path,
        columns: Mapping[str, Any],
        annotator: str,
        merging: TweetMerge,
        keep: bool = True,
    ) -> None:
        self.writer = writer
        self.merging = merging
        self.annotator = annotator
        self.before = last_visible_id(writer.db)
        self.shared_ids = 0
        """Tweets that came in with the id of another one."""
        self.added = self.existing = self.other_gold = self.duplicates = self.restored = 0
        self.golds: Counter[int] = Counter()
        """How many tweets came with each gold label."""
        self._matched = bytearray(self.before + 1)
        self._segments = 0
        self._keep = keep
        self._source_columns: Sequence[str] = ()
        with transaction(writer.db):
            fts_segments.collect(writer.db)
            self.source = 1 + _last_import(writer.db)
            writer.db.execute(
                "INSERT INTO imports (id, path, at, columns) VALUES (?, ?, ?, ?)",
                [
                    self.source,
                    os.fsencode(path).decode(errors="replace"),
                    now(),
                    json.dumps(dict(columns)),
                ],
            )
        self.judging = Judging(writer, self.before, self.source)
        self.judged = Judged()
        event_records.create_staging_tables(writer.db)

    def add(self, batch: Batch) -> None:
        """Write those of the rows, none of which the file has twice, that the store has not yet."""
        columns, there = batch.columns, [0] * len(batch)
        self._source_columns = batch.source_columns
        if self.before and batch:
            columns, there = self._compare(batch.rows)
        start = self.before + self.added
        fresh = len(columns[0]) if columns else 0
        self.writer.in_slices(
            "tweets", 1, fresh, lambda a, b: self._write(start + a, [c[a - 1 : b] for c in columns])
        )
        if columns:
            self._count(start + 1, columns)
        self.existing += len(batch) - fresh
        self.added += fresh
        if self._keep:  # the words of a file that is only looked at do not get into the index
            self._index(start + 1, start + fresh)
        numbers = iter(range(start + 1, start + fresh + 1))
        self.judging.take((number or next(numbers) for number in there), batch.judgements)
        self._take_other_splits(batch.other_splits)

    def _compare(self, rows: Sequence[ParsedRow]) -> tuple[Sequence[Sequence[Any]], list[int]]:
        """The columns of the rows that are not there yet, and for each row its tweet or 0."""
        candidates = self._candidates(rows)
        there = [self._find(row, candidates.get(row.content, ())) for row in rows]
        for place, row in enumerate(rows):
            if not there[place] and row.content in candidates:
                there[place] = self._find(row, candidates[row.content], loosely=True)
        self.merging.keep()
        if self.merging.is_export:
            self._keep_judgements(rows, there)
        fresh = (row for row, number in zip(rows, there, strict=True) if not number)
        return list(zip(*fresh, strict=True)), there

    def _count(self, first: int, columns: Sequence[Sequence[Any]]) -> None:
        """Count the gold labels of new tweets, and put their histories by."""
        self.golds.update(gold for gold in columns[GOLD] if gold is not None)
        for number, events in enumerate(columns[EVENTS], start=first):
            if events:
                event_records.stage_events(self.writer.db, number, events)

    def _keep_judgements(self, rows: Sequence[ParsedRow], there: Sequence[int]) -> None:
        """Put by the judgements that an exported file has of tweets that were there."""
        self.judging.put(
            (
                number,
                event["annotator"],
                event["at"],
                self.merging.value_of(event, "new"),
                event["kind"] == TRUTH,
            )
            for row, number in zip(rows, there, strict=True)
            for event in row.events
            if number and event["field"] == FIELD
        )

    def _take_other_splits(self, others: Sequence[OtherSplit]) -> None:
        """Give tweets the splits of later rows that win; of those that were there, note them."""
        splits = {self.judging.tweets[other.place]: other.split for other in others}
        there = {tweet: split for tweet, split in splits.items() if tweet <= self.before}
        self.merging.say_splits(there)
        self.writer.executemany(
            "splits",
            "UPDATE current SET split = ? WHERE tweet = ?",
            [(split, tweet) for tweet, split in splits.items() if tweet not in there],
        )

    def judge(self) -> None:
        """Write the judgements of annotators, which give the tweets their gold labels."""
        self.golds.update(self.judging.write())

    def _index(self, first: int, last: int) -> None:
        """Add tweets to the text index, and keep the number of its segments down."""
        while first <= last:
            size = self.writer.slice_size("index")
            end = min(last, first + fts_segments.MERGED_AT_ONCE * size - 1)
            self.writer.in_slices("index", first, end, self._index_some)
            self._segments += -(-(end - first + 1) // size)
            if self._segments >= fts_segments.MERGED_AT_ONCE:
                # Beside labels early, since a step takes longer the more segments it looks into.
                most = (
                    fts_segments.MERGED_AT_ONCE
                    if self.writer.somebody_labels
                    else fts_segments.MOST_SEGMENTS
                )
                fts_segments.merge_segments(self.writer, most)
                self._segments = 0
            first = end + 1

    def _candidates(self, rows: Sequence[ParsedRow]) -> dict[int, list[StoredTweet]]:
        """The tweets that were there and may equal one of the rows, by their content."""
        found: dict[int, list[StoredTweet]] = {}
        marks = ",".join("?" * len(rows))
        for content, *tweet in self.writer.db.execute(
            "SELECT k.content, k.tweet, t.external_id, t.text, c.gold, c.label, "
            "c.excluded, c.review, c.ambiguous, c.note, c.split FROM contents k "
            "JOIN tweets t ON t.id = k.tweet JOIN current c ON c.tweet = k.tweet "
            f"WHERE k.content IN ({marks}) AND k.tweet <= ? ORDER BY k.tweet",
            [*(row.content for row in rows), self.before],
        ):
            found.setdefault(content, []).append(StoredTweet._make(tweet))
        return found

    def _find(
        self, row: ParsedRow, candidates: Sequence[StoredTweet], loosely: bool = False
    ) -> int:
        """The id of the row in the store, or 0; without ids, the n-th equal text is the n-th.

        Where the row or the tweet has no id, the text alone tells if they are compared `loosely`.
        """
        for tweet in candidates:
            if row.rounded_id is not None:
                same = may_be(tweet.external_id, row.rounded_id)
            elif loosely:
                same = tweet.external_id is None or row.external_id is None
            else:
                same = tweet.external_id == row.external_id
            if not same or tweet.text != row.text or self._matched[tweet.id]:
                continue
            self._matched[tweet.id] = 1
            self.other_gold += not row.said and row.gold is not None and tweet.gold != row.gold
            self.merging.compare(row, tweet)
            return tweet.id
        return 0

    def _write(self, first: int, columns: Sequence[Sequence[Any]]) -> None:
        texts, external_ids, sources, contents, splits, golds, *_ = columns
        db, numbers = self.writer.db, range(first, first + len(texts))
        db.executemany(
            "INSERT INTO tweets (id, import, text, external_id, source, content) "
            f"VALUES (?, {self.source:d}, ?, ?, ?, ?)",
            zip(numbers, texts, external_ids, sources, contents, strict=True),
        )
        db.executemany(
            "INSERT INTO current (tweet, gold, label, split, group_id, length) "
            "VALUES (?1, ?2, ?2, ?3, ?1, ?4)",
            zip(numbers, golds, splits, map(len, texts), strict=True),
        )

    def _index_some(self, first: int, last: int) -> None:
        db = self.writer.db
        db.execute(
            # Texts of ASCII characters are indexed as they are, without a detour through Python.
            "INSERT INTO tweets_fts (rowid, text) SELECT id, CASE WHEN length(text) = "
            "length(CAST(text AS BLOB)) THEN text ELSE tokenized(text) END "
            "FROM tweets WHERE id BETWEEN ? AND ?",
            [first, last],
        )
        db.execute("UPDATE counts SET value = ? WHERE name = 'indexed'", [last])

    def group(self, keeps_splits: bool, counts_ids: bool) -> None:
        """Put each new tweet into the group of the first tweet with an equal text.

        It joins that group's split, unless the file says which split it is in. What else is to be
        found out of all new tweets is done meanwhile, and the ids that they share are counted.
        """
        with new_tweets.surveyed(self.writer.db, self.before, self.added, counts_ids) as survey:
            self._group(keeps_splits)
            found = survey()
            self.shared_ids = found.shared_ids
            ordered = f"SELECT 0, 'length', value, tweet FROM {found.lengths}"
            self._fill("orders", ordered, self.added)

    def _group(self, keeps_splits: bool) -> None:
        db, before = self.writer.db, self.before
        db.execute(
            "CREATE TEMP TABLE fresh AS SELECT content, id AS tweet FROM tweets WHERE id > ? "
            "ORDER BY content, id",
            [before],
        )
        self._fill("contents", "SELECT content, tweet FROM fresh", self.added)
        db.execute(
            "CREATE TEMP TABLE twins AS SELECT f.tweet, "
            "(SELECT min(k.tweet) FROM contents k WHERE k.content = f.content) AS first "
            # of new tweets with equal texts each has the one before it right before it
            "FROM fresh f LEFT JOIN fresh b ON b.rowid = f.rowid - 1 WHERE b.content = f.content "
            "OR ?1 AND EXISTS (SELECT 1 FROM contents k WHERE k.content = f.content "
            "AND k.tweet <= ?1) ORDER BY f.tweet",
            [before],
        )
        self.duplicates = db.execute("SELECT count(*) FROM twins").fetchone()[0]
        split = "" if keeps_splits else ", split = g.split"
        self.writer.in_slices(
            "twins",
            1,
            self.duplicates,
            lambda a, b: db.execute(
                f"UPDATE current SET group_id = g.group_id{split} FROM (SELECT w.tweet AS twin, "
                "c.group_id, c.split FROM twins w JOIN current c ON c.tweet = w.first "
                "WHERE w.rowid BETWEEN ? AND ?) g WHERE current.tweet = g.twin",
                [a, b],
            ),
        )

    def _fill(self, table: str, ordered: str, rows: int) -> None:
        """Copy a table, whose rows are in the order of the other one's key."""
        self.writer.in_slices(
            table,
            1,
            rows,
            lambda a, b: self.writer.db.execute(
                f"INSERT INTO {table} {ordered} WHERE rowid BETWEEN ? AND ?", [a, b]
            ),
        )

    def import_histories(self) -> None:
        """Write the histories that came with the rows of an exported file."""
        self.restored = event_records.import_events(self.writer, self.annotator, self.source)

    def publish(self, store: Store) -> MergeReport:
        """Make everything visible in one synced transaction, and merge what was there.

        Says what was merged; what is not to be kept is taken back in the same transaction.
        """
        db = self.writer.db
        counted = {"tweets": self.added, "labelled": self.golds.total()}
        if self.restored:
            counted |= count_labels(db, self.before)
        db.execute("PRAGMA synchronous = FULL")
        with transaction(db):
            db.execute("SAVEPOINT publishing")
            action = db.execute(
                "INSERT INTO actions (annotator, at, kind, import) VALUES (?, ?, 'gold import', ?)",
                [self.annotator, now(), self.source],
            ).lastrowid
            db.execute("UPDATE imports SET action = ? WHERE id = ?", [action, self.source])
            db.execute("UPDATE counts SET value = ? WHERE name = 'imports'", [self.source])
            db.executemany(
                "UPDATE counts SET value = value + ? WHERE name = ?",
                [(number, name) for name, number in counted.items()],
            )
            if self.added:
                db.executemany(
                    "INSERT INTO source_columns VALUES (?, ?)",
                    [(self.source, name) for name in self._source_columns],
                )
            self.judged = self.judging.publish(self.merging.is_export)
            merged = self.merging.apply(replace(store, db=db), self.source)
            event_records.publish_events(db)
            if not self._keep:
                db.execute("ROLLBACK TO publishing")
        return merged


def _last_import(db: sqlite3.Connection) -> int:
    """The highest number that an import has had; those that are taken back keep theirs."""
    return int(db.execute("SELECT value FROM counts WHERE name = 'imports'").fetchone()[0])


def count_labels(db: sqlite3.Connection, after: int) -> dict[str, int]:
    """The counts of the tweets above an id, apart from how many they are."""
    row = db.execute(f"SELECT {COUNTS} FROM current c WHERE c.tweet > ?", [after]).fetchone()
    return dict(zip(COUNTED, row, strict=True))
