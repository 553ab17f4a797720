"""doccano: texts with a list of annotations, one for each user and label."""

from __future__ import annotations

from storage.formats.columns import Row
from storage.formats.position import RecordError
from storage.formats.programs import records
from storage.formats.programs.records import GivenLabel, Record

TEXT = ("text", "data")
"""What the text is called in some versions and in others."""


def claims(row: Row) -> bool:
    """Whether a record has annotations that are labels of its text."""
    given = row.get("annotations")
    return (
        any(isinstance(row.get(name), str) for name in TEXT)
        and isinstance(given, list)
        and bool(given)
        and all(isinstance(entry, dict) and "label" in entry for entry in given)
    )


def questions(row: Row) -> list[str]:
    """None, as the annotations are always the label."""
    return []


def read(row: Row, question: str | None) -> Record:
    """The text with its last annotation; raises RecordError where one user gave several labels."""
    columns = {name: value for name, value in row.items() if name not in ("annotations", "meta")}
    columns |= records.table(row.get("meta"))
    given_labels = []
    given: dict[str | None, object] = {}
    for entry in records.objects(row.get("annotations")):
        label, user = entry.get("label"), records.name_of(entry.get("user"))
        if "start_offset" in entry:
            raise RecordError(
                "the annotations mark parts of the text, and labels of whole texts are expected"
            )
        if given.setdefault(user, label) != label:
            raise RecordError(
                f"the labels {given[user]!r} and {label!r} stand where one is expected (texts with "
                "several labels are out of scope); leave one of them"
            )
        at = entry.get("updated_at") or entry.get("created_at")
        given_labels.append(GivenLabel("label", label, user, None if at is None else str(at)))
    if given_labels:
        columns["label"] = given_labels[-1].label
    return Record(columns, tuple(given_labels))
