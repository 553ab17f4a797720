"""The orders of a list: which can be made, which are stale, and the key that helps."""

from __future__ import annotations

from storage.errors import MissingPrerequisite, UserError
from storage.query import order_validity, paging, tweets
from storage.query.order_validity import Basis
from storage.query.tweets import SORTS
from storage.runs import suspect_ranking
from storage.runs.displayed_run import require_predictions, shown_run
from storage.store import Store
from workbench.tui.acting_keys import key_for
from workbench.tui.helping_keys import sentence_with_key
from workbench.tui.list_screen import ListSettings

SORT_MEANINGS = {
    "id": "as imported",
    "confidence": "least confident predictions first",
    "margin": "closest calls first",
    "disagreement": "predictions that differ from the label first",
    "changed": "last edited first",
    "length": "longest first",
    "adjudicate": "judgements that differ first",
    "suspect": "likely label errors first",
}
ORDERS_OF_COLUMNS = {"model": "disagreement", "text": "length"}
"""The order that a column of the list has, beside the one that shows the present order."""


def why_impossible(store: Store, settings: ListSettings) -> UserError | None:
    """The error that making such a list would raise; None if it can be made."""
    try:
        if settings.run is not None:
            require_predictions(store, settings.run, "nothing of it can be shown")
        paging.list_query(store, settings.filter, settings.sort, settings.run)
    except UserError as error:
        return error
    return None


def missing_predictions(store: Store) -> str:
    """Why the list shows no predictions, and what helps."""
    try:
        require_predictions(store, None, "")
    except MissingPrerequisite as error:
        what = "no predictions yet" if error.lacks == "predictions" else "no run is shown"
        trains, lists = (
            f"{key_for('place_train')} trains",
            f"{key_for('place_runs')} lists the runs",
        )
        return f"{what} ({trains if error.lacks == 'predictions' else lists})"
    return ""


def sort_choices(store: Store, settings: ListSettings) -> list[tuple[str, str]]:
    """Each order with its meaning, or with the reason why it cannot be made."""
    return [(name, _about(store, ListSettings("", name, settings.run))) for name in SORTS]


def _about(store: Store, settings: ListSettings) -> str:
    about = SORT_MEANINGS.get(settings.sort, "")
    if settings.sort == "suspect" and can_rank_suspects(store):
        without = suspect_ranking.ranking_run(store) is None
        return f"{about}; a small model is trained for that" if without else about
    error = why_impossible(store, settings)
    return about if error is None else sentence_with_key(error)


def can_rank_suspects(store: Store) -> bool:
    """Whether the suspects can be ranked: nothing is kept where nobody may write."""
    return not store.read_only and tweets.counts(store).labelled > 0


def needs_ranking(store: Store) -> bool:
    """Whether ranking the suspects would change their order, or make it."""
    missing = suspect_ranking.ranking(store) is None
    return can_rank_suspects(store) and (missing or bool(suspect_ranking.stale(store)))


def describe_order(store: Store, settings: ListSettings, basis: Basis) -> str:
    """The order of a list for the status line, and whether it is stale."""
    sort = settings.sort
    named = f"by {sort}" if sort != "id" else ""
    if sort == "suspect":
        named += f", {suspect_ranking.count_undecided(store):,} left"
    if order_validity.stale(store, settings.filter, sort, basis):
        how = (
            f"{key_for('sort')} sorts anew" if named else f"{key_for('filter')} enter filters anew"
        )
        named = f"{named} stale: {how}".lstrip()
    return named


def nearest_possible(store: Store, settings: ListSettings) -> ListSettings:
    """The nearest list that can be made after a run or a ranking went away."""
    run = shown_run(store) if _gone(store, settings.run) else settings.run
    for other in (
        ListSettings(settings.filter, settings.sort, run),
        ListSettings(settings.filter, "id", run),
        ListSettings("", settings.sort, run),
    ):
        if why_impossible(store, other) is None:
            return other
    return ListSettings("", "id", run)


def _gone(store: Store, run: int | None) -> bool:
    return run is not None and why_impossible(store, ListSettings(run=run)) is not None
