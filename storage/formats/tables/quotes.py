"""Quotes that a table does not mean: where they open, and whether they are quotes at all."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from storage.formats.decoding.compression import decompressed
from storage.formats.decoding.encodings import text
from storage.formats.source import Dialect, Source

CHUNK = 1 << 18
START, PLAIN, QUOTED, CLOSED = range(4)
"""Where a character of a record stands: at the start of a field, in one, in quotes, after them."""


@dataclass(frozen=True)
class Quote:
    """The last quote that opens in a record with a fault."""

    line: int
    closes: int | None
    """The line of its end; None if there is none."""
    backslash: bool
    """A backslash stands before a quote inside it."""

    @property
    def sentence(self) -> str:
        """What is wrong with it and what to do."""
        if self.closes is None:
            wrong = "the quote that opens here is never closed; close it"
        else:
            where = "" if self.closes == self.line else f" in line {self.closes}"
            wrong = (
                f"text follows where the quote that opens here is closed{where}; double the quotes "
                "inside the field"
            )
        escape = r", name --escape '\'" if self.backslash else ""
        return f"{wrong}{escape}, or read quotes as ordinary characters with --quoting none"


def stray_quote(source: Source, dialect: Dialect) -> int | None:
    """The line of a quote that is none, in a table whose rows are lines divided by tabs.

    It runs over line ends, or nothing that is legal follows it, while most lines of its record
    have all the columns that a row needs.
    """
    with decompressed(source) as raw:
        if not any(b'"' in piece for piece in iter(lambda: raw.read(CHUNK), b"")):
            return None
    with text(source) as file:
        lines = _Lines(islice(file, dialect.skipped, None), len(dialect.names) - 1)
        first = dialect.skipped + 1
        try:
            for _ in csv.reader(lines, delimiter="\t", escapechar=dialect.escape, strict=True):
                if lines.are_rows and lines.number > 1 and len(dialect.names) > 1:
                    return first
                first += lines.number
                lines.number = lines.whole = 0
        except csv.Error:
            if lines.are_rows:
                return first
    return None


class _Lines:
    """Lines that are counted, and how many of them have all the tabs of a row."""

    def __init__(self, lines: Iterator[str], tabs: int) -> None:
        self._lines = lines
        self._tabs = tabs
        self.number = self.whole = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self.whole += line.count("\t") == self._tabs
        return line

    @property
    def are_rows(self) -> bool:
        """Most of the lines could be rows of their own."""
        return 2 * self.whole > self.number


def open_quote(lines: Iterator[str], dialect: Dialect, first: int) -> Quote:
    """The last quote of a record that begins with these lines, numbered from `first`.

    The lines are read up to the fault of the record: text after the closing quote, or their end
    while the quote is open.
    """
    state, line_opened, number, escaped = START, first, first, False
    before, backslash = "", False
    for number, line in enumerate(lines, start=first):
        for char in line:
            if escaped or (char == dialect.escape and state != CLOSED):
                escaped = not escaped
                state = PLAIN if state == START else state
            elif state == QUOTED:
                state = CLOSED if char == '"' else QUOTED
                backslash |= before + char == '\\"'
            elif char == '"' and state == START:
                state, line_opened, backslash = QUOTED, number, False
            elif char == '"' and state == CLOSED:
                state = QUOTED
            elif char == dialect.delimiter or char in "\r\n":
                state = START
            elif char == " " and state == START and dialect.spaced:
                continue
            elif state == CLOSED:
                return Quote(line_opened, number, backslash)
            else:
                state = PLAIN
            before = char
    return Quote(line_opened, None if state == QUOTED else number, backslash)
