"""How a table in text is written: delimiter, quotes, header, and what stands before it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from storage.errors import UsageError
from storage.formats.decoding.encodings import text
from storage.formats.decoding.streams import BLANK
from storage.formats.source import Dialect, ReadOptions, Source
from storage.formats.tables import quotes
from storage.formats.tables.extra_headers import names_known, titles_above
from storage.formats.tables.headers import NUMBER, header
from storage.formats.values.column_names import LABEL_WORDS

if TYPE_CHECKING:
    import _csv

SAMPLE = 100
HEAD = 1 << 20
"""Characters of the file that are looked at."""
DELIMITERS = ",;\t|"
NAMED_DELIMITERS = {
    "tab": "\t",
    r"\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
    "space": " ",
}
SEP = re.compile(r'\ufeff?"?sep=(.)"?\s*', re.IGNORECASE)
"""What Excel writes into the first line of a file for itself."""
SPACED = re.compile(r' +"(?:[^"]|"")*"\s*')
"""A field whose quotes come after spaces, and so are none unless these are passed over."""
BELOW = "{} below the header, of what the columns hold, {} left out."
REMARK = re.compile(r"#(\W.*)?", re.DOTALL)
"""A comment beyond doubt: no tweet begins so with a hashtag."""


def find(source: Source, options: ReadOptions, tabs: bool) -> tuple[Dialect, tuple[str, ...]]:
    """The dialect of a table and sentences about what is odd in it; `tabs` if its ending says so.

    Raises UserError for two columns of one name, UsageError for a delimiter that is none.
    """
    with text(source) as file:
        head = file.read(HEAD)
    lines = list(io.StringIO(head, newline=""))
    if len(head) == HEAD and len(lines) > 1:
        lines.pop()
    notices = []
    delimiters = _delimiters(options, tabs)
    if delimiters == "\t" and tabs and "\t" not in head and is_table(head):
        delimiters = DELIMITERS
    escape = _escape(options.escape)
    before = _blank(lines, 0)
    if before < len(lines) and (hint := SEP.fullmatch(lines[before])) is not None:
        delimiters = delimiters if options.delimiter else hint[1]
        before += 1
        notices.append(f"Line {before} (sep={hint[1]}) names the delimiter and is no row.")
    remarks = _remarks(lines[before:], delimiters, options)
    if remarks:
        first, before = before + 1, before + remarks
        comment = "comments (#), are" if remarks > 1 else "a comment (#), is"
        notices.append(f"{_which(first, before)} before the table, {comment} left out.")
    quoted = options.quoting != "none"
    if titles := _titles(lines[before:], delimiters, options):
        first, before = _blank(lines, before) + 1, before + titles
        shown = lines[first - 1].strip(BLANK + DELIMITERS)[:60]
        verb = "is" if first == before else "are"
        notices.append(f"{_which(first, before)} above the header ({shown!r}) {verb} left out.")
    delimiter = _best(lines[before:], delimiters, quoted, escape)
    found = Dialect(delimiter, (), False, quoted, escape, skipped=before)
    found = replace(found, spaced=quoted and _is_spaced(lines[before:], found))
    dialect, below = _with_header(source, lines, found, options)
    if (
        delimiter == "\t"
        and options.quoting is None
        and (line := quotes.stray_quote(source, dialect)) is not None
    ):
        dialect, below = _with_header(source, lines, replace(found, quoted=False), options)
        notices.append(
            f"Quotes are read as ordinary characters, since the one in line {line} would run over "
            "the ends of lines; --quoting minimal reads them as quotes."
        )
    if tabs and delimiters == DELIMITERS and len(dialect.names) > 1:
        notices.append(f"There is no tab in it, so the columns are divided at {delimiter!r}.")
    if below:
        which = _which(dialect.skipped - below + 1, dialect.skipped)
        notices.append(BELOW.format(which, "is" if below == 1 else "are"))
    return dialect, tuple(notices)


def _which(first: int, last: int) -> str:
    """Lines as a sentence about them begins."""
    return f"Line {first}" if first == last else f"Lines {first} to {last}"


def is_table(head: str) -> bool:
    """Whether the first lines of a text are rows of a table rather than texts of a list."""
    lines = list(io.StringIO(head, newline=""))
    if len(lines) > 1 and not lines[-1].endswith(("\n", "\r")):
        lines.pop()
    start = _blank(lines, 0)
    if start < len(lines) and SEP.fullmatch(lines[start]):
        return True
    samples = [_sample(lines, Dialect(delimiter, (), False)) for delimiter in DELIMITERS]
    best = max(samples, key=_evenness)
    names, _, share, width = _evenness(best)
    return names > 0 or (width > 1 and share == 1.0 and not _is_prose(best))


def _is_prose(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the delimiters of rows are those of sentences: one row, or spaces after them all.

    A column that holds labels or numbers, or repeats itself, is none of a sentence.
    """
    if len(rows) > 1 and not all(cell.startswith(" ") for row in rows for cell in row[1:]):
        return False
    for column in zip(*rows, strict=True):
        cells = {cell.strip().casefold() for cell in column}
        if cells <= LABEL_WORDS or all(map(NUMBER.fullmatch, cells)) or 2 * len(cells) <= len(rows):
            return False
    return True


def reader(lines: Iterable[str], dialect: Dialect) -> _csv.Reader:
    """The rows of lines in a dialect; the csv module's own reader."""
    return csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quoting=csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE,
        escapechar=dialect.escape,
        skipinitialspace=dialect.spaced,
        strict=True,
    )


def _delimiters(options: ReadOptions, tabs: bool) -> str:
    if options.delimiter is None:
        return "\t" if tabs else DELIMITERS
    named = NAMED_DELIMITERS.get(options.delimiter.lower(), options.delimiter)
    if len(named) != 1 or named in '"\r\n':
        raise UsageError(
            f"--delimiter takes one character (or tab, comma, semicolon, pipe, space), not "
            f"{options.delimiter!r}."
        )
    return named


def _escape(named: str | None) -> str | None:
    if named is not None and (len(named) != 1 or named in '"\r\n'):
        raise UsageError(f"--escape takes one character, such as '\\', not {named!r}.")
    return named


def _blank(lines: Sequence[str], start: int) -> int:
    """The first line from `start` that is not empty."""
    while start < len(lines) and not lines[start].strip():
        start += 1
    return start


def _remarks(lines: Sequence[str], delimiters: str, options: ReadOptions) -> int:
    """How many lines before the table are comments."""
    end = beyond_doubt = 0
    while end < len(lines) and (lines[end].startswith("#") or not lines[end].strip()):
        if beyond_doubt == end and REMARK.fullmatch(lines[end].strip() or "#"):
            beyond_doubt = end + 1
        end += 1
    if end == len(lines):
        return 0
    rows = _sample(lines[end:], _dialect(delimiters, lines[end:], options))
    # A line that begins with a hashtag is a comment only above a header.
    return end if rows and names_known(rows[0]) else beyond_doubt


def _titles(lines: Sequence[str], delimiters: str, options: ReadOptions) -> int:
    """How many lines stand above the header."""
    if options.header is not None:
        return 0
    for delimiter in delimiters:
        dialect = Dialect(delimiter, (), False, options.quoting != "none", options.escape)
        if above := titles_above(_sample(lines, dialect)):
            rows = reader(lines, dialect)
            for _ in islice(filter(_holds_something, rows), above):
                pass
            return rows.line_num
    return 0


def _dialect(delimiters: str, lines: Sequence[str], options: ReadOptions) -> Dialect:
    quoted = options.quoting != "none"
    best = _best(lines, delimiters, quoted, options.escape)
    return Dialect(best, (), False, quoted, options.escape)


def _best(lines: Sequence[str], delimiters: str, quoted: bool, escape: str | None) -> str:
    """The delimiter that divides the first rows best."""
    samples = {
        delimiter: _sample(lines, Dialect(delimiter, (), False, quoted, escape))
        for delimiter in delimiters
    }
    return max(samples, key=lambda delimiter: _evenness(samples[delimiter]))


def _sample(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    rows: list[list[str]] = []
    with suppress(csv.Error):  # said when the row is read in earnest
        for row in islice(filter(_holds_something, reader(lines, dialect)), SAMPLE):
            rows.append(row)
    return rows


def _is_spaced(lines: Sequence[str], dialect: Dialect) -> bool:
    """Whether quotes come after spaces: in the header, or where the first rows can be read so."""
    rows = [any(map(SPACED.fullmatch, row[1:])) for row in _sample(lines, dialect)]
    if not any(rows) or rows[0]:
        return any(rows)
    try:
        for _ in islice(reader(lines, replace(dialect, spaced=True)), SAMPLE):
            pass
    except csv.Error:
        return False
    return True


def _holds_something(row: Sequence[str]) -> bool:
    return any(cell.strip(BLANK + DELIMITERS) for cell in row)


def _evenness(sample: Sequence[Sequence[str]]) -> tuple[int, bool, float, int]:
    """How well a delimiter divides the rows: names found, then rows as wide as the first."""
    if not sample:
        return (0, False, 0.0, 0)
    width = len(sample[0])
    share = sum(len(row) == width for row in sample) / len(sample)
    return (names_known(sample[0]), width > 1 and share > 0.5, share, width)


def _with_header(
    source: Source, lines: Sequence[str], dialect: Dialect, options: ReadOptions
) -> tuple[Dialect, int]:
    """The dialect with the names of its columns and the header among the skipped lines.

    And how many lines below the header are among these.
    """
    table = lines[dialect.skipped :]
    sample = _sample(table, dialect)
    if not dialect.quoted and sample:
        sample[0] = [cell.strip('"') for cell in sample[0]]
    found = header(source.name, sample, options.header)
    skipped, below = dialect.skipped, 0
    if found.is_row and sample:
        rows = reader(table, dialect)
        held = filter(_holds_something, rows)
        next(held)
        own = rows.line_num
        for _ in islice(held, found.second_lines):
            pass
        below = rows.line_num - own
        skipped += rows.line_num
    named = replace(dialect, names=found.names, header=found.is_row, nameless=found.nameless)
    return replace(named, skipped=skipped), below
