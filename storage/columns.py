"""Guessing which column of a file holds the text, the label, the id and the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from storage.errors import UsageError

NAMES = {
    "text": ("text", "tweet text", "tweet", "full text", "content", "body", "message", "sentence"),
    "label": ("label", "sentiment", "class", "gold", "target", "category", "### assistant"),
    "id": ("external id", "tweet id", "status id", "id", "uid", "idx"),
    "ticker": ("ticker", "stock ticker", "symbol", "cashtag", "stock"),
    "url": ("url", "tweet url", "link", "permalink"),
    "split": ("split", "partition", "fold"),
}
ALL_NAMES = frozenset(name for names in NAMES.values() for name in names)
MOST_LABELS = 20
NUMBERED = re.compile(r"column\d+")
"""A column of a file without header."""


@dataclass(frozen=True)
class Columns:
    """The column of the file that plays each part, or None."""

    text: str
    label: str | None = None
    id: str | None = None
    ticker: str | None = None
    url: str | None = None
    split: str | None = None

    def as_json(self) -> dict[str, str]:
        """The parts that are played."""
        return {part: column for part, column in asdict(self).items() if column is not None}


def guess(
    sample: Sequence[Mapping[str, Any]],
    named: Mapping[str, str | None],
    labels: Collection[str] = (),
) -> Columns:
    """Choose the columns from the first rows; what the user named is taken as it is.

    Where columns have no names, known labels (in lower case) tell which of them holds the labels.

    Raises UsageError for a named column that is not there, or when no column can be the text.
    """
    present = list(dict.fromkeys(name for row in sample for name in row))
    chosen = {part: column for part, column in named.items() if column is not None}
    for part, column in chosen.items():
        if column not in present:
            columns = ", ".join(map(repr, present))
            raise UsageError(f"There is no column {column!r} for the {part} (columns: {columns}).")
    for part, names in NAMES.items():
        free = [column for column in present if column not in chosen.values()]
        folded = {fold(column): column for column in reversed(free)}
        found = next((folded[name] for name in names if name in folded), None)
        if part not in chosen and found is not None and _plausible(part, found, sample):
            chosen[part] = found
    free = [column for column in present if column not in chosen.values()]
    if "text" not in chosen:
        longest = max(free, key=lambda column: _mean_length(column, sample), default=None)
        if longest is None or _mean_length(longest, sample) < 10:
            columns = ", ".join(map(repr, present))
            raise UsageError(
                f"No column looks like a text (columns: {columns}); name it with --text."
            )
        chosen["text"] = longest
    if "label" not in chosen and all(map(NUMBERED.fullmatch, present)):
        free = [column for column in free if column != chosen["text"]]
        found = next((column for column in free if _holds_labels(column, sample, labels)), None)
        if found is not None:
            chosen["label"] = found
    return Columns(**chosen)


def fold(name: str) -> str:
    """The name of a column without what differs between spellings of it."""
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _plausible(part: str, column: str, sample: Sequence[Mapping[str, Any]]) -> bool:
    values = {str(row.get(column)) for row in sample}
    if part == "label":
        return len(values) <= MOST_LABELS
    if part == "split":
        return {value.casefold() for value in values} <= {*SPLIT_NAMES, "none", ""}
    return True


def _holds_labels(
    column: str, sample: Sequence[Mapping[str, Any]], labels: Collection[str]
) -> bool:
    """All values are known labels, or a few values come again and again."""
    values = Counter(str(row[column]).strip().casefold() for row in sample if row.get(column))
    if not values:
        return False
    repeated = 2 <= len(values) <= MOST_LABELS and values.total() >= 5 * len(values)
    return values.keys() <= set(labels) or repeated


def _mean_length(column: str, sample: Sequence[Mapping[str, Any]]) -> float:
    texts = [row[column] for row in sample if isinstance(row.get(column), str)]
    return sum(map(len, texts)) / max(1, len(sample))


SPLIT_NAMES = {
    "train": "train", "training": "train",
    "dev": "dev", "valid": "dev", "validation": "dev", "val": "dev",
    "test": "test", "testing": "test",
}  # fmt: skip
