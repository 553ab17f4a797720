"""The ranking of the suspects: the run it comes from, whether it is stale, how many are left."""

from __future__ import annotations

from dataclasses import dataclass

from storage.errors import MissingPrerequisite
from storage.newest_events import newest_relabelling
from storage.predicates import DECIDED_SUSPECT
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
    """The newest event when the suspects were ranked."""


def ranking(store: Store) -> Ranking | None:
    """By which run and which labels the suspects are ranked; None before the first ranking."""
    sql = "SELECT run, event FROM rankings WHERE name = ?"
    row = store.db.execute(sql, [SUSPECTS]).fetchone()
    return None if row is None else Ranking(*row)


def ranking_run(store: Store) -> int | None:
    """The run that suspects are ranked by: the promoted one, or else the newest baseline."""
    if (promoted := promoted_run(store)) is not None:
        return promoted
    row = store.db.execute(
        "SELECT max(id) FROM runs WHERE kind = 'baseline' AND predictions > 0"
    ).fetchone()
    return None if row[0] is None else int(row[0])


def other_recipes(store: Store, number: int, limit: int) -> list[int]:
    """The newest run with predictions of each recipe but that of a run, the newest first."""
    rows = store.db.execute(
        "SELECT max(id) FROM runs WHERE predictions > 0 "
        "AND recipe != (SELECT recipe FROM runs WHERE id = ?) "
        "GROUP BY recipe ORDER BY max(id) DESC LIMIT ?",
        [number, limit],
    )
    return [run for (run,) in rows]


def require_ranking(store: Store) -> None:
    """Raise MissingPrerequisite unless the suspects are ranked."""
    if ranking(store) is not None:
        return
    what = "No suspects are ranked yet"
    if ranking_run(store) is not None:
        raise MissingPrerequisite(what, "ranking", RANKS)
    going_on = store.db.execute(
        "SELECT max(id) FROM runs WHERE kind = 'baseline' AND state IN ('queued', 'running')"
    ).fetchone()[0]
    if going_on is not None:
        raise MissingPrerequisite(f"{what}, run {going_on} is at it", "ranking", RANKS)
    raise MissingPrerequisite(what, "baseline", MAKES_RANKING)


def count_undecided(store: Store) -> int:
    """How many of the ranked suspects nobody has decided about yet."""
    row = store.db.execute(
        "SELECT (SELECT coalesce(max(rank), 0) FROM queues WHERE name = :name) - count(*) "
        f"FROM queues WHERE name = :name AND tweet {DECIDED_SUSPECT}",
        {"name": SUSPECTS},
    ).fetchone()
    return int(row[0])


def stale(store: Store) -> str:
    """Why the ranking of the suspects no longer stands, or nothing if it does."""
    known = ranking(store)
    if known is None:
        return ""
    if (wanted := ranking_run(store)) not in (None, known.run):
        return f"run {wanted} has not ranked them"
    return "labels have changed since" if newest_relabelling(store) > known.event else ""
