"""Records whose text lies one level down, as in `{"tweet": {"full_text": …}}`."""

from __future__ import annotations

from storage.formats.columns import Row
from storage.formats.programs import records
from storage.formats.programs.records import Record
from storage.formats.values.column_names import NAMES, fold


def claims(row: Row) -> bool:
    """Whether a record has no text itself, and one object in it has."""
    return not has_text(row) and len(_holders(row)) == 1


def questions(row: Row) -> list[str]:
    """The key of the object with the text."""
    return _holders(row)


def read(row: Row, question: str | None) -> Record:
    """The record with the columns of that object beside its own."""
    key = question if question != records.ANY_QUESTION else next(iter(_holders(row)), None)
    inner = records.table(row.get(key)) if key is not None else {}
    return Record({name: value for name, value in row.items() if name != key} | inner)


def _holders(row: Row) -> list[str]:
    return [name for name, value in row.items() if isinstance(value, dict) and has_text(value)]


def has_text(row: Row) -> bool:
    """Whether an object has a string under one of the names of texts."""
    return any(isinstance(row[name], str) and fold(str(name)) in NAMES["text"] for name in row)
