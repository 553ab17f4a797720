"""Excel workbooks: the rows of one sheet, read one after another."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time
from itertools import islice
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

from storage.errors import UsageError, UserError, on_one_line
from storage.formats.position import Position
from storage.formats.source import Dialect, ReadOptions, Source
from storage.formats.tables.extra_headers import titles_above
from storage.formats.tables.headers import header, next_free
from storage.plurals import counted
from storage.text import to_json

if TYPE_CHECKING:
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

SAMPLE = 100
MOST_ROWS = 1 << 20
"""Rows of a sheet; no program writes more."""
ERRORS = frozenset(("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"))
"""What a cell holds whose formula failed."""
WRONG = (
    zipfile.BadZipFile,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OSError,
    ParseError,
    NotImplementedError,
)
"""What openpyxl raises for a file that is no workbook, or a damaged one."""


def find(source: Source, options: ReadOptions) -> Source:
    """The source with its sheet and its columns.

    Raises UserError for a workbook that cannot be read, UsageError for a sheet that is not there.
    """
    with _workbook(source) as sheets:
        chosen = _chosen(source.name, list(sheets), options.sheet)
        rows = (
            (number, row)
            for number, row in enumerate(_rows(source.name, sheets[chosen]), 1)
            if any_in(row)
        )
        sample = list(islice(rows, SAMPLE))
    cells = [["" if cell is None else str(cell) for cell in row] for _, row in sample]
    above = titles_above(cells) if options.header is None else 0
    sample, cells = sample[above:], cells[above:]
    found = header(source.name, cells, options.header)
    first = sample[found.second_lines][0] if sample else 1
    dialect = Dialect(
        "",
        found.names,
        found.is_row,
        skipped=first if found.is_row else first - 1,
        nameless=found.nameless,
    )
    notices = source.notices
    if len(sheets) > 1 and options.sheet is None:
        others = ", ".join(repr(name) for name in sheets if name != chosen)
        notices += (f"Sheet {chosen!r} is read; --sheet names another ({others}).",)
    if above or found.second_lines:
        many = counted(above + found.second_lines, "row is", "rows are")
        notices += (f"Above or below the header of the sheet {many} left out.",)
    return replace(source, sheet=chosen, dialect=dialect, notices=notices)


def table(source: Source, position: Position) -> tuple[list[str], Iterator[list[Any]]]:
    """The columns of the sheet and its rows; a line is a row of the sheet."""
    assert source.dialect is not None  # noqa: S101 - `find` gave it one
    return list(source.dialect.names), _records(source, source.dialect, position)


def _records(source: Source, dialect: Dialect, position: Position) -> Iterator[list[Any]]:
    width, record = len(dialect.names), 0
    with _workbook(source) as sheets:
        rows = islice(_rows(source.name, sheets[str(source.sheet)]), dialect.skipped, None)
        for number, row in enumerate(rows, start=dialect.skipped + 1):
            if not any_in(row):
                continue
            record += 1
            position.record, position.line = record, number
            if any_in(row[width:]):
                position.raw = to_json(_named(row, dialect))
                position.reject(f"there are cells beyond the {width} columns of the header")
            else:
                yield row[:width] + [None] * (width - len(row))


def _named(row: list[Any], dialect: Dialect) -> dict[str, Any]:
    """A row by its columns; cells beyond these are called by their number."""
    names = list(dialect.names)
    for number in range(len(names) + 1, len(row) + 1):
        names.append(next_free(f"column{number}", names))
    return dict(zip(names, row, strict=False))


def any_in(row: list[Any]) -> bool:
    """Whether a row holds anything."""
    return any(cell is not None and cell != "" for cell in row)


def _chosen(file: str, names: list[str], named: str | None) -> str:
    if not names:
        raise UserError(f"{file} has no sheet with cells.")
    if named is None or named in names:
        return named or names[0]
    if named.isdecimal() and 1 <= int(named) <= len(names):
        return names[int(named) - 1]
    shown = ", ".join(map(repr, names))
    raise UsageError(f"{file} has no sheet {named!r} (sheets: {shown}).")


@contextmanager
def _workbook(source: Source) -> Iterator[dict[str, ReadOnlyWorksheet]]:
    """The sheets of a workbook by their names."""
    from openpyxl import load_workbook

    try:
        with source.path.open("rb") as file:
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            try:
                yield {sheet.title: sheet for sheet in book.worksheets}
            finally:
                book.close()
    except WRONG as error:
        raise UserError(
            f"{source.name} cannot be read as an Excel workbook: {on_one_line(error)}."
        ) from None


def _rows(name: str, sheet: ReadOnlyWorksheet) -> Iterator[list[Any]]:
    sheet.reset_dimensions()  # what a file says of its size need not be so
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        if number > MOST_ROWS:  # those that are missing before it are made up, however many
            raise UserError(
                f"{name} has a row below {MOST_ROWS:,}, where a sheet ends; save the workbook anew."
            )
        yield [_value(cell) for cell in row]


def _value(cell: Any) -> Any:
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return None if isinstance(cell, str) and cell in ERRORS else cell
