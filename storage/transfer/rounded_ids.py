"""Ids that a spreadsheet has rounded: it keeps 15 digits of a number, and may show fewer.

Such an id is one of many tweets, so it is no id any more: a tweet is known by its text instead.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence

from storage.text import to_json
from storage.transfer.rows import ParsedRow

KEPT = 15
"""Digits of a number that spreadsheets keep."""
SCIENTIFIC = re.compile(r"[-+]?(\d)(?:[.,](\d+)[eE]\+?|[eE]\+)(\d{1,3})")
"""A number as it is shown where it is too long; no id of letters and digits is written so."""
SURE = 6
"""Zeros behind the digits that are kept, in all ids together, that are no coincidence."""
MOST_HELD = 10_000
"""Ids that are remembered with a text."""
ADVICE = (
    "the id (such as {}) is rounded, as spreadsheets do with numbers of more than 15 digits, and "
    "is kept as a source column only: the tweet is known by its text (format the column as text "
    "to keep ids)"
)


class RoundedIds:
    """Takes rounded ids from the rows of one file, and counts them."""

    def __init__(self, column: str | None, remarks: Counter[str]) -> None:
        self._column = column
        """The source column that keeps what stands in place of an id."""
        self._remarks = remarks
        self._remark = ""
        self._texts: dict[str, str] = {}
        self._zeros_are_lost_digits = False

    def taken_from(self, rows: list[ParsedRow]) -> list[ParsedRow]:
        """The rows, those without an id whose id is rounded."""
        suspects = [
            place
            for place, row in enumerate(rows)
            if (found := row.external_id) and (found[-1] == "0" or "+" in found or "E" in found)
        ]
        if not suspects:
            return rows
        ended = [place for place in suspects if _ends_in_zeros(rows[place].external_id)]
        if ended and not self._zeros_are_lost_digits:
            self._zeros_are_lost_digits = self._shared(rows, ended) or _too_many(rows, ended)
        lost = ended if self._zeros_are_lost_digits else []
        lost += [n for n in suspects if SCIENTIFIC.fullmatch(rows[n].external_id or "")]
        for place in lost:
            rows[place] = self._without_id(rows[place])
        return rows

    @property
    def found(self) -> bool:
        """Whether there were any."""
        return bool(self._remark)

    def _shared(self, rows: Sequence[ParsedRow], ended: Sequence[int]) -> bool:
        """Whether two texts have one id."""
        shared = False
        for row in (rows[place] for place in ended):
            if len(self._texts) < MOST_HELD:
                shared |= self._texts.setdefault(row.external_id or "", row.text) != row.text
        return shared

    def _without_id(self, row: ParsedRow) -> ParsedRow:
        self._remark = self._remark or ADVICE.format(row.external_id)
        self._remarks[self._remark] += 1
        source = row.source
        if self._column is not None:
            source = to_json({self._column: row.external_id} | json.loads(source))
        return row._replace(external_id=None, rounded_id=row.external_id, source=source)


def _ends_in_zeros(found: str | None) -> bool:
    return found is not None and len(found) > KEPT and found.isdecimal() and not int(found[KEPT:])


def _too_many(rows: Sequence[ParsedRow], ended: Sequence[int]) -> bool:
    """Whether most long ids end in zeros exactly where a spreadsheet ends a number."""
    long = sum(
        len(row.external_id) > KEPT and row.external_id.isdecimal()
        for row in rows
        if row.external_id
    )
    ids = [rows[place].external_id or "" for place in ended]
    full = [found for found in ids if found[KEPT - 2 : KEPT] != "00"]  # not a round number anyway
    return 2 * len(full) > long and sum(len(found) - KEPT for found in full) >= SURE


def may_be(external_id: str | None, rounded: str) -> bool:
    """Whether an id may be what was rounded; one that is missing, or was rounded so too, may."""
    if external_id in (None, rounded):
        return True
    if external_id is None or not external_id.isdecimal():
        return False
    if (number := SCIENTIFIC.fullmatch(rounded)) is not None:
        decimals = number[2] or ""
        zeros = max(0, int(number[3]) - len(decimals))
        about = int(number[1] + decimals + "0" * zeros)
    else:
        about = int(rounded)
    unit = int("1" + "0" * (len(str(about)) - len(str(about).rstrip("0"))))
    return abs(int(external_id) - about) <= max(unit, about >> 52)
