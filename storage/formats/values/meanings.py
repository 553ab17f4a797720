"""What the cells of labels and splits mean, found out once for each text that stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.config import Config
from storage.formats.columns import Columns
from storage.formats.position import RecordError
from storage.formats.source import TABLE, Source
from storage.formats.values.cells import label_of, value_of
from storage.formats.values.codes import Codes
from storage.formats.values.label_sets import known_keys, label_meant
from storage.label_names import key


class LabelNumbers(dict[str, int | None]):
    """The number of the label that a cell means; None for no label.

    `numbers` are those of the labels by their names and the keys of these; `plain` cells are names
    as they stand, as in a file that was exported here.
    """

    def __init__(
        self, config: Config, codes: Codes, numbers: Mapping[str, int], plain: bool = False
    ) -> None:
        super().__init__({"": None})
        self._config = config
        self._codes = codes
        self._numbers = numbers
        self._plain = plain
        self._known = known_keys(config, codes)

    def __missing__(self, cell: str) -> int | None:
        self[cell] = self.number_of(cell)
        return self[cell]

    def number_of(self, cell: Any) -> int | None:
        """The number for a cell that may be something else than text; may raise RecordError."""
        value = value_of(cell) if self._plain else label_of(cell, self._known)
        name = self._codes.name(value)
        if name is None:
            return None
        label = label_meant(self._config, name) or name
        number = self._numbers.get(label, self._numbers.get(key(label)))
        if number is None:
            raise RecordError(f"{name!r} is not a label of this workspace")
        return number


class SplitNames(dict[str | None, str | None]):
    """The split that a value means; None if it is none. `known` has the values in lower case."""

    def __init__(self, known: Mapping[str, str]) -> None:
        super().__init__()
        self._known = known

    def __missing__(self, value: str | None) -> str | None:
        self[value] = self._known.get((value or "").casefold())
        return self[value]


class SwallowedRows:
    """Looks for rows of a table inside a text, as there are where a quote is missing."""

    def __init__(self, source: Source, columns: Columns) -> None:
        dialect = source.dialect if source.format == TABLE else None
        self._width = 0 if dialect is None else len(dialect.names)
        self._delimiter = "" if dialect is None else dialect.delimiter
        there = dialect is not None and columns.label in dialect.names
        self._place = dialect.names.index(columns.label) if dialect and there else None

    def rows(self, text: str, labels: LabelNumbers) -> bool:
        """Whether a line of the text has all the columns of a row, and a label in its place."""
        if self._place is None or self._width < 2:
            return False
        lines = (line.split(self._delimiter) for line in text.splitlines())
        return any(
            len(cells) == self._width and labels.get(cells[self._place]) is not None
            for cells in lines
        )
