"""Whether the order of a list still stands, or rests on labels or a ranking that have changed."""

from __future__ import annotations

from storage.newest_events import newest_event, newest_relabelling
from storage.query.filters import filter_for
from storage.runs import suspect_ranking
from storage.store import Store

Basis = tuple[object, ...]
"""The events and the ranking that a list was made from; where they are others, it is stale."""


def basis(store: Store, filter_text: str, sort: str) -> Basis:
    """The events, and the ranking, that the order of a list rests on now."""
    wanted = filter_for(store, filter_text)
    if sort == "suspect":
        return newest_event(store), suspect_ranking.ranking(store)
    if sort in ("changed", "adjudicate") or wanted.depends_on_labels:
        return (newest_event(store),)
    return (newest_relabelling(store),) if sort == "disagreement" else ()


def stale(store: Store, filter_text: str, sort: str, made_from: Basis) -> bool:
    """Whether a list that was made from something would be another one now."""
    if sort == "suspect" and suspect_ranking.stale(store):
        return True
    return basis(store, filter_text, sort) != made_from
