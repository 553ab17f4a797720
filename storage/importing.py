"""Taking tweets in from a file: all of it or nothing, and nothing twice."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from storage import config as config_file
from storage import encodings, own_files, readers
from storage.arrivals import Arrivals, importing_alone, sweep
from storage.bulk import bulk
from storage.columns import MOST_LABELS, Columns, guess
from storage.config import Config, check_labels
from storage.errors import UsageError, UserError
from storage.events import newest
from storage.parsing import Batch, Job, batches, in_row, value_of
from storage.store import Store, transaction, visible

SAMPLE = 200
SCANNED = 50_000
"""Rows between two looks at how many different labels there are."""
MOST_VALUES = 1_000
CODE = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Options:
    """What the user says about a file; what is None is guessed."""

    columns: Mapping[str, str | None] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    """Label names for the codes that the file has instead, in any case."""
    encoding: str | None = None
    header: bool | None = None
    """Whether the first row of a table names the columns."""
    split: str | None = None
    """The split of all tweets of the file, whatever its columns say."""


@dataclass(frozen=True)
class Plan:
    """What an import will do, worked out before anything is written."""

    path: Path
    options: Options
    """What the user said, with the encoding that was found and the codes in lower case."""
    columns: Columns
    labels: tuple[str, ...]
    """The label set that the workspace has afterwards."""
    own: bool = False
    """The file was exported here: its gold labels, sources and histories are restored."""
    rows: int | None = None
    """How many there are, if the labels were counted."""


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
    encoding: str | None = None
    """What the file was read as; None where the format has no choice of an encoding."""
    restored: int = 0
    """Events of an exported history that were written."""

    def as_json(self) -> dict[str, Any]:
        """The fields that the command line promises."""
        return asdict(self)


def plan(config: Config, path: Path, options: Options) -> Plan:
    """Find the columns and labels of a file.

    Raises UserError or UsageError for a file that cannot be read, a missing column, or labels
    that the workspace does not have.
    """
    options = replace(
        options,
        codes={code.casefold(): name for code, name in options.codes.items()},
        encoding=readers.encoding_of(path, options.encoding),
    )
    rows = readers.rows(path, options.encoding, options.header)
    sample = list(islice(rows, SAMPLE))
    if not sample:
        raise UserError(f"{path} has no rows.")
    named = {part: column for part, column in options.columns.items() if column is not None}
    own = not named and own_files.is_own({name for row in sample for name in row})
    columns = (
        Columns("text", label="gold", id="external_id", split="split")
        if own
        else guess(sample, named, _known_labels(config, options))
    )
    if columns.label is None:
        return Plan(path, options, columns, config.labels)
    if own:
        seen = _labels_of_own(path, chain(sample, rows))
    else:
        seen = _values(path, options, columns.label)
    labels = _labels(config, path, columns.label, options.codes, seen)
    return Plan(path, options, columns, labels, own, seen.total())


def _values(path: Path, options: Options, column: str) -> Counter[str]:
    """How often a column has each value, up to a number of values that no label set has."""
    found = readers.table(path, options.encoding, options.header)
    if found is not None:
        names, rows = found
        cells: Iterator[Any] = map(itemgetter(names.index(column)), rows)
    else:
        cells = (row.get(column) for row in readers.rows(path, options.encoding))
    seen: Counter[Any] = Counter()
    while part := list(islice(cells, SCANNED)):
        seen.update(part)
        if len(seen) > MOST_VALUES:
            break
    counted: Counter[str] = Counter()
    for cell, number in seen.items():
        if (value := value_of(cell)) is not None:
            counted[value] += number
    return counted


def _labels_of_own(path: Path, rows: Iterator[Mapping[str, Any]]) -> Counter[str]:
    """The labels of an exported file: gold, current, and those of the history."""
    seen: Counter[str] = Counter()
    for number, row in enumerate(rows, start=1):
        with in_row(path, number):
            named = {value_of(row.get("gold"))} | own_files.labels_in(row)
        seen.update(value for value in named if value is not None)
    return seen


def _known_labels(config: Config, options: Options) -> set[str]:
    names = {name for label in config.labels for name in (label, config.word(label))}
    return {name.casefold() for name in names} | options.codes.keys()


def _labels(
    config: Config, path: Path, column: str, codes: Mapping[str, str], seen: Counter[str]
) -> tuple[str, ...]:
    for name in codes.values():
        if config.labels:
            config.require_label(name)
    names = list(
        dict.fromkeys(codes.get(value.casefold(), value) for value, _ in seen.most_common())
    )
    if config.labels:
        unknown = sorted(name for name in names if config.label(name) is None)
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
    if names and all(CODE.fullmatch(name) for name in names):
        example = ",".join(f"{name}=NAME" for name in sorted(names, key=int))
        raise UsageError(f"{path}: the labels are codes; name them with --map {example}.")
    distinct = {name.casefold(): name for name in reversed(names)}
    labels = tuple(name for name in names if distinct[name.casefold()] == name)
    check_labels(labels)
    return labels


def run(
    store: Store,
    plan: Plan,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda read: None,
    waiting: Callable[[], None] = lambda: None,
) -> Report:
    """Take in the tweets of a file, all of them or none; a dry run changes nothing.

    A row is known by its text and its id column, or without one by how often the text occurred
    before it in the file, so importing the same file again adds nothing. `progress` is told how
    many rows are read, and `waiting` that another import has to end first. Memory use does not
    depend on the size of the file.
    """
    last = Batch([], 0, 0, 0)
    with importing_alone(store, waiting), bulk(store) as writer:
        sweep(writer)
        with _label_numbers(store, writer.db, plan.labels, keep=not dry_run) as numbers:
            arrivals = Arrivals(writer, plan.path, plan.columns.as_json(), store.annotator)
            try:
                for last in batches(_job(store.config, plan, numbers)):
                    arrivals.take(last.rows)
                    progress(last.read)
                arrivals.group(keeps_splits=bool(plan.columns.split or plan.options.split))
                arrivals.restore()
                if not dry_run:
                    arrivals.publish()
            finally:
                sweep(writer)
    names = {number: name for name, number in numbers.items()}
    return Report(
        columns=plan.columns.as_json(), read=last.read, added=arrivals.added,
        existing=arrivals.existing + last.repeated, duplicates=arrivals.duplicates,
        rejected=last.rejected,
        labels={names[number]: count for number, count in arrivals.golds.items()},
        unlabelled=arrivals.added - arrivals.golds.total(), other_gold=arrivals.other_gold,
        encoding=encodings.shown(plan.options.encoding), restored=arrivals.restored,
    )  # fmt: skip


def _job(config: Config, plan: Plan, numbers: Mapping[str, int]) -> Job:
    return Job(
        path=plan.path.absolute(), encoding=plan.options.encoding, header=plan.options.header,
        columns=plan.columns, codes=plan.options.codes, own=plan.own, config=config,
        labels={name.casefold(): number for name, number in numbers.items()},
        split=plan.options.split,
    )  # fmt: skip


@contextmanager
def _label_numbers(
    store: Store, db: sqlite3.Connection, labels: tuple[str, ...], keep: bool
) -> Iterator[dict[str, int]]:
    """The numbers of the labels; new ones are forgotten again if nothing came of the import."""
    newest_event, new, kept = newest(store), [], False
    sql = "INSERT INTO labels (name) VALUES (?) ON CONFLICT (name) DO NOTHING"
    with transaction(db):
        added = [db.execute(sql, [name]) for name in labels]
        new = [cursor.lastrowid for cursor in added if cursor.rowcount]
    try:
        yield {name: number for number, name in db.execute("SELECT id, name FROM labels")}
        kept = keep
    finally:
        if new and not kept:
            _forget(store, db, new, newest_event)


def _forget(store: Store, db: sqlite3.Connection, labels: Sequence[int | None], since: int) -> None:
    """Take out those of the labels that nothing refers to: settings, runs, events since one."""
    with transaction(db), suppress(UserError):  # settings that cannot be read may name them
        named = config_file.load(store.folder).labels
        db.execute(
            "DELETE FROM labels WHERE id IN (SELECT value FROM json_each(?1)) "
            "AND name NOT IN (SELECT value FROM json_each(?2)) "
            "AND name NOT IN (SELECT l.value FROM runs r, json_each(r.labels) l) "
            "AND id NOT IN (SELECT new FROM label_events WHERE id > ?3 AND field = 'label' "
            "AND new IS NOT NULL) "
            "AND NOT EXISTS (SELECT 1 FROM tweets WHERE id > ?4)",  # what a failed sweep has left
            [json.dumps(labels), json.dumps(named), since, visible(db)],
        )
