"""Predictions that a model of elsewhere made, taken from a file into a run folder of their own."""

from __future__ import annotations

import uuid
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from storage.bulk_writes import bulk_writer
from storage.errors import UsageError, UserError
from storage.formats import detection, readers
from storage.formats.columns import Row
from storage.formats.position import Position, RecordError
from storage.formats.programs.records import Record
from storage.formats.source import ReadOptions
from storage.formats.values import codes, scores
from storage.formats.values.cells import text_of, value_of
from storage.formats.values.column_names import NAMES, fold
from storage.formats.values.scores import LabelMeanings, ScoreColumns, Scores
from storage.plurals import counted
from storage.runs import runs
from storage.store import Store, last_visible_id, now
from storage.transfer.tweet_matching import Match, TweetKey, TweetMatcher
from workbench.recipes.recipes import Recipe
from workbench.rundir import folder as run_folder
from workbench.rundir import tables
from workbench.rundir.folder import IMPORTED, Job, State
from workbench.runs.snapshotting import new_folder, record_run, require_two_labels, texts_writer

SAMPLE = 200
ROWS_AT_ONCE = 4_000
MOST_NAMED = 5
"""Rows without a tweet that are named one by one."""
LONGEST_NAME = 60


@dataclass(frozen=True)
class PredictionOptions:
    """What the user says about a file of predictions; what is None is guessed."""

    reading: ReadOptions = field(default_factory=ReadOptions)
    id: str | None = None
    text: str | None = None
    scores: Mapping[str, str | None] = field(default_factory=dict)
    """The columns `label`, `confidence` and `scores`."""
    codes: Mapping[str, str] = field(default_factory=dict)
    normalise: bool = False
    out_of_sample: bool = False
    """The model was trained on none of the tweets it predicts, as when they are cross-fitted."""


class PlacedRow(NamedTuple):
    """A row and where it stands in its file."""

    record: int
    line: int | None
    row: Row

    def reject(self, position: Position, reason: str) -> None:
        """Raise UserError that names the row."""
        position.record, position.line = self.record, self.line
        position.reject(reason)


class KeyColumns(NamedTuple):
    """The columns that say which tweet a row is about."""

    external_id: str | None
    number: str | None
    text: str | None

    def key(self, row: Row) -> TweetKey:
        """What a row says of its tweet."""
        external = None if self.external_id is None else value_of(row.get(self.external_id))
        number = None if self.number is None else value_of(row.get(self.number))
        text = None if self.text is None else text_of(row.get(self.text))
        whole = number is not None and number.isascii() and number.isdecimal() and len(number) < 16
        return TweetKey(external, int(number) if number and whole else None, text or None)


@dataclass
class ImportedPredictions:
    """What came of a file of predictions."""

    run: int = 0
    name: str = ""
    columns: dict[str, Any] = field(default_factory=dict)
    read: int = 0
    matched: Counter[str] = field(default_factory=Counter)
    """Rows by what their tweets were found by: id, number or text."""
    predictions: int = 0
    repeated: int = 0
    """Rows that say of a tweet what another one said."""
    empty: int = 0
    """Rows without a prediction."""
    unmatched: int = 0
    unmatched_rows: list[str] = field(default_factory=list)
    splits: Counter[str] = field(default_factory=Counter)
    out_of_sample: int = 0
    notices: tuple[str, ...] = ()


def import_predictions(
    store: Store,
    path: Path,
    name: str,
    options: PredictionOptions,
    shown_as: str | None = None,
    progress: Callable[[int], None] = lambda read: None,
) -> ImportedPredictions:
    """Make a finished run of what a file says of tweets that are here; collecting takes it in.

    Rows are read and written some at a time. Raises UserError or UsageError, and makes nothing, if
    a row cannot be taken, or two rows say different things of a tweet.
    """
    require_two_labels(store)
    _require_new_name(store, name)
    source = detection.find(path, options.reading, shown_as)
    position = Position(source.name)
    placed = _placed(readers.records(source, position), position)
    first = list(islice(placed, SAMPLE))
    if not first:
        raise UserError(f"{source.name} has no rows.")
    sample = [row.row for row in first]
    labels = LabelMeanings(store.config, codes.codes(options.codes))
    columns = scores.find(sample, labels, options.scores, source.name)
    keys = _key_columns(sample, options, source.name)
    found = ImportedPredictions(name=name, columns=_named_columns(keys, columns))
    found.notices = (*source.notices, *_assumed(columns, labels))
    job = _job(store, name, source.name)
    rough = not columns.whole and (len(labels.labels) > 2 or not columns.sure)
    with new_folder(store, job) as folder:
        read = scores.reader(columns, labels)
        rows = _read(chain(first, placed), read, options.normalise, position, found)
        _write(store, folder, rows, keys, options.out_of_sample, position, found, progress)
        if not found.predictions:
            raise UserError(_nothing(source.name, found))
        state = State(run_folder.DONE, runs.LABELS_ONLY if rough else None)
        found.run = record_run(store, job, folder, 0, 0, found.predictions, state).job.id
    return found


def _nothing(name: str, found: ImportedPredictions) -> str:
    """Why a file brings no prediction."""
    if not found.unmatched:
        return f"{name} has no prediction in {counted(found.read, 'row')}."
    return (
        f"{name} is about no tweet of this workspace ({'; '.join(found.unmatched_rows)}); --id and "
        "--text name the columns that tell which tweet a row is about."
    )


def _require_new_name(store: Store, name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise UsageError(f"--run takes a name of 1 to {LONGEST_NAME} characters for the new run.")
    if name.isdecimal():
        raise UsageError("--run takes a name for the new run, since runs get their numbers here.")
    known = runs.every(store, deleted=True, metrics=False)
    for run in (run for run in known if run.kind == IMPORTED and run.recipe == name):
        where = " in the trash" if run.state == runs.DELETED else ""
        raise UserError(f"Run {run.id}{where} is called {name!r} already; choose another name.")


def _key_columns(sample: Sequence[Row], options: PredictionOptions, name: str) -> KeyColumns:
    present = list(dict.fromkeys(column for row in sample for column in row))
    for part, column in (("id", options.id), ("text", options.text)):
        if column is not None and column not in present:
            listed = ", ".join(map(repr, present))
            raise UsageError(f"{name} has no column {column!r} for the {part} (columns: {listed}).")
    folded = {fold(column): column for column in reversed(present)}
    text, external = (
        named or next((folded[called] for called in NAMES[part] if called in folded), None)
        for part, named in (("text", options.text), ("id", options.id))
    )
    if text is None and external is None:
        raise UsageError(
            f"{name} does not say which tweets its rows are about (columns: "
            f"{', '.join(map(repr, present))}); name a column with --id or --text."
        )
    ours = options.id is None and {"id", "external_id"} <= set(present)  # as exports have them
    return KeyColumns("external_id" if ours else external, "id" if ours else None, text)


def _named_columns(keys: KeyColumns, columns: ScoreColumns) -> dict[str, Any]:
    parts = {"id": keys.external_id, "number": keys.number, "text": keys.text}
    return {part: name for part, name in parts.items() if name is not None} | columns.as_json()


def _assumed(columns: ScoreColumns, labels: LabelMeanings) -> Iterator[str]:
    """What is taken for granted where the file does not tell all."""
    if columns.whole:
        return
    if not columns.sure:
        yield "The file has labels without confidences; each counts as certain."
    elif len(labels.labels) == 2:
        yield "The file has the confidence of one label; the other one has the rest."
    if len(labels.labels) > 2:
        yield runs.LABELS_ONLY


def _job(store: Store, name: str, file: str) -> Job:
    labels = store.config.labels
    return Job(
        id=0,
        uid=uuid.uuid4().hex,
        kind=IMPORTED,
        recipe=Recipe(name, f"predictions imported from {Path(file).name}", IMPORTED),
        base=None,
        labels=labels,
        words=tuple(store.config.word(label) for label in labels),
        template=store.config.message,
        data_hash="",
        created=now(),
        versions={},
    )


def _placed(records: Iterable[Record], position: Position) -> Iterator[PlacedRow]:
    """The rows of a file with where they stand in it."""
    for record in records:
        yield PlacedRow(position.record, position.line, record.row)


def _read(
    rows: Iterable[PlacedRow],
    read: Callable[[Row], Scores | None],
    normalise: bool,
    position: Position,
    found: ImportedPredictions,
) -> Iterator[tuple[PlacedRow, Scores]]:
    """Each row that has a prediction, with its probabilities."""
    for row in rows:
        found.read += 1
        try:
            given = read(row.row)
            if given is None:
                found.empty += 1
            else:
                yield row, scores.checked(given, normalise)
        except RecordError as error:
            row.reject(position, str(error))


def _write(
    store: Store,
    folder: Path,
    rows: Iterator[tuple[PlacedRow, Scores]],
    keys: KeyColumns,
    out_of_sample: bool,
    position: Position,
    found: ImportedPredictions,
    progress: Callable[[int], None],
) -> None:
    """Write the tables of a run folder: what is predicted, and the texts that it is about."""
    with (
        bulk_writer(store) as writer,
        tables.predictions_writer(folder) as write,
        texts_writer(folder / run_folder.PREDICT) as write_texts,
    ):
        matcher = TweetMatcher(writer.db, keys.external_id is not None)
        said = _Said(last_visible_id(writer.db), position)

        def take(new: dict[int, Scores]) -> None:
            there = matcher.texts(new)
            known = [tweet for tweet in new if tweet in there]
            outside = [out_of_sample or there[tweet].split == "test" for tweet in known]
            if known:
                write(known, [new[tweet] for tweet in known], [not out for out in outside])
                write_texts([(tweet, there[tweet].text) for tweet in known])
            found.predictions += len(known)
            found.out_of_sample += sum(outside)
            found.splits.update(there[tweet].split for tweet in known)

        while batch := list(islice(rows, ROWS_AT_ONCE)):
            matches = matcher.match([keys.key(row.row) for row, _ in batch])
            new: dict[int, Scores] = {}
            for (row, given), match in zip(batch, matches, strict=True):
                _count(match, row, keys, found)
                new |= said.new(match.tweets, row, given)
            take(new)
            progress(found.read)
        twins = iter(said.of_twins().items())
        while part := dict(islice(twins, ROWS_AT_ONCE)):
            take(part)
        found.repeated = said.repeated


class _Said:
    """What rows have said of tweets so far, by a hash of it, and in full of tweets of one text."""

    def __init__(self, last: int, position: Position) -> None:
        self._prints = array("q", bytes(8 * (last + 1)))
        self._twins: dict[tuple[int, ...], list[tuple[PlacedRow, Scores]]] = {}
        self._position = position
        self.repeated = 0

    def new(self, tweets: tuple[int, ...], row: PlacedRow, given: Scores) -> dict[int, Scores]:
        """What a row says that no row has said before; that of several tweets comes at the end."""
        if len(tweets) > 1:
            self._twins.setdefault(tweets, []).append((row._replace(row={}), given))
            return {}
        return {tweet: given for tweet in tweets if self._is_new(tweet, row, given)}

    def of_twins(self) -> dict[int, Scores]:
        """What is said of tweets with the same text: by one row, or by several in their order."""
        found: dict[int, Scores] = {}
        for tweets, rows in self._twins.items():
            unsaid = [tweet for tweet in tweets if not self._prints[tweet]]
            if unsaid and len({given for _, given in rows}) == 1:
                row, given = rows[0]
                found |= {tweet: given for tweet in unsaid if self._is_new(tweet, row, given)}
                self.repeated += max(0, len(rows) - len(unsaid))
                continue
            for place, (row, given) in enumerate(rows):
                tweet = unsaid[place] if place < len(unsaid) else tweets[-1]
                if self._is_new(tweet, row, given):
                    found[tweet] = given
        return found

    def _is_new(self, tweet: int, row: PlacedRow, given: Scores) -> bool:
        print_ = hash(given) or 1
        before, self._prints[tweet] = self._prints[tweet], print_
        if before and before != print_:
            row.reject(
                self._position,
                f"it says otherwise of tweet {tweet} than a row before; leave one of them",
            )
        self.repeated += bool(before)
        return not before


def _count(match: Match, row: PlacedRow, keys: KeyColumns, found: ImportedPredictions) -> None:
    """Count a row by what its tweets were found by, and name the first that have none."""
    if match.tweets:
        found.matched[match.by] += 1
        return
    found.unmatched += 1
    if len(found.unmatched_rows) < MOST_NAMED:
        found.unmatched_rows.append(_unmatched(row.record, keys.key(row.row), match.problem))


def _unmatched(record: int, key: TweetKey, problem: str) -> str:
    """A row that is about no tweet here, in words."""
    parts = {"id": key.external_id, "number": key.number, "text": key.text}
    known = (f"{part} {str(value)[:40]!r}" for part, value in parts.items() if value is not None)
    return f"record {record}: {problem or ', '.join(known) or 'neither id nor text'}"
