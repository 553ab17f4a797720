"""Reading files of tweets: rows of columns, a few at a time, however many there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from storage.formats import arrow_reader, containers, json_reader
from storage.formats.columns import Row
from storage.formats.position import Position
from storage.formats.programs import forms, twitter
from storage.formats.programs.records import Record
from storage.formats.source import (
    DATASETS,
    EXCEL,
    FASTTEXT,
    JSON_LINES,
    LINES,
    PARQUET,
    TABLE,
    Source,
)
from storage.formats.tables import delimited, excel, lines
from storage.text import to_json

NO_UTF8 = re.compile("[\udc80-\udcff]")
"""A byte that was none of UTF-8, as the codec gives it; an escape of JSON is none."""


def records(source: Source, position: Position | None = None) -> Iterator[Record]:
    """The records of a file, values as the file has them.

    Raises UserError, also in the middle of the file, with the place where it cannot be read.
    """
    position = position or Position(source.name)
    rows = plain_rows(source, position)
    found = forms.read(rows, source.form, position) if source.form else map(Record, rows)
    return map(twitter.whole, found)


def rows(source: Source) -> Iterator[Row]:
    """The columns of the records alone."""
    return (record.row for record in records(source))


def plain_rows(source: Source, position: Position) -> Iterator[Row]:
    """The rows of a file before the form of its records is heeded."""
    if (found := _table(source, position)) is not None:
        names, tuples = found
        rows: Iterator[Row] = (dict(zip(names, values, strict=True)) for values in tuples)
    elif source.format == DATASETS:
        rows = arrow_reader.datasets_rows(source, position)
    elif source.orient is not None:
        rows = containers.transposed(source, position)
    else:
        rows = json_reader.values(source, position)
    return _sound(source, rows, position) if position.collects else rows


def _sound(source: Source, rows: Iterator[Row], position: Position) -> Iterator[Row]:
    """The rows whose bytes fit the encoding, each with its text in the position."""
    has_raw = source.format in (TABLE, LINES, FASTTEXT, JSON_LINES)
    for row in rows:
        if not has_raw:
            position.raw = to_json(row)
        if source.errors != "strict" and NO_UTF8.search(
            position.raw if has_raw else json.dumps(row, ensure_ascii=False)
        ):
            position.reject("it has bytes that are not UTF-8; correct them")
        else:
            yield row


def table(
    source: Source, position: Position | None = None
) -> tuple[list[str], Iterator[list[Any]]] | None:
    """The names of the columns and the values of each row, for files that have fixed columns.

    Cheaper than `records`; None for files that have others, and for tweets that may be cut, and
    where wrong records are collected.
    Raises UserError like `records`.
    """
    if source.form or (position and position.collects):
        return None
    found = _table(source, position or Position(source.name))
    return None if found is not None and twitter.PARTS & set(found[0]) else found


def _table(source: Source, position: Position) -> tuple[list[str], Iterator[list[Any]]] | None:
    if source.format == TABLE:
        return delimited.table(source, position)
    if source.format in (LINES, FASTTEXT):
        return lines.table(source, position)
    if source.format == EXCEL:
        return excel.table(source, position)
    if source.format == PARQUET:
        return arrow_reader.parquet_table(source, position)
    return None
