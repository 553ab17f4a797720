"""Taking tweets in from a file: all of it or nothing, and nothing twice."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from storage import config as config_file
from storage import label_changes
from storage.bulk_writes import bulk_writer, lock_imports
from storage.config import Config
from storage.errors import UserError
from storage.formats import arrow_reader, column_values, detection, readers
from storage.formats.column_guessing import confirmed, guess, no_label, several_people
from storage.formats.column_values import Values
from storage.formats.columns import MOST_LABELS, MOST_REPEATED, TIMES, Columns, Meanings, Row
from storage.formats.decoding import encodings
from storage.formats.position import Fault, Position, RecordError
from storage.formats.rejects import Rejects
from storage.formats.source import DATASETS, PARQUET, ReadOptions, Source
from storage.formats.values import codes, label_sets, splits
from storage.formats.values.cells import value_of
from storage.label_names import key
from storage.newest_events import newest_event
from storage.plurals import counted
from storage.store import Store, last_visible_id
from storage.transactions import transaction
from storage.transfer import exported_rows, findings
from storage.transfer.merging import MergeReport, TweetMerge
from storage.transfer.parsing import Batch, Job, Tally, batches
from storage.transfer.staging import StagedImport, sweep

SAMPLE = MOST_REPEATED * TIMES
"""Records that tell the columns; in fewer the most labels would not come often enough."""
MOST_FAULTS_SHOWN = 5
"""Wrong records that are told one by one."""


@dataclass(frozen=True)
class ImportOptions:
    """What the user says about a file; what is None is guessed."""

    columns: Mapping[str, str | None] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    """Label names for the codes that the file has instead, in any case."""
    judgements: tuple[str, ...] | None = None
    """The columns of one annotator each; none if it is empty."""
    encoding: str | None = None
    header: bool | None = None
    """Whether the first row of a table names the columns."""
    split: str | None = None
    """The split of all tweets of the file, whatever its columns say."""
    splits: Mapping[str, str] = field(default_factory=dict)
    """The splits that further values of the file mean."""
    format: str | None = None
    """The format as a file ending without its dot, such as `csv`."""
    delimiter: str | None = None
    quoting: str | None = None
    escape: str | None = None
    sheet: str | None = None
    lenient: bool = False
    """Records that are wrong are left out instead of ending the import."""
    update: frozenset[str] = frozenset()
    """What the file says of tweets that are there counts, for these of `merging.UPDATES`."""

    @property
    def reading(self) -> ReadOptions:
        """The options that say how the file is written."""
        return ReadOptions(
            self.format and f".{self.format}",
            self.encoding,
            self.header,
            self.delimiter,
            self.quoting,
            self.escape,
            self.sheet,
            self.lenient,
        )


@dataclass(frozen=True)
class ImportPlan:
    """What an import will do, worked out before anything is written."""

    source: Source
    options: ImportOptions
    columns: Columns
    labels: tuple[str, ...]
    """The label set that the workspace has afterwards."""
    is_export: bool = False
    """The file was exported here: its gold labels, sources and histories are restored."""
    rows: int | None = None
    """How many rows the file has, if they were counted."""
    notices: tuple[str, ...] = ()
    """What was found that the user should know, in sentences."""
    meanings: Meanings = field(default_factory=dict)
    """What the file says of what its labels mean."""


@dataclass(frozen=True)
class ImportReport:
    """What an import did."""

    columns: dict[str, Any]
    read: int = 0
    added: int = 0
    existing: int = 0
    judging: int = 0
    """Rows that are further judgements of a tweet of the file."""
    duplicates: int = 0
    """Added tweets whose text equals that of an earlier one (they share a group and a split)."""
    rejected: int = 0
    """Rows without a text."""
    labels: dict[str, int] = field(default_factory=dict)
    unlabelled: int = 0
    other_gold: int = 0
    """Tweets that were there already with another gold label, which they keep."""
    encoding: str | None = None
    """What the file was read as; None where the format has no choice of an encoding."""
    restored: int = 0
    """Events of an exported history that were written."""
    skipped: int = 0
    """Records that are wrong and were left out."""
    merged: MergeReport = field(default_factory=MergeReport)
    """What the file says of tweets that were there already."""
    notices: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The fields that the command line promises."""
        return asdict(self)


def plan(config: Config, path: Path, options: ImportOptions, name: str | None = None) -> ImportPlan:
    """Find out how a file is written, and its columns and labels; messages call it `name`.

    Raises UserError or UsageError for a file that cannot be read, a missing column, splits that
    are none, or labels that the workspace does not have.
    """
    source = detection.find(path, options.reading, name)
    position = Position(source.name, collects=options.lenient)
    records = readers.records(source, position)
    sample = [record.row for record in islice(records, SAMPLE)]
    if not sample:
        wrong = f"; {position.faults[0]}" if position.faults else ""
        raise UserError(f"{source.name} has no rows{wrong}.")
    named = {part: column for part, column in options.columns.items() if column is not None}
    judgements = options.judgements
    if not (named or judgements) and exported_rows.is_export(
        {column for row in sample for column in row}
    ):
        return _plan_of_own(config, source, options, chain(sample, (r.row for r in records)))
    names = codes.codes(options.codes)
    known = label_sets.known_keys(config, names)
    if judgements is None and source.form is not None:
        judgements = ()  # whose records say of whom a label is
    columns, values = _guessed(source, sample, options, known, judgements)
    if "label" not in named and not known:
        columns = confirmed(columns, sample, values.labels)
    notices = source.notices
    if source.label_names and not options.codes and codes.are_numbers(values.labels):
        named_codes = {str(code): name for code, name in enumerate(source.label_names)}
        options = replace(options, codes=named_codes)
        names = codes.codes(named_codes)
        shown = ", ".join(f"{code}={name}" for code, name in named_codes.items())
        notices += (f"The file says what its labels mean ({shown}).",)
    if options.split is None:
        columns, said = splits.checked(
            source.name, columns, values.splits, splits.names(options.splits), "split" in named
        )
        notices += said
    labels = config.labels
    if not columns.of_labels:
        notices += (no_label(sample, columns),)
    else:
        where = "column " + ", ".join(map(repr, columns.of_labels))
        is_named = "label" in named or bool(judgements)
        labels = label_sets.label_set(
            config, f"{source.name}: {where}", names, values.labels, is_named
        )
        idle = label_sets.unused(names, options.codes, values.labels)
        if idle and not source.label_names:
            notices += (f"--map names what {where} has not: {', '.join(idle)}.",)
        notices += tuple(
            f"{value!r} in {where} ({counted(number, 'row')}) is read as "
            f"no label; --map {label_sets.quoted(value)}=NAME makes it one."
            for value, number in values.empty.most_common()
        )
        notices += tuple(
            f"{value!r} in {where} ({counted(values.labels[value], 'row')}) is read as a label; "
            f"--map {label_sets.quoted(value)}=none reads it as no label."
            for value in label_sets.dashes(names, values.labels)
        )
    if judgements is None and (people := several_people(sample, columns, known)):
        notices += (people,)
    return ImportPlan(source, options, columns, labels, False, values.rows or None, notices)


def _guessed(
    source: Source,
    sample: Sequence[Row],
    options: ImportOptions,
    known: Collection[str],
    judgements: Sequence[str] | None,
) -> tuple[Columns, Values]:
    """The columns, and what stands in those of labels and splits in the whole file."""
    columns = guess(sample, options.columns, known, judgements)
    values = column_values.values(source, columns, options.lenient, known)
    if judgements is None and columns.judgements and len(values.labels) > MOST_LABELS:
        return _guessed(source, sample, options, known, ())
    return columns, values


def _plan_of_own(
    config: Config, source: Source, options: ImportOptions, rows: Iterator[Mapping[str, Any]]
) -> ImportPlan:
    """The plan for a file that was exported here."""
    columns = Columns("text", label="gold", id="external_id", split="split")
    position = Position(source.name, collects=options.lenient)
    seen: Counter[str] = Counter()
    for position.record, row in enumerate(rows, start=1):
        with suppress(UserError, RecordError):  # said with its place when the row is parsed
            named = {value_of(row.get("gold"))} | exported_rows.labels_in(row)
            seen.update(value for value in named if value is not None)
    place = f"{source.name}: column 'gold'"
    labels = label_sets.label_set(config, place, codes.codes(options.codes), seen, named=False)
    meanings = {}
    if source.format in (PARQUET, DATASETS):
        meanings = arrow_reader.label_meanings(source)
    return ImportPlan(
        source, options, columns, labels, True, position.record, source.notices, meanings
    )


def run(
    store: Store,
    plan: ImportPlan,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda read: None,
    waiting: Callable[[], None] = lambda: None,
    rejects: Rejects | None = None,
) -> ImportReport:
    """Take in the tweets of a file, all of them or none; a dry run changes nothing.

    A row is known by its text and its id column, or without one by how often the text occurred
    before it in the file, so importing the same file again adds nothing. `progress` is told how
    many rows are read, and `waiting` that another import has to end first. `rejects` takes the
    records that are left out, and is finished before the tweets are there. Memory use does not
    depend on the size of the file. Raises UserError for a file that brings nothing, unless all
    that it has is there already.
    """
    last = Batch((), Tally())
    faults: list[Fault] = []
    with lock_imports(store, waiting), bulk_writer(store) as writer:
        sweep(writer)
        with _label_numbers(store, writer.db, plan.labels, keep=not dry_run) as numbers:
            names = dict(writer.db.execute("SELECT id, name FROM labels ORDER BY id").fetchall())
            path = Path(plan.source.name)
            merging = TweetMerge(writer.db, plan.options.update, plan.is_export, numbers)
            columns = plan.columns.as_json()
            if plan.options.split:  # as good as a column for whoever asks whether the file says it
                columns["split"] = "--split-as"
            staged = StagedImport(writer, path, columns, store.annotator, merging, keep=not dry_run)
            try:
                for last in batches(_job(store.config, plan, numbers)):
                    staged.add(last)
                    progress(last.tally.read)
                    if rejects is not None:
                        rejects.write(last.faults)
                    faults += last.faults[: MOST_FAULTS_SHOWN - len(faults)]
                if not staged.added + staged.existing:
                    raise UserError(_nothing(plan, last.tally, faults))
                staged.judge()
                staged.group(
                    keeps_splits=bool(plan.columns.split or plan.options.split),
                    counts_ids=plan.columns.id is not None,
                )
                staged.import_histories()
                if rejects is not None:
                    rejects.finish()
                merged = staged.publish(store)
            finally:
                sweep(writer)
    tally = last.tally
    return ImportReport(
        columns=plan.columns.as_json(),
        read=tally.read,
        added=staged.added,
        existing=staged.existing + tally.repeated - tally.judging,
        judging=tally.judging,
        duplicates=staged.duplicates,
        rejected=tally.rejected,
        labels={names[number]: count for number, count in staged.golds.items() if count},
        unlabelled=staged.added - staged.golds.total(),
        other_gold=staged.other_gold,
        encoding=encodings.shown(plan.source.encoding),
        restored=staged.restored,
        skipped=tally.wrong,
        merged=merged,
        notices=(
            *plan.notices,
            *findings.of_rows(tally, faults, plan.is_export or plan.columns.annotator is not None),
            *findings.of_judgements(staged.judged, plan.columns),
            *findings.of_ids(staged.shared_ids, plan.columns.id),
        ),
    )


def _nothing(plan: ImportPlan, tally: Tally, faults: Sequence[Fault]) -> str:
    """Why an import brought nothing."""
    if rows := tally.rejected:
        none = "its only row has no text" if rows == 1 else f"none of its {rows:,} rows has a text"
        return (
            f"{plan.source.name} brings nothing: {none} in column {plan.columns.text!r}; name the "
            "column of the texts with --text."
        )
    first = f"; {faults[0]}" if faults else ""
    return f"{plan.source.name} brings nothing, as none of its records can be taken{first}."


def _job(config: Config, plan: ImportPlan, numbers: Mapping[str, int]) -> Job:
    by_key = {key(name): number for name, number in numbers.items()}
    path = plan.source.path.absolute()  # for a process that works elsewhere
    return Job(
        source=replace(plan.source, path=path),
        columns=plan.columns,
        codes=codes.codes(plan.options.codes),
        labels=by_key | {**numbers},
        splits=splits.names(plan.options.splits),
        config=config,
        is_export=plan.is_export,
        split=plan.options.split,
        lenient=plan.options.lenient,
    )


@contextmanager
def _label_numbers(
    store: Store, db: sqlite3.Connection, labels: tuple[str, ...], keep: bool
) -> Iterator[dict[str, int]]:
    """The numbers of the labels; new ones are forgotten again if nothing came of the import."""
    since, new, kept = newest_event(store), [], False
    sql = "INSERT INTO labels (name) VALUES (?) ON CONFLICT (name) DO NOTHING"
    with transaction(db):
        added = [db.execute(sql, [name]) for name in labels]
        new = [cursor.lastrowid for cursor in added if cursor.rowcount]
    try:
        yield label_changes.numbers(db)
        kept = keep
    finally:
        if new and not kept:
            _forget(store, db, new, since)


def _forget(store: Store, db: sqlite3.Connection, labels: Sequence[int | None], since: int) -> None:
    """Take out those of the labels that nothing refers to: settings, runs, events since one."""
    with transaction(db), suppress(UserError):  # settings that cannot be read may name them
        named = config_file.load(store.folder).labels
        db.execute(
            "DELETE FROM labels WHERE id IN (SELECT value FROM json_each(?1)) "
            "AND name NOT IN (SELECT value FROM json_each(?2)) "
            "AND name NOT IN (SELECT l.value FROM runs r, json_each(r.labels) l) "
            "AND id NOT IN (SELECT new FROM label_events WHERE id > ?3 "
            "AND field IN ('label', 'judgement') AND new IS NOT NULL) "
            "AND NOT EXISTS (SELECT 1 FROM tweets WHERE id > ?4)",  # what a failed sweep has left
            [json.dumps(labels), json.dumps(named), since, last_visible_id(db)],
        )
