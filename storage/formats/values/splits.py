"""Which split the values of a column mean, and what is said of those that mean none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from storage.errors import UsageError
from storage.formats.columns import Columns
from storage.formats.values.column_names import SPLIT_NAMES
from storage.plurals import counted

EMPTY = ("", "none")


def names(given: Mapping[str, str]) -> dict[str, str]:
    """The split of each value in lower case; `given` says what further values mean."""
    return SPLIT_NAMES | {value.strip().casefold(): split for value, split in given.items()}


def checked(
    file: str, columns: Columns, values: Counter[str], known: Mapping[str, str], named: bool
) -> tuple[Columns, tuple[str, ...]]:
    """The columns, without that of the splits if it holds none, and what has to be said of it.

    Raises UsageError for values that are no split in a column that the user named.
    """
    unknown = [
        (value, number)
        for value, number in values.most_common()
        if value.casefold() not in known and value.casefold() not in EMPTY
    ]
    if not unknown:
        return columns, ()
    shown = ", ".join(f"{value!r} {number:,}" for value, number in unknown[:10])
    shown += ", …" if len(unknown) > 10 else ""
    many = sum(number for _, number in unknown)
    values_are = counted(many, "value that is", "values that are")
    column = f"column {columns.split!r}"
    example = f"--map-split {_quoted(unknown[0][0])}=test"
    if named:
        raise UsageError(
            f"{file}: {column} has {values_are} no split ({shown}); say what is meant "
            f"with {example}, or name the split of the whole file with --split-as."
        )
    if many == values.total():
        sentence = f"No value of {column} is a split ({shown}), so the tweets are dealt out by text"
        return replace(columns, split=None), (f"{sentence}; {example} says what it is.",)
    cells = counted(many, f"value of {column} is", f"values of {column} are")
    dealt = "its tweet is" if many == 1 else "their tweets are"
    sentence = f"{cells} no split ({shown}), so {dealt} dealt out"
    return columns, (f"{sentence} by text; {example} says what it is.",)


def _quoted(value: str) -> str:
    return f'"{value}"' if set(value) & set(' ,="') else value
