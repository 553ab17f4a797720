"""The rows of a table in text, up to the first wrong one or without the wrong ones."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from itertools import islice

from storage.formats.decoding.encodings import text
from storage.formats.decoding.streams import BLANK
from storage.formats.position import Position
from storage.formats.source import Dialect, Source
from storage.formats.tables import dialects, quotes
from storage.plurals import counted

RULE = re.compile(r"[-: |]+")
"""What stands between the header and the rows of a table in Markdown."""
RULE_BEGINS = {"-", ":", " ", ""}
"""How the first cell of a rule may begin, once its bars are separators."""
LEAVE_OUT = "remove it, or have --on-error skip leave it out"
MOST_LINES = 500
"""Lines of a record, beyond which its quote was never closed; asked only where faults are kept."""


def strict(source: Source, dialect: Dialect, position: Position) -> Iterator[list[str]]:
    """The rows up to the first wrong one, of which `position` says what is wrong."""
    width, record, after = len(dialect.names), 0, dialect.skipped + 1
    begins = RULE_BEGINS.union(name[:1] for name in dialect.names[:1])
    began = after
    with text(source) as file:
        reader = dialects.reader(islice(file, dialect.skipped, None), dialect)
        try:
            for fields in reader:
                if len(fields) == width and ((first := fields[0]) or any(fields)):
                    position.record = record = record + 1
                    position.line = began
                    if first[:1] in begins and (reason := _no_row(fields, dialect)):
                        position.reject(reason)
                    yield fields
                elif "".join(fields).strip(BLANK):
                    position.record = record = record + 1
                    position.line = began
                    if (row := _fitted(fields, dialect)) is not None:
                        yield row
                    else:
                        ended = dialect.skipped + reader.line_num
                        position.reject(_ragged(fields, dialect, ended - began))
                began = after + reader.line_num
        except csv.Error as error:
            position.record, position.line = record + 1, began
            with text(source) as again:
                position.reject(*_unreadable(islice(again, began - 1, None), dialect, error, began))


def lenient(source: Source, dialect: Dialect, position: Position) -> Iterator[list[str]]:
    """The rows without wrong ones; reading goes on in the line after the first of a wrong one."""
    with text(source) as file:
        lines = _Lines(file, dialect.skipped)
        reader = dialects.reader(lines, dialect)
        record = 0
        while True:
            lines.begin()
            try:
                fields = next(reader, None)
                reason = None
            except csv.Error as error:
                fields = []
                reason, _ = _unreadable(iter(lines.taken), dialect, error, lines.first)
            if fields is None:
                return
            if reason is None and not "".join(fields).strip(BLANK):
                continue
            record += 1
            position.record, position.line = record, lines.first
            position.raw = "".join(lines.taken)
            row = fields if len(fields) == len(dialect.names) else _fitted(fields, dialect)
            if reason is None and row is not None:
                if again := _no_row(row, dialect):
                    position.reject(again)
                else:
                    yield row
                continue
            position.raw = lines.taken[0]
            position.reject(reason or _ragged(fields, dialect, len(lines.taken) - 1))
            lines.give_back()


class _Lines:
    """Lines of a file, those after the first of a record to be read once more."""

    def __init__(self, file: Iterator[str], skipped: int) -> None:
        self._file = islice(file, skipped, None)
        self._again: deque[str] = deque()
        self.first = skipped + 1
        """The number of the first line of the record."""
        self.taken: list[str] = []

    def begin(self) -> None:
        """Begin a record."""
        self.first += len(self.taken)
        self.taken = []

    def give_back(self) -> None:
        """Have all lines of the record but the first read again."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) == MOST_LINES:
            raise csv.Error("unexpected end of data")
        line = self._again.popleft() if self._again else next(self._file)
        self.taken.append(line)
        return line


def _no_row(fields: list[str], dialect: Dialect) -> str | None:
    """What is wrong with a row that is the header once more, or the rule under one."""
    if not dialect.header:
        return None
    if fields == list(dialect.names):
        return "it is the header again, as in files that were joined; " + LEAVE_OUT
    if fields[0].lstrip(" :")[:3] == "---" and RULE.fullmatch("".join(fields)):
        return "it is a rule and no row; " + LEAVE_OUT
    return None


def _fitted(fields: list[str], dialect: Dialect) -> list[str] | None:
    """A row that lacks cells of nameless columns at its end, with these; None for other rows."""
    missing = dialect.names[len(fields) :]
    if missing and all(name in dialect.nameless for name in missing):
        return fields + [""] * len(missing)
    return None


def _ragged(fields: list[str], dialect: Dialect, more_lines: int) -> str:
    """What is wrong with a row of another width."""
    where = "the header" if dialect.header else "the first row"
    long = f" (in a record of {more_lines + 1} lines)" if more_lines else ""
    return (
        f"{counted(len(fields), 'field')} where {where} has {len(dialect.names)}{long}; quote the "
        "text, or correct the line"
    )


def _unreadable(
    lines: Iterator[str], dialect: Dialect, error: csv.Error, first: int
) -> tuple[str, int]:
    """What is wrong with the quotes of the record that begins in a line, and in which line."""
    if "expected after" not in str(error) and "end of data" not in str(error):
        return f"{error}; correct the line", first
    quote = quotes.open_quote(lines, dialect, first)
    return quote.sentence, quote.line
