"""From the rows of a file to rows ready to be written, for large files in a process of its own."""

from __future__ import annotations

import marshal
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from json import JSONEncoder
from pathlib import Path
from typing import Any, BinaryIO

from storage import readers
from storage.columns import SPLIT_NAMES, Columns
from storage.config import Config
from storage.errors import UserError
from storage.text import content_hash, content_number, split_of

Row = tuple[str, str | None, str, int, str, int | None]
"""Text, id in the source, other columns as JSON, content number, split, number of the label."""
BATCH = 4_000
LARGE = 8_000_000
"""Bytes of a file from which a second process pays."""
SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Job:
    """What has to be known to parse a file."""

    path: Path
    encoding: str | None
    columns: Columns
    codes: Mapping[str, str]
    labels: Mapping[str, int]
    """The numbers of the labels by their folded names."""
    config: Config


@dataclass(frozen=True)
class Batch:
    """Some rows, and what was read and rejected up to here."""

    rows: list[Row]
    read: int
    rejected: int


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
    rows = _rows(job, counted)
    while batch := list(islice(rows, BATCH)):
        yield Batch(batch, *counted)
    yield Batch([], *counted)


def _rows(job: Job, counted: list[int]) -> Iterator[Row]:
    columns, config = job.columns, job.config
    encode = JSONEncoder(ensure_ascii=False, default=str).encode
    used = {columns.text, columns.label, columns.id, columns.split} - {None}
    golds: dict[Any, int | None] = {}
    split, external = None, None
    for row in readers.rows(job.path, job.encoding):
        counted[0] += 1
        text = row.get(columns.text)
        if not isinstance(text, str) or not text.strip():
            counted[1] += 1
            continue
        if not text.isascii() and (not_unicode := SURROGATE.search(text)):
            raise UserError(
                f"{job.path}, row {counted[0]}: the text is no valid Unicode (the lone surrogate "
                f"U+{ord(not_unicode[0]):04X}); correct it in the file."
            )
        given = None if columns.label is None else str(row.get(columns.label))
        if given not in golds:
            golds[given] = _gold(value_of(row, columns.label), job)
        if columns.id is not None:
            external = value_of(row, columns.id)
        if columns.split is not None:
            split = SPLIT_NAMES.get((value_of(row, columns.split) or "").casefold())
        hashed = content_hash(text)
        yield (
            text,
            external,
            encode({k: v for k, v in row.items() if k not in used and v is not None})
            if len(row) > len(used)
            else "{}",
            content_number(hashed),
            split or split_of(hashed, config.seed, config.test_share, config.dev_share),
            golds[given],
        )


def _gold(code: str | None, job: Job) -> int | None:
    """The number of the label that a code or name in the file means."""
    if code is None:
        return None
    name = job.codes.get(code, code)
    return job.labels[(job.config.label(name) or name).casefold()]


def value_of(row: Mapping[str, Any], column: str | None) -> str | None:
    """The value of a column as text; None where it is empty."""
    value = None if column is None else row.get(column)
    if value is None:
        return None
    return str(value).strip() or None


# Between two processes: the job goes in, frames of a length and a marshalled value come out.


def _from_process(job: Job) -> Iterator[Batch]:
    with subprocess.Popen(
        [sys.executable, "-m", "storage.parsing"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,  # where this very package is found first
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - pipes
        try:
            pickle.dump(job, process.stdin)
            process.stdin.close()
            while size := int.from_bytes(process.stdout.read(8), "big"):
                rows, read, rejected, error = marshal.loads(process.stdout.read(size))  # noqa: S302
                if error is not None:
                    raise UserError(error)
                yield Batch(rows, read, rejected)
            if process.wait() != 0:
                raise UserError(f"{job.path} was not read to its end; try again.")
        finally:
            process.kill()


def _serve(source: BinaryIO, target: BinaryIO) -> None:
    """Parse the job that comes in, and write its batches."""
    job: Job = pickle.load(source)  # noqa: S301 - from the parent process
    try:
        for batch in parse(job):
            _write_frame(target, (batch.rows, batch.read, batch.rejected, None))
    except UserError as error:
        _write_frame(target, ([], 0, 0, str(error)))
    target.write(bytes(8))


def _write_frame(target: BinaryIO, value: tuple[Any, ...]) -> None:
    frame = marshal.dumps(value)
    target.write(len(frame).to_bytes(8, "big") + frame)


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
