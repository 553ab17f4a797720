"""What stands in the columns of labels and splits of a whole file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice, repeat
from operator import itemgetter
from typing import Any

from storage.formats import readers
from storage.formats.columns import MOST_VALUES, Columns, Row
from storage.formats.position import Position, RecordError
from storage.formats.programs.records import GivenLabel
from storage.formats.source import Source
from storage.formats.values.cells import label_of, looks_empty, value_of

SCANNED = 50_000
"""Rows between two looks at how many different labels there are."""

Pair = tuple[Any, Any]
"""The label and the split of a row."""


@dataclass(frozen=True)
class Values:
    """How often each value occurs; the count ends where no label set has so many labels."""

    labels: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    empty: Counter[str] = field(default_factory=Counter)
    """What stands in the column of the labels and is read as none."""
    rows: int = 0


def values(source: Source, columns: Columns, lenient: bool, known: Collection[str] = ()) -> Values:
    """Count the values of a file; raises UserError unless each label is one, or `lenient`.

    `known` has the keys of labels and codes.
    """
    if not columns.of_labels and columns.split is None:
        return Values()
    position = Position(source.name, collects=lenient)
    further: Counter[str] = Counter()
    seen: Counter[Pair] = Counter()
    pairs = _pairs(source, columns, position, further, known)
    while part := list(islice(pairs, SCANNED)):
        seen.update(part)
        if len(seen) > MOST_VALUES and len({label for label, _ in seen}) > MOST_VALUES:
            break
    found = Values(further, rows=seen.total() + len(position.faults))
    cells = {cell for cell, _ in seen}
    labels = {cell: _label(source, columns, cell, lenient, known) for cell in cells}
    for (cell, split_cell), number in seen.items():
        if (label := labels[cell]) is not None:
            found.labels[label] += number
        elif isinstance(cell, str) and looks_empty(cell.strip()):
            found.empty[cell.strip()] += number
        if (split := value_of(split_cell)) is not None:
            found.splits[split] += number
    return found


def _pairs(
    source: Source,
    columns: Columns,
    position: Position,
    further: Counter[str],
    known: Collection[str],
) -> Iterator[Pair]:
    """The cells of each row; `further` counts labels of annotators beside the one that counts."""
    plain = source.dialect is not None and source.sheet is None and not columns.judgements
    table = readers.table(source, position) if plain else None
    if table is not None:
        names, rows = table
        places = [names.index(name) for name in (columns.label, columns.split) if name is not None]
        if len(places) == 2:
            return map(itemgetter(*places), rows)
        cells, nothing = map(itemgetter(*places), rows), repeat(None)
        pair = (cells, nothing) if columns.label is not None else (nothing, cells)
        return zip(*pair, strict=False)
    return _pairs_of_records(source, columns, position, further, known)


def _pairs_of_records(
    source: Source,
    columns: Columns,
    position: Position,
    further: Counter[str],
    known: Collection[str],
) -> Iterator[Pair]:
    label_column: Any = columns.label
    split_column: Any = columns.split
    found: Iterator[tuple[Row, tuple[GivenLabel, ...]]]
    if source.form is None:  # nothing but a row, which may have its text elsewhere
        found = zip(readers.plain_rows(source, position), repeat(()), strict=False)
    else:
        found = ((one.row, one.given_labels) for one in readers.records(source, position))
    for row, given_labels in found:
        label, split = row.get(label_column), row.get(split_column)
        if type(label) is str and not given_labels and not columns.judgements:
            yield label, split if split is None else value_of(split)
            continue
        try:
            others = [one.label for one in given_labels if one.column == label_column]
            named = (label_of(other, known) for other in others if other != label)
            further.update(filter(None, named))
            named = (label_of(row.get(column), known) for column in columns.judgements)
            further.update(filter(None, named))
            yield label_of(label, known), value_of(split)
        except RecordError as error:
            position.reject(str(error))


def _label(
    source: Source, columns: Columns, cell: Any, lenient: bool, known: Collection[str]
) -> str | None:
    """The label in a cell; raises UserError with its place if it is none."""
    try:
        return label_of(cell, known)
    except RecordError as error:
        if lenient:
            return None
        position = Position(source.name)
        for found, _ in _pairs(source, columns, position, Counter(), known):
            if found == cell:
                position.reject(str(error))
        raise
