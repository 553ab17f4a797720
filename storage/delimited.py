"""Tables in text: CSV and TSV, with a header or without one."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from storage.columns import ALL_NAMES, fold
from storage.encodings import text
from storage.errors import UserError
from storage.packed import kind_of

SAMPLE = 100
DELIMITERS = ",;\t|"
NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?")
LABEL_WORDS = frozenset(
    ("positive", "negative", "neutral", "mixed", "pos", "neg", "bullish", "bearish", "yes", "no")
)
"""What stands in a column of labels and is no name for one."""
SAFE = "safe_csv"
"""The column that says that the cells of a file were made harmless for spreadsheets."""
FORMULA = re.compile(r"'*[=+\-@\t\r]")


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before = + - @."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def as_it_was(cell: str) -> str:
    """The cell that `harmless` was given."""
    return cell[1:] if cell[:1] == "'" and FORMULA.match(cell) else cell


def table(
    path: Path, encoding: str, header: bool | None = None
) -> tuple[list[str], Iterator[list[str]]]:
    """The names of the columns and the rows; the columns of a file without header get numbers.

    Raises UserError, also in the middle of the file, with the line that is wrong.
    """
    csv.field_size_limit(sys.maxsize)
    layout = _layout(path, encoding, header)
    lines = _rows(path, encoding, layout)
    if SAFE not in layout.names:
        return layout.names, lines
    place = layout.names.index(SAFE)
    names = [name for name in layout.names if name != SAFE]
    return names, ([as_it_was(f) for n, f in enumerate(row) if n != place] for row in lines)


@dataclass(frozen=True)
class _Layout:
    delimiter: str
    names: list[str]
    header: bool


def _layout(path: Path, encoding: str, header: bool | None) -> _Layout:
    """What the first rows say; what is wrong in them is said when they are read in earnest."""
    samples = {}
    for delimiter in "\t" if kind_of(path)[0] == ".tsv" else DELIMITERS:
        with text(path, encoding) as file:
            samples[delimiter] = _sample(csv.reader(file, delimiter=delimiter, strict=True))
    if kind_of(path)[0] == ".txt":  # a list of texts, unless a header or tabs say otherwise
        samples = {d: s for d, s in samples.items() if d == "\t" or _evenness(s)[0]} or samples
    delimiter = max(samples, key=lambda candidate: _evenness(samples[candidate]))
    sample = samples[delimiter]
    first = sample[0] if sample else []
    if not (_has_header(sample) if header is None else header):
        return _Layout(delimiter, [f"column{n}" for n in range(1, len(first) + 1)], False)
    if len(set(first)) != len(first):
        twice = next(name for name in first if first.count(name) > 1)
        raise UserError(f"{path} has two columns called {twice!r}; rename one.")
    return _Layout(delimiter, first, True)


def _sample(reader: Iterator[list[str]]) -> list[list[str]]:
    rows = []
    try:
        for row in islice(reader, SAMPLE):
            if row:
                rows.append(row)
    except csv.Error:
        pass
    return rows


def _evenness(sample: Sequence[Sequence[str]]) -> tuple[int, bool, float, int]:
    """How well a delimiter divides the rows: names found, then rows as wide as the first."""
    if not sample:
        return (0, False, 0.0, 0)
    width = len(sample[0])
    share = sum(len(row) == width for row in sample) / len(sample)
    names = sum(fold(cell) in ALL_NAMES for cell in sample[0])
    return (names, width > 1 and share > 0.5, share, width)


def _has_header(sample: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: it knows a name, or is not like the rows below."""
    if not sample or any(fold(cell) in ALL_NAMES for cell in sample[0]):
        return True
    columns = [[row[n] for row in sample[1:] if len(row) > n] for n in range(len(sample[0]))]
    pairs = list(zip(sample[0], columns, strict=True))
    for cell, below in pairs:
        if below and not NUMBER.fullmatch(cell) and all(map(NUMBER.fullmatch, below)):
            return True
    return not any(_is_value(cell, below) for cell, below in pairs)


def _is_value(cell: str, below: Sequence[str]) -> bool:
    return bool(
        NUMBER.fullmatch(cell)
        or (cell.strip() and cell in below)
        or cell.strip().casefold() in LABEL_WORDS
        or len(cell) > 60
        or len(cell.split()) > 3
        or "://" in cell
    )


def _rows(path: Path, encoding: str, layout: _Layout) -> Iterator[list[str]]:
    width = len(layout.names)
    where = "the header" if layout.header else "the first row"
    skip = layout.header
    with text(path, encoding) as file:
        reader = csv.reader(file, delimiter=layout.delimiter, strict=True)
        try:
            for fields in reader:
                if len(fields) == width and not skip:
                    yield fields
                elif fields and skip:
                    skip = False
                elif fields:
                    raise UserError(
                        f"{path}, line {reader.line_num}: {len(fields)} fields where {where} "
                        f"has {width}; quote the text, or correct the line."
                    )
        except csv.Error as error:
            raise UserError(
                f"{path}, line {reader.line_num}: {error}; correct the quotes."
            ) from None
