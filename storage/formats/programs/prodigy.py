"""Prodigy: examples that were accepted, rejected or ignored, with a label or a choice."""

from __future__ import annotations

from typing import Any

from storage.formats.columns import Row
from storage.formats.position import RecordError
from storage.formats.programs import records
from storage.formats.programs.records import GivenLabel, Record
from storage.formats.values import cells

ANSWERS = ("accept", "reject", "ignore")
NO_LABEL = "the answer is reject or ignore, which is no label"
ANNOTATORS = ("_annotator_id", "_session_id")


def claims(row: Row) -> bool:
    """Whether a record is an example with an answer."""
    return row.get("answer") in ANSWERS and (
        "text" in row or "_task_hash" in row or "_input_hash" in row
    )


def questions(row: Row) -> list[str]:
    """None, as there is one question only."""
    return []


def read(row: Row, question: str | None) -> Record:
    """An example with the label that was accepted; one that was rejected has a column of its own.

    Raises RecordError for several accepted options.
    """
    columns = {name: value for name, value in row.items() if name not in ("accept", "options")}
    columns |= records.table(columns.pop("meta", None))
    given = row["accept"] if "accept" in row else row.get("label")
    if row.get("answer") not in ("accept", None):
        return Record(columns | {"label": None, "rejected label": given}, (), (NO_LABEL,))
    label = columns["label"] = _chosen(row, given) if "accept" in row else given
    if label in (None, "", []):
        return Record(columns)
    who = next((row[name] for name in ANNOTATORS if row.get(name)), None)
    at = row.get("_timestamp")
    given_label = GivenLabel("label", label, records.name_of(who), None if at is None else str(at))
    return Record(columns, (given_label,))


def _chosen(row: Row, accepted: Any) -> Any:
    """The accepted option; the text of one that is called by a number."""
    chosen = accepted if isinstance(accepted, list) else [accepted]
    if len(chosen) > 1:
        raise RecordError(cells.several_labels(map(str, chosen)))
    label = chosen[0] if chosen else None
    if isinstance(label, int):
        texts = {option.get("id"): option.get("text") for option in _options(row)}
        return texts.get(label) or label
    return label


def _options(row: Row) -> list[Row]:
    options = records.objects(row.get("options"))
    return [option for option in options if isinstance(option.get("id"), int | str)]
