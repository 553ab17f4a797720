"""Rows of a table that are neither its header nor data: titles above it, second lines below it.

Spreadsheets have titles; SurveyMonkey, Qualtrics and Orange write more below the names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from storage.formats.values.column_names import ALL_NAMES, fold

MOST_ABOVE = 10
"""Rows above a header that are looked over for it."""
SURE = 2
"""Names of columns in one row that make it the header, whatever stands above it."""
IMPORT_ID = '{"ImportId":'
"""How the cells of the third line of Qualtrics begin."""
OPEN_ENDED = ("open-ended response", "open ended response")
ANSWERS = frozenset(("response", "custom data", *OPEN_ENDED))
"""What SurveyMonkey writes below a question."""
TYPE = re.compile(
    r"str(ing)?|text|object|varchar|categor(y|ical)|discrete|continuous|numeric|int(eger|64)?"
    r"|float|double|bool(ean)?|date(time)?|timestamp|meta|class|ignore"
)
"""What Orange and databases write below the names: types, and which part a column plays."""


def titles_above(rows: Sequence[Sequence[str]]) -> int:
    """How many of the first rows stand above the header; 0 where no row below is surely one."""
    for above, row in enumerate(rows[: MOST_ABOVE + 1]):
        if known := names_known(row):
            return above if known >= SURE else 0
    return 0


def second_lines(rows: Sequence[Sequence[str]]) -> int:
    """How many of the first rows below a header go on with it."""
    for place, row in enumerate(rows[:2]):
        if any(cell.startswith(IMPORT_ID) for cell in row):
            return place + 1
    count = 0
    while count < min(2, len(rows)) and _describes(rows[count]):
        count += 1
    return count


def names_known(row: Sequence[str]) -> int:
    """How many cells of a row are names that a column of tweets has."""
    return sum(fold(cell) in ALL_NAMES for cell in row)


def _describes(row: Sequence[str]) -> bool:
    """Whether a row says what its columns hold: kinds of answers, or types."""
    filled = [cell.strip().casefold() for cell in row if cell.strip()]
    if any(cell in OPEN_ENDED for cell in filled):
        return not row[0].strip() or ANSWERS.issuperset(filled)
    return len(filled) > 1 and all(map(TYPE.fullmatch, filled))
