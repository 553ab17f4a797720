"""How much has been corrected since a model was last trained."""

from __future__ import annotations

from dataclasses import dataclass

from storage.predicates import REVIEWS
from storage.store import Store


@dataclass(frozen=True)
class Corrections:
    """What a run that goes on from another one would learn anew."""

    parent: int | None
    """The newest trained run; None before the first."""
    count: int
    """Tweets whose label was changed since the newest training began."""


def corrections_since_training(store: Store) -> Corrections:
    """The corrections since the newest training run began, whatever became of that.

    A change that was undone counts as none.
    """
    parent, event = store.db.execute(
        "SELECT max(CASE WHEN state = 'done' THEN id END), coalesce(max(event), 0) FROM runs "
        "WHERE kind = 'qlora'"
    ).fetchone()
    counted = store.db.execute(
        f"SELECT count(DISTINCT e.tweet) {REVIEWS} AND e.id > ? AND e.old IS NOT e.new", [event]
    ).fetchone()[0]
    return Corrections(parent, int(counted))
