"""The judgements that a row of a file holds: who says that the text has which label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from storage.formats.position import RecordError
from storage.formats.programs.records import GivenLabel, name_of
from storage.formats.values.meanings import LabelNumbers
from storage.text import SURROGATE
from storage.transfer.rows import Said


def said_of(
    given: Sequence[GivenLabel], annotator: Any, gold: int | None, labels: LabelNumbers
) -> tuple[Said, ...]:
    """What a record holds of its annotators, or else its label by its column of annotators.

    The only label of a record that names no annotator is just its label.
    """
    if not given:
        return () if annotator is None else (Said(_name(annotator), None, gold),)
    found = tuple(
        Said(_name(one.annotator), _moment(one.at), labels.number_of(one.label), one.truth)
        for one in given
    )
    return () if len(found) == 1 and found[0].annotator is None else found


def said_in_columns(
    cells: Mapping[str, Any], columns: Sequence[str], gold: int | None, labels: LabelNumbers
) -> tuple[Said, ...]:
    """What the columns of annotators hold; the label that a row has beside them outvotes them."""
    found = []
    for column in columns:
        cell = cells.get(column)
        number = labels[cell] if isinstance(cell, str) else labels.number_of(cell)
        if number is not None:
            found.append(Said(_name(column), None, number))
    if found and gold is not None:
        found.append(Said(None, None, gold, truth=True))
    return tuple(found)


def _name(person: Any) -> str | None:
    name = (name_of(person) or "").strip()
    if SURROGATE.search(name):
        raise RecordError("the annotator is no valid Unicode; correct it in the file")
    return name or None


def _moment(at: str | None) -> int | None:
    """A time of ISO 8601, in UTC where it names no zone; None if it is written otherwise."""
    try:
        moment = datetime.fromisoformat(at or "")
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
