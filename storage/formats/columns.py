"""Rows of a file, which of their columns plays which part, and how many labels one may have."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

Meanings = dict[str, dict[str, Any]]
"""The tables `definitions` and `examples` of workbench.toml, by label."""
MEANINGS = b"workbench"
"""The key under which Arrow files keep them."""
Row = dict[str, Any]
"""A row of a file: its cells by the names of their columns."""
MOST_LABELS = 20
"""Different values of a column that was guessed to hold the labels."""
MOST_REPEATED, TIMES, LONGEST_LABEL = 200, 5, 40
"""Such values where each of them comes so often on average, and the characters of the longest."""
MOST_VALUES = 1_000
"""Different values of a column that the user says holds the labels."""


@dataclass(frozen=True)
class Columns:
    """The column of the file that plays each part, or None."""

    text: str
    label: str | None = None
    id: str | None = None
    ticker: str | None = None
    url: str | None = None
    split: str | None = None
    annotator: str | None = None
    judgements: tuple[str, ...] = ()
    """The columns that hold what one annotator each said, who is called as the column is."""
    short_text: str | None = None
    """The column that has the text where that of the full text is empty."""
    in_tokens: bool = False
    """The texts are lists of tokens, printed as lists."""

    def as_json(self) -> dict[str, Any]:
        """The column of each part that has one, and those of judgements as a list."""
        parts = asdict(self)
        del parts["short_text"], parts["in_tokens"]
        parts["judgements"] = list(self.judgements) or None
        return {part: column for part, column in parts.items() if column is not None}

    @property
    def of_labels(self) -> tuple[str, ...]:
        """All columns that hold labels."""
        return self.judgements if self.label is None else (self.label, *self.judgements)
