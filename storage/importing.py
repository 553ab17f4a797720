"""Taking tweets in from a file: all of it or nothing, and nothing twice."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from storage import readers
from storage.arrivals import Arrivals, importing_alone, sweep
from storage.bulk import bulk
from storage.columns import MOST_LABELS, Columns, guess
from storage.config import Config, check_labels
from storage.errors import UsageError, UserError
from storage.parsing import Batch, Job, batches, value_of
from storage.store import Store, transaction

SAMPLE = 200


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
        if value := value_of(row, columns.label):
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
    last = Batch([], 0, 0)
    with importing_alone(store, waiting), bulk(store) as writer:
        sweep(writer)
        with _label_numbers(writer.db, plan.labels, keep=not dry_run) as numbers:
            arrivals = Arrivals(writer, plan.path, plan.columns.as_json())
            try:
                for last in batches(_job(store.config, plan, numbers)):
                    arrivals.take(last.rows)
                    progress(last.read)
                arrivals.group(keeps_splits=plan.columns.split is not None)
                if not dry_run:
                    arrivals.publish(store)
            finally:
                sweep(writer)
    names = {number: name for name, number in numbers.items()}
    return Report(
        columns=plan.columns.as_json(), read=last.read, added=arrivals.added,
        existing=arrivals.existing, duplicates=arrivals.duplicates, rejected=last.rejected,
        labels={names[number]: count for number, count in arrivals.golds.items()},
        unlabelled=arrivals.added - arrivals.golds.total(), other_gold=arrivals.other_gold,
    )  # fmt: skip


def _job(config: Config, plan: Plan, numbers: Mapping[str, int]) -> Job:
    folded = {name.casefold(): number for name, number in numbers.items()}
    path = plan.path.resolve()
    return Job(path, plan.options.encoding, plan.columns, plan.options.codes, folded, config)


@contextmanager
def _label_numbers(
    db: sqlite3.Connection, labels: tuple[str, ...], keep: bool
) -> Iterator[dict[str, int]]:
    """The numbers of the labels; new ones are forgotten again if nothing came of the import."""
    last = db.execute("SELECT coalesce(max(id), 0) FROM labels").fetchone()[0]
    with transaction(db):
        db.executemany(
            "INSERT INTO labels (name) VALUES (?) ON CONFLICT (name) DO NOTHING",
            [(name,) for name in labels],
        )
    kept = False
    try:
        yield {name: number for number, name in db.execute("SELECT id, name FROM labels")}
        kept = keep
    finally:
        if not kept:
            with transaction(db):
                db.execute("DELETE FROM labels WHERE id > ?", [last])
