"""Tweets as the interfaces of Twitter gave them, with the full text apart where `text` is cut."""

from __future__ import annotations

import re
from typing import Any

from storage.formats.columns import Row
from storage.formats.programs import records
from storage.formats.programs.records import Record
from storage.formats.values import cells

PARTS = frozenset(("truncated", "full_text", "extended_tweet", "note_tweet", "retweeted_status"))
"""What says that a text is cut, or has the full one."""
RETWEET = re.compile(r"RT @\w+: ")
ELLIPSIS = "…"
LONGEST = 100_000
"""Characters of a cell that holds a tweet."""
TRUE = (True, "true", "True", "TRUE")
"""What stands for yes in JSON and in tables."""
CUT = "the text is cut, and the full text is not in the record"


def whole(record: Record) -> Record:
    """The record with its full text in place of a cut one; a remark where it has none."""
    row = record.row
    if PARTS.isdisjoint(row) or not isinstance(row.get("text") or "", str):
        return record
    text, is_cut = _longest(row)
    original = _object(row.get("retweeted_status"))
    if original and (is_cut or text.endswith(ELLIPSIS)):
        begins = RETWEET.match(text)
        before = begins[0] if begins else ""
        said, is_cut = _longest(original)
        if _goes_on(text.removeprefix(before), said):
            text = before + said
        else:
            is_cut = True
    name = "full_text" if "full_text" in row and "text" not in row else "text"
    told = {name: text} if text else {}
    if _goes_on(row.get("full_text"), text):
        told["full_text"] = text
    remarks = (*record.remarks, CUT) if is_cut else record.remarks
    return record._replace(row=row | told, remarks=remarks)


def _longest(row: Row) -> tuple[str, bool]:
    """The full text of a tweet, and whether that is cut too."""
    text, full = row.get("text") or "", row.get("full_text")
    marked = bool(text) and row.get("truncated") in TRUE
    apart = (
        _object(row.get("extended_tweet")).get("full_text"),
        _object(row.get("note_tweet")).get("text"),
        full if marked or _goes_on(text, full) else None,
    )
    whole = next((value for value in apart if isinstance(value, str) and value), None)
    return (text, marked and ELLIPSIS in text) if whole is None else (whole, False)


def _object(cell: Any) -> Row:
    """An object, which in a table is a text."""
    return records.table(cells.parsed(cell, LONGEST))


def _goes_on(text: Any, full: Any) -> bool:
    """Whether a text begins as one does that may be cut."""
    if not isinstance(text, str) or not isinstance(full, str):
        return False
    before, cut, _ = text.rpartition(ELLIPSIS)
    return full.startswith(before if cut else text)
