"""Whether the order of a list can be made, still stands, and what to do where it does not."""

from __future__ import annotations

from storage.errors import NothingToGoBy, UserError
from storage.query import order_validity, paging
from storage.query.order_validity import Basis
from storage.query.tweets import SORTS
from storage.runs import suspect_ranking
from storage.runs.displayed_run import require_predictions, shown_run
from storage.store import Store
from workbench.tui.listing.list_query import Question

ABOUT = {
    "id": "as imported",
    "confidence": "least confident predictions first",
    "margin": "closest calls first",
    "disagreement": "predictions that differ from the label first",
    "changed": "last edited first",
    "length": "longest first",
    "suspect": "likely label errors first",
}
KEYS = {
    "predictions": "t trains a model that makes some",
    "shown": "r lists the runs, and shows one",
    "ranking": "s, then suspect, ranks them",
    "baseline": "t, then baseline, ranks them",
}
"""What helps where something is lacking."""


def sentence(error: UserError) -> str:
    """What is wrong, with the key that helps instead of the command."""
    if isinstance(error, NothingToGoBy):
        return f"{error.what}; {KEYS[error.lacks]}."
    return str(error)


def refusal(store: Store, question: Question) -> UserError | None:
    """Why a list cannot be made, if it cannot."""
    try:
        if question.run is not None:
            require_predictions(store, question.run, "nothing of it can be shown")
        paging.ask(store, question.filter, question.sort, question.run)
    except UserError as error:
        return error
    return None


def without_predictions(store: Store) -> str:
    """Why the list shows no predictions, and what helps."""
    try:
        require_predictions(store, None, "")
    except NothingToGoBy as error:
        what = "no predictions yet" if error.lacks == "predictions" else "no run is shown"
        return f"{what} ({'t trains' if error.lacks == 'predictions' else 'r lists the runs'})"
    return ""


def choices(store: Store, question: Question) -> list[tuple[str, str]]:
    """The orders and what they are; of those that cannot be made, why not."""
    return [(name, _about(store, Question("", name, question.run))) for name in SORTS]


def _about(store: Store, question: Question) -> str:
    about = ABOUT.get(question.sort, "")
    if question.sort == "suspect" and can_be_ranked(store):
        return about
    error = refusal(store, question)
    return about if error is None else sentence(error)


def can_be_ranked(store: Store) -> bool:
    """Whether there are predictions to rank the suspects by, which a read-only workspace keeps."""
    return not store.read_only and suspect_ranking.ranks_suspects(store) is not None


def has_to_be_ranked(store: Store) -> bool:
    """Whether ranking the suspects would change their order, or make it."""
    missing = suspect_ranking.ranking(store) is None
    return can_be_ranked(store) and (missing or bool(suspect_ranking.stale(store)))


def words(store: Store, question: Question, basis: Basis) -> str:
    """The order of a list for the status line, and whether it is stale."""
    sort = question.sort
    named = f"by {sort}" if sort != "id" else ""
    if sort == "suspect":
        named += f", {suspect_ranking.left(store):,} left"
    if order_validity.stale(store, question.filter, sort, basis):
        how = "s sorts anew" if named else "/ enter filters anew"
        named = f"{named} stale: {how}".lstrip()
    return named


def possible(store: Store, question: Question) -> Question:
    """The nearest list that can be made after a run or a ranking went away."""
    run = shown_run(store) if _gone(store, question.run) else question.run
    for other in (
        Question(question.filter, question.sort, run),
        Question(question.filter, "id", run),
        Question("", question.sort, run),
    ):
        if refusal(store, other) is None:
            return other
    return Question("", "id", run)


def _gone(store: Store, run: int | None) -> bool:
    return run is not None and refusal(store, Question(run=run)) is not None
