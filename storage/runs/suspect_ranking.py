"""The ranking of the suspects: the run it comes from, whether it is stale, how many are left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storage.errors import MissingPrerequisite
from storage.newest_events import newest_relabelling
from storage.predicates import DECIDED_SUSPECT
from storage.runs.analyses import queue_basis, read_analysis
from storage.runs.comparable import comparable
from storage.runs.displayed_run import promoted_run
from storage.store import Store

SUSPECTS = "suspects"
MOST_RUNS = 4
"""Runs that rank together; each one's predictions are read anew."""
RANKS = "`workbench suspects` ranks them"


@dataclass(frozen=True)
class Ranking:
    """By whose predictions the suspects are ranked, and by which labels."""

    run: int | None
    event: int
    """The newest event when the suspects were ranked."""
    runs: tuple[int, ...]
    """All runs that had a part in it, or could have had."""


def ranking(store: Store) -> Ranking | None:
    """By which run and which labels the suspects are ranked; None before the first ranking."""
    found = queue_basis(store, SUSPECTS)
    return None if found is None else Ranking(*found)


def ranking_run(store: Store) -> int | None:
    """The run that suspects are ranked by: the promoted one, or else the newest baseline."""
    if (promoted := promoted_run(store)) is not None:
        return promoted
    row = store.db.execute(
        "SELECT max(id) FROM runs WHERE kind = 'baseline' AND predictions > 0"
    ).fetchone()
    return None if row[0] is None else int(row[0])


def voting_runs(store: Store) -> list[int]:
    """The runs that rank the suspects together, the one that they are ranked by first.

    Beside the promoted run, or else the newest baseline, the newest run of each other kind and
    recipe that has scored about as many tweets as others of it; at most `MOST_RUNS`.
    """
    first = ranking_run(store)
    scored: dict[tuple[str, str], dict[int, int]] = {}
    for number, kind, recipe, predictions in store.db.execute(
        "SELECT id, kind, recipe, predictions FROM runs WHERE predictions > 0 ORDER BY id DESC"
    ):
        scored.setdefault((kind, recipe), {})[number] = predictions
    newest = [first if first in runs else comparable(runs)[0] for runs in scored.values()]
    return sorted(newest, key=lambda run: (run == first, run), reverse=True)[:MOST_RUNS]


def kept_reasons(store: Store, ids: Sequence[int]) -> dict[str, Any]:
    """The labels, the voters and, for some suspects, the reasons that were kept with the ranking.

    What was kept is long, so that only these parts of it are read.
    """
    row = store.db.execute(
        "SELECT json_object('labels', json_extract(result, '$.labels'), "
        "'voters', json_extract(result, '$.voters'), 'reasons', (SELECT json_group_object("
        "j.value, json_extract(result, '$.reasons.\"' || j.value || '\"')) "
        "FROM json_each(:ids) j)) FROM analyses WHERE kind = :kind AND about = '{}'",
        {"ids": json.dumps(list(ids)), "kind": SUSPECTS},
    ).fetchone()
    found: dict[str, Any] = json.loads(row[0]) if row else {"reasons": {}}
    found["reasons"] = {tweet: why for tweet, why in found["reasons"].items() if why is not None}
    return found


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
    raise MissingPrerequisite(what, "baseline", RANKS)


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
    known, wanted = ranking(store), voting_runs(store)
    if known is None:
        return ""
    if others := [run for run in wanted if run not in known.runs]:
        return f"run {others[0]} has not ranked them"
    kept = read_analysis(store, SUSPECTS, {})
    first = kept.runs[0] if kept and kept.runs else known.run  # it may have had nothing to say
    if wanted and wanted[0] != first:
        return f"run {wanted[0]} has not ranked them"
    if newest_relabelling(store) > known.event:
        return "labels have changed since"
    return kept.stale if kept else ""
