"""The labels that annotators have given a tweet, for programs that keep them apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from storage import judgements
from storage.formats.programs.records import GivenLabel
from storage.history.event_records import Event

DECISIONS = ("set", "clear", "bulk")
"""The kinds of events by which somebody gives a label here, or takes it away."""


def answers(history: Sequence[Event]) -> tuple[GivenLabel, ...]:
    """The newest label of each annotator of a tweet that came with judgements; none of others."""
    if all(event["field"] != judgements.FIELD for event in history):
        return ()
    newest: dict[str, Event] = {}
    for event in history:
        decision = event["field"] == "label" and event["kind"] in DECISIONS
        if (decision or event["field"] == judgements.FIELD) and not event.get("undone"):
            newest.pop(event["annotator"], None)
            newest[event["annotator"]] = event
    return tuple(
        GivenLabel(
            "label",
            event["new"],
            annotator,
            _iso(event["at"]),
            event["kind"] == judgements.TRUTH,
        )
        for annotator, event in newest.items()
        if event["new"] is not None
    )


def _iso(milliseconds: int) -> str:
    """A moment in ISO 8601, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
