"""The first row of a table: whether it names the columns, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from storage.errors import UserError
from storage.formats.tables.extra_headers import names_known, second_lines
from storage.formats.values.column_names import LABEL_WORDS

NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Header:
    """The names of the columns of a table, and whether its first row holds them."""

    names: tuple[str, ...]
    is_row: bool
    """The first row holds them; otherwise they are numbered."""
    nameless: frozenset[str] = frozenset()
    """The numbers that stand for columns to which the first row gives no name."""
    second_lines: int = 0
    """Rows below it that go on with it and are no data."""


def header(file: str, sample: Sequence[Sequence[str]], said: bool | None) -> Header:
    """The columns of a table by its first rows, or as the user says.

    Raises UserError where two columns have one name.
    """
    first = sample[0] if sample else []
    further = second_lines(sample[1:]) if said is None else 0
    if not (further or _has_header(sample) if said is None else said):
        return Header(tuple(f"column{n}" for n in range(1, len(first) + 1)), False)
    names, nameless = [], set()
    for number, name in enumerate(first, start=1):
        if name.strip():
            names.append(name)
            continue
        numbered = next_free(f"column{number}", [*first, *names])
        names.append(numbered)
        nameless.add(numbered)
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{file} has two columns called {twice!r}; rename one.")
    return Header(tuple(names), True, frozenset(nameless), further)


def next_free(name: str, taken: Collection[str]) -> str:
    """The name of a column, with underscores where another one is called so."""
    while name in taken:
        name += "_"
    return name


def _has_header(sample: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: it knows a name, or is not like the rows below."""
    if not sample or names_known(sample[0]):
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
