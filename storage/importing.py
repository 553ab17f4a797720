"""Taking tweets in from a file: all of it or nothing, and nothing twice."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from storage import readers
from storage.columns import MOST_LABELS, SPLIT_NAMES, Columns, guess
from storage.config import Config, check_labels
from storage.errors import UsageError, UserError
from storage.events import begin
from storage.store import Store, now, transaction
from storage.text import content_hash, digest, split_of

SAMPLE = 200
SURROGATE = re.compile("[\ud800-\udfff]")
BATCH = 5_000


@dataclass(frozen=True)
class Options:
    """What the user says about a file; what is None is guessed."""

    columns: Mapping[str, str | None] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    """Label names for the codes that the file has instead."""
    encoding: str | None = None


@dataclass(frozen=True)
class Plan:
    """What an import will do, worked out before anything is written."""

    path: Path
    options: Options
    columns: Columns
    labels: tuple[str, ...]
    """The label set that the workspace has afterwards."""


@dataclass(frozen=True)
class Report:
    """What an import did."""

    columns: dict[str, str]
    read: int = 0
    added: int = 0
    existing: int = 0
    duplicates: int = 0
    """Added tweets whose text equals that of an earlier one (they share a group and a split)."""
    rejected: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    unlabelled: int = 0
    other_gold: int = 0
    """Tweets that were there already with another gold label, which they keep."""

    def as_json(self) -> dict[str, Any]:
        """The fields that the command line promises."""
        return asdict(self)


def plan(config: Config, path: Path, options: Options) -> Plan:
    """Find the columns and labels of a file.

    Raises UserError or UsageError for a file that cannot be read, a missing column, or labels
    that the workspace does not have.
    """
    rows = readers.rows(path, options.encoding)
    sample = list(islice(rows, SAMPLE))
    if not sample:
        raise UserError(f"{path} has no rows.")
    columns = guess(sample, options.columns)
    if columns.label is None:
        return Plan(path, options, columns, config.labels)
    seen: Counter[str] = Counter()
    for row in chain(sample, rows):
        if value := _value(row, columns.label):
            seen[value] += 1
            if len(seen) > 1000:
                break
    return Plan(path, options, columns, _labels(config, path, columns.label, options.codes, seen))


def _labels(
    config: Config, path: Path, column: str, codes: Mapping[str, str], seen: Counter[str]
) -> tuple[str, ...]:
    for name in codes.values():
        if config.labels:
            config.require_label(name)
    names = list(dict.fromkeys(codes.get(value, value) for value, _ in seen.most_common()))
    if config.labels:
        unknown = [name for name in names if config.label(name) is None]
        if unknown:
            shown = ", ".join(map(repr, unknown[:5])) + (", …" if len(unknown) > 5 else "")
            raise UsageError(
                f"{path}: column {column!r} has labels that this workspace does not have: {shown} "
                f"(labels: {', '.join(config.labels)}); map them with --map value=label,…"
            )
        return config.labels
    if len({name.casefold() for name in names}) > MOST_LABELS:
        raise UsageError(
            f"{path}: column {column!r} has more than {MOST_LABELS} different values; "
            "name the label column with --label."
        )
    if names and all(name.lstrip("-").isdigit() for name in names):
        example = ",".join(f"{name}=NAME" for name in sorted(names))
        raise UsageError(f"{path}: the labels are codes; name them with --map {example}.")
    distinct = {name.casefold(): name for name in reversed(names)}
    labels = tuple(name for name in names if distinct[name.casefold()] == name)
    check_labels(labels)
    return labels


def run(store: Store, plan: Plan, dry_run: bool = False) -> Report:
    """Write the tweets of a file into the store in one transaction; a dry run takes it back.

    A row is known by its text and its id column, or without one by how often the text occurred
    before it in the file, so importing the same file again adds nothing.
    """
    try:
        with transaction(store.db):
            report = _write(store, plan)
            if dry_run:
                raise _DryRun(report)
    except _DryRun as stopped:
        return stopped.report
    return report


class _DryRun(Exception):
    def __init__(self, report: Report) -> None:
        self.report = report


@dataclass
class _Tally:
    read: int = 0
    existing: int = 0
    rejected: int = 0
    other_gold: int = 0
    labels: Counter[str] = field(default_factory=Counter)


def _write(store: Store, plan: Plan) -> Report:
    db = store.db
    db.executemany(
        "INSERT INTO labels (name) VALUES (?) ON CONFLICT (name) DO NOTHING",
        [(name,) for name in plan.labels],
    )
    ids = {name.casefold(): number for number, name in db.execute("SELECT id, name FROM labels")}
    last = db.execute("SELECT max(id) FROM tweets").fetchone()[0] or 0
    source = db.execute(
        "INSERT INTO imports (path, at, columns) VALUES (?, ?, ?)",
        [str(plan.path), now(), json.dumps(plan.columns.as_json())],
    ).lastrowid
    action = begin(store, "gold import")
    tally = _Tally()
    added = 0
    rows = _parsed(store, plan, ids, tally)
    while batch := list(islice(rows, BATCH)):
        fresh: dict[bytes, _Parsed] = {}
        for row in batch:
            if row.key in fresh or _known(db, row, tally):
                tally.existing += 1
            else:
                fresh[row.key] = row
        numbers = range(last + added + 1, last + added + 1 + len(fresh))
        _insert(db, list(zip(numbers, fresh.values(), strict=True)), int(source or 0), action)
        tally.labels.update(row.label for row in fresh.values() if row.label is not None)
        added += len(fresh)
    duplicates = _group(db, last, plan.columns.split is not None)
    db.execute(
        "INSERT INTO tweets_fts (rowid, text) SELECT id, text FROM tweets WHERE id > ?", [last]
    )
    labelled = sum(tally.labels.values())
    db.executemany(
        "INSERT INTO counts (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        [("tweets", added), ("labelled", labelled),
         *((name, 0) for name in ("corrected", "excluded", "review", "ambiguous"))],
    )  # fmt: skip
    return Report(
        columns=plan.columns.as_json(), read=tally.read, added=added, existing=tally.existing,
        duplicates=duplicates, rejected=tally.rejected, labels=dict(tally.labels),
        unlabelled=added - labelled, other_gold=tally.other_gold,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Parsed:
    key: bytes
    external_id: str | None
    text: str
    content: bytes
    source: str
    split: str
    gold: int | None
    label: str | None


def _parsed(store: Store, plan: Plan, ids: Mapping[str, int], tally: _Tally) -> Iterator[_Parsed]:
    columns, config = plan.columns, store.config
    names = {label.casefold(): label for label in plan.labels}
    occurrences: Counter[bytes] = Counter()
    for row in readers.rows(plan.path, plan.options.encoding):
        tally.read += 1
        text = row.get(columns.text)
        if not isinstance(text, str) or not text.strip():
            tally.rejected += 1
            continue
        external = _value(row, columns.id)
        if not_unicode := SURROGATE.search(text):
            raise UserError(
                f"{plan.path}, row {tally.read}: the text is no valid Unicode (the lone surrogate "
                f"U+{ord(not_unicode[0]):04X}); correct it in the file."
            )
        exact = digest(text)
        occurrences[exact] += 1
        key = (
            digest("id", external, text)
            if external
            else digest("text", text, str(occurrences[exact]))
        )
        split = SPLIT_NAMES.get((_value(row, columns.split) or "").casefold())
        code = _value(row, columns.label)
        name = None if code is None else plan.options.codes.get(code, code)
        label = None if name is None else (config.label(name) or names[name.casefold()])
        used = (columns.text, columns.label, columns.id, columns.split)
        rest = {
            name: value for name, value in row.items() if name not in used and value is not None
        }
        content = content_hash(text)
        yield _Parsed(
            key, external, text, content, json.dumps(rest, ensure_ascii=False, default=str),
            split or split_of(content, config.seed, config.test_share, config.dev_share),
            None if label is None else ids[label.casefold()], label,
        )  # fmt: skip


def _known(db: sqlite3.Connection, row: _Parsed, tally: _Tally) -> bool:
    """Whether the store has the row, counting those that it has with another gold label."""
    found = db.execute(
        "SELECT t.text, c.gold FROM tweets t JOIN current c ON c.tweet = t.id WHERE t.key = ?",
        [row.key],
    ).fetchone()
    if found is None:
        return False
    tally.other_gold += row.gold is not None and found[1] != row.gold
    return True


def _insert(
    db: sqlite3.Connection, rows: list[tuple[int, _Parsed]], source: int, action: int
) -> None:
    db.executemany(
        "INSERT INTO tweets "
        "(id, key, external_id, text, source, content_hash, group_id, split, import) "
        "VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)",
        ((n, r.key, r.external_id, r.text, r.source, r.content, r.split, source) for n, r in rows),
    )
    db.executemany(
        "INSERT INTO current (tweet, gold, label) VALUES (?, ?, ?)",
        ((n, r.gold, r.gold) for n, r in rows),
    )
    db.executemany(
        "INSERT INTO label_events (action, tweet, field, old, new) VALUES (?, ?, 'label', NULL, ?)",
        ((action, n, r.gold) for n, r in rows if r.gold is not None),
    )


def _group(db: sqlite3.Connection, last: int, keeps_splits: bool) -> int:
    """Put the new tweets into groups of equal texts and return how many joined an earlier one."""
    db.execute(
        "UPDATE tweets SET group_id = (SELECT min(o.id) FROM tweets o "
        "WHERE o.content_hash = tweets.content_hash) WHERE id > ?",
        [last],
    )
    if not keeps_splits:
        db.execute(
            "UPDATE tweets SET split = (SELECT split FROM tweets g WHERE g.id = tweets.group_id) "
            "WHERE id > ? AND group_id <= ?",
            [last, last],
        )
    joined = db.execute("SELECT count(*) FROM tweets WHERE id > ? AND group_id != id", [last])
    return int(joined.fetchone()[0])


def _value(row: Mapping[str, Any], column: str | None) -> str | None:
    """The value of a column as text; None where it is empty."""
    value = None if column is None else row.get(column)
    if value is None:
        return None
    return str(value).strip() or None
