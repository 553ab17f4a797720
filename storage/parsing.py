"""From the rows of a file to rows ready to be written, for large files in a process of its own."""

from __future__ import annotations

import marshal
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from math import isnan
from pathlib import Path
from typing import IO, Any, BinaryIO

from storage import interpreter, own_files, readers
from storage.columns import SPLIT_NAMES, Columns
from storage.config import Config
from storage.errors import UserError
from storage.histories import Event
from storage.repeats import Repeats
from storage.text import SURROGATE, content_hash, content_number, split_of, to_json

Row = tuple[str, str | None, str, int, str, int | None, Sequence[Event]]
"""Text, id in the source, other columns as JSON, content number, split, number of the label, and
the events of an exported history."""
BATCH = 16_000
LARGE = 8_000_000
"""Bytes of a file from which a second process pays."""


@dataclass(frozen=True)
class Job:
    """What has to be known to parse a file."""

    path: Path
    encoding: str | None
    header: bool | None
    columns: Columns
    codes: Mapping[str, str]
    labels: Mapping[str, int]
    """The numbers of the labels by their folded names."""
    config: Config
    own: bool
    """The file was exported here and brings histories."""
    split: str | None = None
    """The split of all its tweets."""


@dataclass(frozen=True)
class Batch:
    """Some rows, none twice, and what was read, rejected and found repeated up to here."""

    rows: list[Row]
    read: int
    rejected: int
    repeated: int
    """Rows whose id and text came before in the file."""


def batches(job: Job) -> Iterator[Batch]:
    """The rows of a file in batches; a large file is parsed while the batch before is written."""
    if job.path.is_file() and job.path.stat().st_size >= LARGE:
        return _from_process(job)
    return parse(job)


def parse(job: Job) -> Iterator[Batch]:
    """The rows of a file in batches.

    Raises UserError for a row that cannot be read or kept as it is.
    """
    counted = [0, 0]
    repeated, repeats = 0, Repeats()
    rows = _rows(job, counted)
    while batch := list(islice(rows, BATCH)):
        fresh = repeats.without(batch)
        repeated += len(batch) - len(fresh)
        yield Batch(fresh, counted[0], counted[1], repeated)
    yield Batch([], counted[0], counted[1], repeated)


def _rows(job: Job, counted: list[int]) -> Iterator[Row]:
    config = job.config
    golds: dict[Any, int | None] = {}
    for text, label, external, split, rest, row in _cells(job):
        counted[0] += 1
        if not isinstance(text, str) or not text.strip():
            counted[1] += 1
            continue
        external_id = None if external is None else value_of(external)
        if not (text.isascii() and (external_id is None or external_id.isascii())):
            _check_unicode(job.path, counted[0], text, external_id or "")
        if label not in golds:
            golds[label] = _gold(value_of(label), job)
        history: Sequence[Event] = ()
        if job.own:
            with in_row(job.path, counted[0]):
                rest, history = own_files.source(row), own_files.read(row, job.codes)
        hashed = content_hash(text)
        yield (
            text,
            external_id,
            to_json(rest) if rest else "{}",
            content_number(hashed),
            job.split
            or (split and SPLIT_NAMES.get((value_of(split) or "").casefold()))
            or split_of(hashed, config.seed, config.test_share, config.dev_share),
            golds[label],
            history,
        )


def _cells(job: Job) -> Iterator[tuple[Any, Any, Any, Any, dict[str, Any], Mapping[str, Any]]]:
    """Text, label, id, split, the other columns, and for an exported file the row itself."""
    columns = job.columns
    parts = (columns.text, columns.label, columns.id, columns.split)
    found = None if job.own else readers.table(job.path, job.encoding, job.header)
    if found is None:
        for row in readers.rows(job.path, job.encoding, job.header):
            rest = {k: v for k, v in row.items() if k not in parts and v is not None}
            text, label, external, split = (None if c is None else row.get(c) for c in parts)
            yield text, label, external, split, rest, row
        return
    names, tuples = found
    at = [names.index(column) if column is not None else len(names) for column in parts]
    text_at, label_at, id_at, split_at = at
    others = [(place, name) for place, name in enumerate(names) if name not in parts]
    for values in tuples:
        rest = {name: values[place] for place, name in others if values[place] is not None}
        values.append(None)  # what a part without a column finds
        yield values[text_at], values[label_at], values[id_at], values[split_at], rest, {}


def _check_unicode(path: Path, number: int, text: str, external_id: str) -> None:
    for part, value in (("text", text), ("id", external_id)):
        if not_unicode := SURROGATE.search(value):
            raise UserError(
                f"{path}, row {number}: the {part} is no valid Unicode (the lone surrogate "
                f"U+{ord(not_unicode[0]):04X}); correct it in the file."
            )


def _gold(code: str | None, job: Job) -> int | None:
    """The number of the label that a code or name in the file means."""
    if code is None:
        return None
    name = job.codes.get(code.casefold(), code)
    return job.labels[(job.config.label(name) or name).casefold()]


def value_of(cell: Any) -> str | None:
    """A cell as text; None where it is empty."""
    if cell is None or (isinstance(cell, float) and isnan(cell)):
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # codes of a column that has empty cells come as 0.0 and 1.0
    return str(cell).strip() or None


@contextmanager
def in_row(path: Path, number: int) -> Iterator[None]:
    """Say in which row of a file an error is."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}, row {number}: {error}.") from None


# Between two processes: the job goes in, frames of a length and a marshalled value come out.


def _from_process(job: Job) -> Iterator[Batch]:
    with interpreter.start(
        interpreter.command("storage.parsing"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - pipes
        try:
            with process.stdin as target:
                pickle.dump(job, target)
            while (frame := _read_frame(process.stdout)) is not None:
                values, error = frame
                if error is not None:
                    raise UserError(error)
                yield Batch(*values)
        except (EOFError, BrokenPipeError):
            raise _cut_off(job.path, process.wait()) from None
        finally:
            process.kill()


def _cut_off(path: Path, status: int) -> UserError:
    """What to say when the process that reads a file ended too early, with this status."""
    how = "failed"
    if status < 0:
        how = f"was killed ({signal.strsignal(-status)}; the system does so when memory runs out)"
    return UserError(
        f"{path} was not read to its end, as the process that reads it {how}; nothing was "
        "imported, try again."
    )


def _serve(source: BinaryIO, target: BinaryIO) -> None:
    """Parse the job that comes in, and write its batches."""
    job: Job = pickle.load(source)  # noqa: S301 - from the parent process
    try:
        for batch in parse(job):
            values = (batch.rows, batch.read, batch.rejected, batch.repeated)
            _write_frame(target, (values, None))
    except UserError as error:
        _write_frame(target, ((), str(error)))
    target.write(bytes(8))


def _write_frame(target: BinaryIO, value: tuple[Any, ...]) -> None:
    frame = marshal.dumps(value)
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
    with frames:
        _serve(sys.stdin.buffer, frames)
