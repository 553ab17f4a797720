"""The history as it is read: the events of a tweet, or the newest of all, with what they name."""

from __future__ import annotations

from typing import Any

from storage import label_changes
from storage.history.event_records import GOLD, LABEL_FIELDS, gold_events
from storage.query.tweets import tweet as find_tweet
from storage.store import Store

CONTEXT = ("queue", "run", "source", "blind")
NO_TWEET = dict.fromkeys(("event", "tweet", *CONTEXT))
"""What an entry of the history has not that is about no tweet."""


def history(
    store: Store, number: int | None = None, limit: int | None = None
) -> list[dict[str, Any]]:
    """The events of one tweet, oldest first, or the newest of all."""
    found = _numbered_history(store, number, limit)
    return [{name: entry[name] for name in entry if name != "action"} for entry in found]


def _numbered_history(store: Store, number: int | None, limit: int | None) -> list[dict[str, Any]]:
    """The history with the number of the action of each entry, by which they are in order."""
    if number is not None:
        find_tweet(store, number)
    which = "WHERE e.tweet = ?1 ORDER BY e.id" if number is not None else "ORDER BY e.id DESC"
    rows = store.db.execute(
        "SELECT e.id, e.tweet, a.annotator, a.at, a.kind, e.field, e.old, e.new, "
        "a.queue, a.run, a.source, a.blind, a.id "
        "FROM label_events e JOIN actions a ON a.id = e.action "
        f"{which} LIMIT ?2",
        [number, -1 if limit is None else limit],
    )
    names = ("event", "tweet", "annotator", "at", "kind", "field", "old", "new", *CONTEXT)
    called, events = label_changes.names_at(store.db), []
    for row in rows.fetchall():
        event = dict(zip((*names, "action"), row, strict=True))
        event["blind"] = None if event["blind"] is None else bool(event["blind"])
        if event["field"] in LABEL_FIELDS:
            event |= {side: called.of(event[side], event["action"]) for side in ("old", "new")}
        events.append(event)
    if number is None:
        return _with_removals(store, _with_label_changes(store, events))[:limit]
    if any(event["kind"] == GOLD for event in events):
        return events
    missing = NO_TWEET | {"tweet": number}
    given = [
        {**missing, **gold, "new": called.of(store.label_ids[gold["new"]], gold["action"])}
        for gold in gold_events(store, [number]).values()
    ]
    kept = (*names, "action")
    return _with_renames(store, [{name: gold[name] for name in kept} for gold in given] + events)


def _with_label_changes(store: Store, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events, newest first, and what became of the label set when and by whom."""
    for change in label_changes.entries(store.db):
        events.insert(_place_of(change["action"], events), NO_TWEET | change)
    return events


def _place_of(action: int, events: list[dict[str, Any]]) -> int:
    """Where an action stands among events, newest first."""
    later = (place for place, event in enumerate(events) if event["action"] <= action)
    return next(later, len(events))


def _with_renames(store: Store, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of a tweet, oldest first, and the renames of the label that it had then."""
    for change in label_changes.entries(store.db, renames=True):
        later = (n for n, e in enumerate(events) if e["action"] > change["action"])
        place = next(later, len(events))
        labels = [e["new"] for e in events[:place] if e["field"] in ("label", "labels")]
        if labels and labels[-1] == change["old"]:
            events.insert(place, NO_TWEET | change | {"tweet": events[0]["tweet"]})
    return events


def _with_removals(store: Store, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events, newest first, and how many tweets were taken out when and by whom."""
    rows = store.db.execute(
        "SELECT a.id, a.annotator, a.at, a.kind, r.tweets FROM removals r "
        "JOIN actions a ON a.id = r.action ORDER BY a.id"
    )
    names = ("action", "annotator", "at", "kind", "old")
    for row in rows.fetchall():
        removal = dict(zip(names, row, strict=True)) | {"field": "tweets", "new": 0}
        events.insert(_place_of(removal["action"], events), NO_TWEET | removal)
    return events
