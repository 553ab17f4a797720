"""Tweets as the interface of Twitter gave them, with the full text apart where `text` is cut."""

from __future__ import annotations

from storage.formats.programs import records
from storage.formats.programs.records import Record, Row


def claims(row: Row) -> bool:
    """Whether a record is a tweet that says whether its text is cut."""
    return isinstance(row.get("text"), str) and ("truncated" in row or "extended_tweet" in row)


def questions(row: Row) -> list[str]:
    """None, as nobody is asked about tweets."""
    return []


def read(row: Row, question: str | None) -> Record:
    """The tweet with its full text in a column."""
    full = records.table(row.get("extended_tweet")).get("full_text")
    return Record(row if full is None else {**row, "full_text": full})
