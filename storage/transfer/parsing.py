"""From the rows of a file to rows ready to be written, for large files in a process of its own."""

from __future__ import annotations

import gc
import marshal
import os
import pickle
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple, dataclass, field
from itertools import islice
from typing import IO, Any, BinaryIO

from storage import interpreter
from storage.config import Config
from storage.errors import UserError
from storage.formats import readers
from storage.formats.columns import Columns
from storage.formats.decoding.streams import BLANK
from storage.formats.position import Fault, Position, RecordError
from storage.formats.programs import twitter
from storage.formats.source import Source
from storage.formats.values.cells import id_of, text_of, tokens, value_of
from storage.formats.values.codes import Codes
from storage.formats.values.column_names import fold
from storage.formats.values.meanings import LabelNumbers, SplitNames, SwallowedRows
from storage.history.event_records import Event
from storage.text import SURROGATE, content_hash, content_number, split_of, to_json
from storage.transfer import exported_rows
from storage.transfer.deduplication import DuplicateFilter
from storage.transfer.judged_rows import said_in_columns, said_of
from storage.transfer.rounded_ids import RoundedIds
from storage.transfer.rows import Cells, Judgement, OtherSplit, ParsedRow, Said, new_row

SWALLOWED = (
    "the text has lines that look like rows of their own, as if a quote were missing; --quoting "
    "none reads each line as a row"
)
ROWS_AT_ONCE = 16_000
LARGE = 8_000_000
"""Bytes of a file from which a second process pays."""


@dataclass(frozen=True)
class Job:
    """A file to be parsed, with what its cells mean in the workspace."""

    source: Source
    columns: Columns
    codes: Codes
    labels: Mapping[str, int]
    """The numbers of the labels by their names and the keys of these."""
    splits: Mapping[str, str]
    """The split that a value means, in lower case."""
    config: Config
    is_export: bool
    """The file was exported here and brings histories."""
    split: str | None = None
    """The split of all its tweets."""
    lenient: bool = False
    """Records that are wrong are left out."""


@dataclass
class Tally:
    """What was found in a file so far."""

    read: int = 0
    rejected: int = 0
    """Rows without text."""
    repeated: int = 0
    """Rows whose id and text came before in the file."""
    judging: int = 0
    """Those of them that are judgements of the tweet that came before."""
    in_several_splits: int = 0
    """Those of them that name another split than the tweet had so far."""
    several_splits_names: list[str] = field(default_factory=list)
    """What some of those tweets are called."""
    wrong: int = 0
    """Records that were left out since they cannot be read."""
    remarks: Counter[str] = field(default_factory=Counter)
    """How many records there is something to be said of."""


@dataclass(frozen=True)
class Batch:
    """Some rows, none twice, the records found wrong among them, and the tally up to here."""

    columns: Sequence[Sequence[Any]]
    """The values of the rows by the fields of `ParsedRow`, as they are written; none of no rows."""
    tally: Tally
    faults: Sequence[Fault] = ()
    judgements: Sequence[Judgement] = ()
    """What is said of rows up to here."""
    other_splits: Sequence[OtherSplit] = ()
    """Splits that win over those of rows up to here."""
    source_columns: Sequence[str] = ()
    """With the last batch, the names of the other columns that the file has."""

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.columns[0]) if self.columns else 0

    @property
    def rows(self) -> list[ParsedRow]:
        """The rows one by one, which takes longer than all that is done with their columns."""
        return list(map(new_row, zip(*self.columns, strict=True)))


def batches(job: Job) -> Iterator[Batch]:
    """The rows of a file in batches; a large file is parsed while the batch before is written."""
    path = job.source.path
    if path.is_file() and path.stat().st_size >= LARGE:
        return _from_process(job)
    return parse(job)


def parse(job: Job) -> Iterator[Batch]:
    """The rows of a file in batches.

    Raises UserError for a row that cannot be read or kept as it is, unless the job is lenient.
    """
    tally, duplicates = Tally(), DuplicateFilter()
    position = Position(job.source.name, collects=job.lenient)
    names: dict[str, None] = {}
    rows = _rows(job, tally, position, names)
    rounded = RoundedIds(None if job.is_export else job.columns.id, tally.remarks)
    while (batch := list(islice(rows, ROWS_AT_ONCE))) or position.faults:
        tally.read += len(batch) + len(position.faults)
        fresh = duplicates.new_rows(rounded.taken_from(batch))
        tally.repeated += len(batch) - len(fresh)
        tally.judging = duplicates.judging
        tally.in_several_splits = duplicates.in_several_splits
        tally.several_splits_names = duplicates.names
        tally.wrong += len(position.faults)
        yield Batch(
            list(zip(*fresh, strict=True)),
            tally,
            position.faults,
            duplicates.take_judgements(),
            duplicates.take_other_splits(),
        )
        position.faults = []
    if rounded.found and job.columns.id is not None:
        names[job.columns.id] = None
    yield Batch((), tally, source_columns=list(names))


def _rows(
    job: Job, tally: Tally, position: Position, names: dict[str, None]
) -> Iterator[ParsedRow]:
    """The rows that have a text; `names` collects those of their source columns."""
    config, is_export, given = job.config, job.is_export, job.split
    labels = LabelNumbers(config, job.codes, job.labels, plain=is_export)
    splits = SplitNames(job.splits)
    swallowed = SwallowedRows(job.source, job.columns)
    says_cut = _says_cut(job)
    in_tokens = job.columns.in_tokens
    annotator_column, judgements = job.columns.annotator, job.columns.judgements
    said: Sequence[Said]
    history: Sequence[Event] = ()
    for text, label, external, split, rest, row, given_labels in _cells(job, tally, position):
        if in_tokens and isinstance(text, str):
            text = " ".join(tokens(text)) or text
        if not isinstance(text, str):
            text = text_of(text) or ""
        if not text.strip() or (text[0] in BLANK and not text.strip(BLANK)):
            tally.read += 1
            tally.rejected += 1
            continue
        external_id = None
        if external is not None:
            external_id = value_of(external) if is_export else id_of(external)
        try:
            if not (text.isascii() and (external_id is None or external_id.isascii())):
                _check_unicode(text, external_id or "")
            gold = labels[label] if isinstance(label, str) else labels.number_of(label)
            said = ()
            if not is_export and (given_labels or annotator_column is not None):
                said = said_of(given_labels, rest.get(str(annotator_column)), gold, labels)
            if judgements:
                said += said_in_columns(rest, judgements, gold, labels)
            if says_cut and rest.get(says_cut) in twitter.TRUE and twitter.ELLIPSIS in text:
                tally.remarks[twitter.CUT] += 1
            if "\n" in text and not is_export and swallowed.rows(text, labels):
                tally.remarks[SWALLOWED] += 1
            if is_export:
                rest = exported_rows.source_columns(row)
                history = exported_rows.read(row, job.codes)
            named = given or (split and splits[value_of(split)])
            if split and not named:
                rest[str(job.columns.split)] = split  # what is no split is kept
            columns = "{}"
            if rest:
                columns = to_json(rest)
                names.update(dict.fromkeys(rest))
        except (RecordError, UserError, RecursionError) as error:
            deep = isinstance(error, RecursionError)
            position.reject("a column is nested too deep" if deep else str(error))
            continue
        hashed = content_hash(text)
        yield new_row(
            (
                text,
                external_id,
                columns,
                content_number(hashed),
                named or split_of(hashed, config.seed, config.test_share, config.dev_share),
                gold,
                history,
                bool(named),
                None,
                said,
            )
        )


def _cells(job: Job, tally: Tally, position: Position) -> Iterator[Cells]:
    columns = job.columns
    parts: tuple[Any, ...] = (columns.text, columns.label, columns.id, columns.split)
    nameless = job.source.dialect.nameless if job.source.dialect else frozenset()
    found = None if job.is_export else readers.table(job.source, position)
    if found is None:
        known = frozenset(parts)
        text_column, label_column, id_column, split_column = parts  # no row has a column None
        for row, given_labels, remarks in readers.records(job.source, position):
            rest = {}
            if not known.issuperset(row):
                rest = {k: v for k, v in row.items() if k not in known}
            if nameless:
                rest = _named_or_filled(rest, nameless)
            text = row.get(text_column)
            if columns.short_text is not None and not text:
                text = row.get(columns.short_text)
            if given_labels:
                given_labels = tuple(one for one in given_labels if one.column == columns.label)
            if remarks:
                tally.remarks.update(remarks)
            label, external, split = (
                row.get(label_column),
                row.get(id_column),
                row.get(split_column),
            )
            yield text, label, external, split, rest, row, given_labels
        return
    names, tuples = found
    at = [names.index(column) if column is not None else len(names) for column in parts]
    text_at, label_at, id_at, split_at = at
    others = [(place, name) for place, name in enumerate(names) if name not in parts]
    short_at = names.index(columns.short_text) if columns.short_text is not None else text_at
    for values in tuples:
        rest = {name: values[place] for place, name in others}
        if nameless:
            rest = _named_or_filled(rest, nameless)
        values.append(None)  # what a part without a column finds
        text = values[text_at] or values[short_at]
        yield text, values[label_at], values[id_at], values[split_at], rest, {}, ()


def _says_cut(job: Job) -> str | None:
    """The column of a table that says which texts Twitter has cut, where that is not known yet."""
    if job.source.dialect is None or job.columns.short_text is not None:
        return None
    spelt = (name for name in job.source.dialect.names if name not in twitter.PARTS)
    return next((name for name in spelt if fold(name) == "truncated"), None)


def _named_or_filled(cells: dict[str, Any], nameless: Collection[str]) -> dict[str, Any]:
    """The cells without the empty ones of columns that have no name."""
    return {name: cell for name, cell in cells.items() if cell or name not in nameless}


def _check_unicode(text: str, external_id: str) -> None:
    for part, value in (("text", text), ("id", external_id)):
        if not_unicode := SURROGATE.search(value):
            raise RecordError(
                f"the {part} is no valid Unicode (the lone surrogate "
                f"U+{ord(not_unicode[0]):04X}); correct it in the file"
            )


# Between two processes: the job goes in, frames of a length and a marshalled value come out.


def _from_process(job: Job) -> Iterator[Batch]:
    with interpreter.start(
        interpreter.command("storage.transfer.parsing"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - pipes
        try:
            with process.stdin as target:
                pickle.dump(job, target)
            while (frame := _read_frame(process.stdout)) is not None:
                (columns, tally, faults, judgements, other_splits, names), error = frame
                if error is not None:
                    raise UserError(error)
                if columns:
                    columns.append(((),) * len(columns[0]))  # what is said has become judgements
                found = Tally(**tally | {"remarks": Counter(tally["remarks"])})
                told = list(map(Judgement._make, judgements))
                splits = list(map(OtherSplit._make, other_splits))
                wrong = [Fault(*fault) for fault in faults]
                yield Batch(columns, found, wrong, told, splits, names)
        except (EOFError, BrokenPipeError):
            raise _cut_off(job.source.name, process.wait()) from None
        finally:
            process.kill()


def _cut_off(file: str, status: int) -> UserError:
    """What to say when the process that reads a file ended too early, with this status."""
    how = "failed"
    if status < 0:
        how = f"was killed ({signal.strsignal(-status)}; the system does so when memory runs out)"
    return UserError(
        f"{file} was not read to its end, as the process that reads it {how}; nothing was "
        "imported, try again."
    )


def _serve(source: BinaryIO, target: BinaryIO) -> None:
    """Parse the job that comes in, and write its batches."""
    job: Job = pickle.load(source)  # noqa: S301 - from the parent process
    with ThreadPoolExecutor(1) as sender:  # which waits for the reader while this goes on
        sent: Future[None] | None = None
        for frame in _frames(job):
            if sent is not None:
                sent.result()
            sent = sender.submit(_write_frame, target, frame)
    target.write(bytes(8))


def _frames(job: Job) -> Iterator[bytes]:
    """The batches of a file, marshalled, and at the end what is wrong with it."""
    try:
        for batch in parse(job):
            tally = vars(batch.tally) | {"remarks": dict(batch.tally.remarks)}
            faults = [astuple(fault) for fault in batch.faults]
            columns = batch.columns[:-1]  # plain tuples are all that marshal knows
            judgements = list(map(tuple, batch.judgements))
            other_splits = list(map(tuple, batch.other_splits))
            names = batch.source_columns
            frame: Any = (columns, tally, faults, judgements, other_splits, names), None
            yield marshal.dumps(frame)
    except UserError as error:
        yield marshal.dumps((((), {}, (), (), (), ()), str(error)))


def _write_frame(target: BinaryIO, frame: bytes) -> None:
    target.write(len(frame).to_bytes(8, "big") + frame)


def _read_frame(source: IO[bytes]) -> tuple[Any, ...] | None:
    """The next value, None after the last; raises EOFError if it is cut off."""
    head = source.read(8)
    frame = source.read(size := int.from_bytes(head, "big"))
    if len(head) < 8 or len(frame) < size:
        raise EOFError
    return marshal.loads(frame) if size else None  # noqa: S302


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)  # when it is over for the parent, end without a word
    frames = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no frame
    gc.set_threshold(100_000, 20)  # rows are no circles, and there are many to look through
    with frames:
        _serve(sys.stdin.buffer, frames)
