"""What stands in the columns of labels and splits of a whole file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, repeat
from operator import itemgetter
from typing import Any

from storage.formats import readers
from storage.formats.columns import MOST_VALUES, Columns
from storage.formats.position import Position, RecordError
from storage.formats.source import Source
from storage.formats.values.cells import label_of, value_of

SCANNED = 50_000
"""Rows between two looks at how many different labels there are."""

Pair = tuple[Any, Any]
"""The label and the split of a row."""


@dataclass(frozen=True)
class Values:
    """How often each value occurs; the count ends where no label set has so many labels."""

    labels: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    rows: int = 0


def values(source: Source, columns: Columns, lenient: bool) -> Values:
    """Count the values of a file; raises UserError unless each label is one, or `lenient`."""
    position = Position(source.name, collects=lenient)
    further: Counter[str] = Counter()
    seen: Counter[Pair] = Counter()
    pairs = _pairs(source, columns, position, further)
    while part := list(islice(pairs, SCANNED)):
        seen.update(part)
        if len(seen) > MOST_VALUES and len({label for label, _ in seen}) > MOST_VALUES:
            break
    found = Values(further, rows=seen.total())
    labels = {cell: _label(source, columns, cell, lenient) for cell in {pair[0] for pair in seen}}
    for (cell, split_cell), number in seen.items():
        if (label := labels[cell]) is not None:
            found.labels[label] += number
        if (split := value_of(split_cell)) is not None:
            found.splits[split] += number
    return found


def _pairs(
    source: Source, columns: Columns, position: Position, further: Counter[str]
) -> Iterator[Pair]:
    """The cells of each row; `further` counts labels of annotators beside the one that counts."""
    table = readers.table(source, position) if source.dialect and source.sheet is None else None
    if table is not None:
        names, rows = table
        places = [names.index(name) for name in (columns.label, columns.split) if name is not None]
        if len(places) == 2:
            return map(itemgetter(*places), rows)
        cells, nothing = map(itemgetter(*places), rows), repeat(None)
        pair = (cells, nothing) if columns.label is not None else (nothing, cells)
        return zip(*pair, strict=False)
    return _pairs_of_records(source, columns, position, further)


def _pairs_of_records(
    source: Source, columns: Columns, position: Position, further: Counter[str]
) -> Iterator[Pair]:
    label_column: Any = columns.label
    split_column: Any = columns.split
    for row, judgements, _ in readers.records(source, position):
        label, split = row.get(label_column), row.get(split_column)
        if type(label) is str and not judgements:
            yield label, split if split is None else value_of(split)
            continue
        try:
            others = [one.label for one in judgements if one.column == label_column]
            further.update(filter(None, (label_of(other) for other in others if other != label)))
            yield label_of(label), value_of(split)
        except RecordError as error:
            position.wrong(str(error))


def _label(source: Source, columns: Columns, cell: Any, lenient: bool) -> str | None:
    """The label in a cell; raises UserError with its place if it is none."""
    try:
        return label_of(cell)
    except RecordError as error:
        if lenient:
            return None
        position = Position(source.name)
        for found, _ in _pairs(source, columns, position, Counter()):
            if found == cell:
                position.wrong(str(error))
        raise
