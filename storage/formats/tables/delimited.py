"""Tables in text: CSV and TSV, with a header or without one."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator

from storage.formats.position import Position
from storage.formats.source import Source
from storage.formats.tables import rows as table_rows

SAFE = "safe_csv"
"""The column that says that the cells of a file were made harmless for spreadsheets."""
FORMULA = re.compile(r"'*[=+\-@\t\r]")


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before = + - @."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def as_it_was(cell: str) -> str:
    """The cell that `harmless` was given."""
    return cell[1:] if cell[:1] == "'" and FORMULA.match(cell) else cell


def table(source: Source, position: Position) -> tuple[list[str], Iterator[list[str]]]:
    """The names of the columns and the rows; raises UserError for a row that cannot be read."""
    csv.field_size_limit(sys.maxsize)
    dialect = source.dialect
    assert dialect is not None  # noqa: S101 - every table has one
    names = list(dialect.names)
    rows = table_rows.lenient if position.collects else table_rows.strict
    lines = rows(source, dialect, position)
    if SAFE not in names:
        return names, lines
    place = names.index(SAFE)
    del names[place]
    return names, ([as_it_was(f) for n, f in enumerate(row) if n != place] for row in lines)
