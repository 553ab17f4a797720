"""Reading files of tweets: rows of columns, a few at a time, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from storage import arrow_rows, delimited, json_rows
from storage.formats import containers, excel, forms, lines
from storage.formats.position import Position
from storage.formats.records import Record
from storage.formats.source import DATASETS, EXCEL, FASTTEXT, LINES, PARQUET, TABLE, Source

Row = dict[str, Any]


def records(source: Source, position: Position | None = None) -> Iterator[Record]:
    """The records of a file, values as the file has them.

    Raises UserError, also in the middle of the file, with the place where it cannot be read.
    """
    position = position or Position(source.name)
    if source.form is not None:
        return forms.read(plain_rows(source, position), source.form, position)
    return map(Record, plain_rows(source, position))


def rows(source: Source) -> Iterator[Row]:
    """The columns of the records alone."""
    return (record.row for record in records(source))


def plain_rows(source: Source, position: Position) -> Iterator[Row]:
    """The rows of a file before the form of its records is heeded."""
    if (found := _table(source, position)) is not None:
        names, tuples = found
        return (dict(zip(names, values, strict=True)) for values in tuples)
    if source.format == DATASETS:
        return arrow_rows.datasets_rows(source, position)
    if source.orient is not None:
        return containers.turned(source, position)
    return json_rows.values(source, position)


def table(
    source: Source, position: Position | None = None
) -> tuple[list[str], Iterator[list[Any]]] | None:
    """The names of the columns and the values of each row, for files that have fixed columns.

    Cheaper than `records`; None for files that have others. Raises UserError like `records`.
    """
    return None if source.form else _table(source, position or Position(source.name))


def _table(source: Source, position: Position) -> tuple[list[str], Iterator[list[Any]]] | None:
    if source.format == TABLE:
        return delimited.table(source, position)
    if source.format in (LINES, FASTTEXT):
        return lines.table(source, position)
    if source.format == EXCEL:
        return excel.table(source, position)
    if source.format == PARQUET:
        return arrow_rows.parquet_table(source, position)
    return None
