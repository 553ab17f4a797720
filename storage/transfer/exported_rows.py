"""Rows of files that were exported here: what they say of a tweet, checked.

Such a file has the columns of `EXPORT_COLUMNS`, of which `history` holds a list of events.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

from storage.errors import UserError
from storage.formats.values.cells import value_of
from storage.formats.values.codes import Codes
from storage.history.event_records import GOLD, LABEL_FIELDS, MARKS, Event
from storage.history.events import EVENT_FIELDS
from storage.label_names import key
from storage.text import SURROGATE

SPLITS = ("train", "dev", "test")
EXPORT_COLUMNS = ("text", "changed", "flags", "source", "history")


def is_export(columns: Collection[str]) -> bool:
    """Whether a file with these columns was exported here."""
    return all(name in columns for name in EXPORT_COLUMNS)


def read(row: Mapping[str, Any], codes: Codes) -> list[Event]:
    """The events of a row of an exported file, then what its other columns say beyond them.

    Whoever changes a label or a note in the file itself wants it to count, so the difference
    becomes an event of the importer. Raises UserError for a history that is not one.
    """
    events = [_checked(event, codes) for event in _listed(row)]
    gold = label_named(row.get("gold"), codes)
    known = [event for event in events if event["kind"] == GOLD]
    if [_label_key(event["new"]) for event in known] != ([key(gold)] if gold else []):
        events = [event for event in events if event["kind"] != GOLD]
    numbers = [event["event"] for event in events]
    if None in numbers or any(a >= b for a, b in pairwise(numbers)):
        events = [event | {"event": None} for event in events]
    return events + _beyond(row, gold, events, codes)


def source_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """The other columns of the file that the tweet came from at first."""
    value = _unpacked(row.get("source") or {}, "source")
    if not isinstance(value, dict):
        raise UserError("the source is not an object")
    return value


def labels_in(row: Mapping[str, Any]) -> set[str | None]:
    """The labels that the history and the label column of a row name."""
    events = [event for event in _listed(row) if event.get("field") in LABEL_FIELDS]
    named = [event.get(side) for event in events for side in ("old", "new")]
    return {value_of(value) for value in [*named, row.get("label")]}


def _listed(row: Mapping[str, Any]) -> list[Event]:
    given = _unpacked(row.get("history") or [], "history")
    if not isinstance(given, list) or not all(isinstance(event, dict) for event in given):
        raise UserError("the history is not a list of events")
    return given


def _unpacked(value: Any, name: str) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise UserError(f"the {name} is not valid JSON") from None


def label_named(value: Any, codes: Codes) -> str | None:
    """The label that a cell means, as it stands there; `codes` has names for some."""
    return codes.name(value_of(value))


def _checked(event: Event, codes: Codes) -> Event:
    field, kind, annotator = (event.get(name) for name in ("field", "kind", "annotator"))
    if field not in (*EVENT_FIELDS, *LABEL_FIELDS) or not (
        isinstance(kind, str) and isinstance(annotator, str)
    ):
        raise UserError("an event of the history has no annotator, kind or known field")
    if kind == GOLD and field != "label":
        raise UserError("the history has an import of something else than a label")
    whole = {name: event.get(name) for name in ("event", "action", "at", "reverts")}
    if whole["at"] is None or not all(
        value is None or (type(value) is int and abs(value) < 2**63) for value in whole.values()
    ):
        raise UserError("an event of the history has no time, or a number that is none")
    queue = event.get("queue")
    texts = {"annotator": annotator, "kind": kind, "queue": None if queue is None else str(queue)}
    values = {side: _value(field, event.get(side), codes) for side in ("old", "new")}
    if any(isinstance(v, str) and SURROGATE.search(v) for v in (texts | values).values()):
        raise UserError("an event of the history is no valid Unicode")
    return {**whole, **texts, **values, "field": field, "undone": event.get("undone") is True}


def _value(field: str, value: Any, codes: Codes) -> Any:
    if field in LABEL_FIELDS:
        return label_named(value, codes)
    if field == "note":
        return None if value is None else str(value)
    if field == "split":
        if value not in SPLITS:
            raise UserError("an event of the history has a split that is none")
        return str(value)
    return int(bool(value))


def _beyond(
    row: Mapping[str, Any], gold: str | None, events: Sequence[Event], codes: Codes
) -> list[Event]:
    """Events for what the columns label, flags and note say otherwise than the history."""
    state: dict[str, Any] = {"label": gold, "note": None} | dict.fromkeys(MARKS, 0)
    for event in events:
        state[event["field"]] = event["new"]
    said: dict[str, Any] = {}
    if "label" in row:
        said["label"] = label_named(row["label"], codes)
    if "note" in row:
        said["note"] = None if row["note"] is None else str(row["note"])
    if "flags" in row:
        flags = row["flags"] or ()
        names = flags.split() if isinstance(flags, str) else flags
        if not isinstance(names, list | tuple):
            raise UserError("the flags are no list")
        said |= {mark: int(mark in names) for mark in MARKS}
    return [
        {
            "event": None,
            "action": None,
            "annotator": None,
            "at": None,
            "reverts": None,
            "queue": None,
            "kind": _kind(field, value),
            "field": field,
            "old": state[field],
            "new": value,
            "undone": False,
        }
        for field, value in said.items()
        if _differs(field, value, state[field])
    ]


def _kind(field: str, value: Any) -> str:
    if field == "label":
        return "clear" if value is None else "set"
    return {"excluded": "exclude", "note": "note"}.get(field, "flag")


def _differs(field: str, one: Any, other: Any) -> bool:
    if field == "label":
        return _label_key(one) != _label_key(other)
    return bool((one or None) != (other or None))


def _label_key(label: str | None) -> str | None:
    return None if label is None else key(label)
