"""What a file says of one text: its columns, and who gave it which label."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from storage.formats.columns import Row

ANY_QUESTION = "*"
"""The question that a record happens to answer."""


@dataclass(frozen=True)
class GivenLabel:
    """A label that somebody gave, as the file has it."""

    column: str
    """The question that it answers; the column of the row that has the one that counts."""
    label: Any
    annotator: str | None = None
    at: str | None = None
    """When, in whatever way the file writes times."""
    truth: bool = False
    """It is the ground truth, whatever others say."""


AS_GIVEN = "labels_given"
"""The column of an exported record with all its labels, beside the one that counts."""


class Record(NamedTuple):
    """A row of columns, and beside it what does not fit into one."""

    row: Row
    given_labels: tuple[GivenLabel, ...] = ()
    """All labels that the record has from annotators, the one that counts among them."""
    remarks: tuple[str, ...] = ()
    """What was left out of the record, as words that can be counted: "12 records: …"."""


def objects(value: Any) -> list[Row]:
    """The objects of a list; one that stands alone is a list of one, anything else is nothing."""
    if isinstance(value, dict):
        return [value]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def table(value: Any) -> Row:
    """An object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def name_of(person: Any) -> str | None:
    """The name of an annotator, who may be a name, a number or an object with one."""
    if isinstance(person, dict):
        keys = ("email", "username", "name", "id")
        person = next((person[key] for key in keys if person.get(key) is not None), None)
    return None if person is None or isinstance(person, dict | list) else str(person)


def is_as_given(columns: Row, labels: Iterable[Any]) -> bool:
    """Whether the labels of a record are those that it was exported with."""
    given = columns.get(AS_GIVEN)
    return (
        isinstance(given, list)
        and "label" in columns
        and sorted(map(str, given)) == sorted(map(str, labels))
    )


def predicted(answers: Mapping[str, Any]) -> Row:
    """Columns for what a model answered."""
    return {f"predicted {name}": value for name, value in answers.items()}


def only(questions: Sequence[Collection[str]]) -> str | None:
    """The question that gives the label, of those that each record answers.

    It is the only one, or WHICHEVER if no record answers more than one; None if it has to be told
    by its name.
    """
    names = {name for answered in questions for name in answered}
    if len(names) > 1:
        return ANY_QUESTION if all(len(set(answered)) < 2 for answered in questions) else None
    return next(iter(names), None)


def column_of(question: str, answered: Collection[str], single: str | None) -> str:
    """The column of an answer, of those of a record: those to the only question are the label."""
    alone = single == ANY_QUESTION and len(set(answered)) == 1
    return "label" if alone or question == single else question


def rows(records: Iterable[Record]) -> Iterator[Row]:
    """The rows of records alone."""
    return (record.row for record in records)
