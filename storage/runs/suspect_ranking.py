"""The ranking of the suspects: whose it is, whether it still stands, and what is decided of it."""

from __future__ import annotations

from dataclasses import dataclass

from storage.errors import NothingToGoBy
from storage.newest_events import newest_relabelling
from storage.predicates import ANSWERED
from storage.runs.displayed_run import promoted_run
from storage.store import Store

SUSPECTS = "suspects"
RANKS = "`workbench suspects` ranks them"
MAKES_RANKING = "`workbench train --recipe baseline --wait` ranks them"


@dataclass(frozen=True)
class Ranking:
    """By whose predictions the suspects are ranked, and by which labels."""

    run: int | None
    event: int
    """The newest event that it knows of."""


def ranking(store: Store) -> Ranking | None:
    """How the suspects were ranked, if they were."""
    sql = "SELECT run, event FROM rankings WHERE name = ?"
    row = store.db.execute(sql, [SUSPECTS]).fetchone()
    return None if row is None else Ranking(*row)


def ranks_suspects(store: Store) -> int | None:
    """The run that suspects are ranked by: the promoted one, or else the newest baseline."""
    if (promoted := promoted_run(store)) is not None:
        return promoted
    row = store.db.execute(
        "SELECT max(id) FROM runs WHERE kind = 'baseline' AND predictions > 0"
    ).fetchone()
    return None if row[0] is None else int(row[0])


def require_ranking(store: Store) -> None:
    """Raise NothingToGoBy unless the suspects are ranked."""
    if ranking(store) is not None:
        return
    what = "No suspects are ranked yet"
    if ranks_suspects(store) is not None:
        raise NothingToGoBy(what, "ranking", RANKS)
    going_on = store.db.execute(
        "SELECT max(id) FROM runs WHERE kind = 'baseline' AND state IN ('queued', 'running')"
    ).fetchone()[0]
    if going_on is not None:
        raise NothingToGoBy(f"{what}, run {going_on} is at it", "ranking", RANKS)
    raise NothingToGoBy(what, "baseline", MAKES_RANKING)


def left(store: Store) -> int:
    """How many of the ranked suspects nobody has decided about yet."""
    row = store.db.execute(
        "SELECT (SELECT coalesce(max(rank), 0) FROM queues WHERE name = :name) - count(*) "
        f"FROM queues WHERE name = :name AND tweet {ANSWERED}",
        {"name": SUSPECTS},
    ).fetchone()
    return int(row[0])


def stale(store: Store) -> str:
    """Why the ranking of the suspects no longer stands, or nothing if it does."""
    known = ranking(store)
    if known is None:
        return ""
    if (wanted := ranks_suspects(store)) not in (None, known.run):
        return f"run {wanted} has not ranked them"
    return "labels have changed since" if newest_relabelling(store) > known.event else ""
