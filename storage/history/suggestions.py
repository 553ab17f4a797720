"""What people decided beside the prediction of a run, and what changed between runs."""

from __future__ import annotations

from typing import NamedTuple

from storage.predicates import CORRECTED, REVIEWS, event_of_run
from storage.store import Store, last_visible_id

SOURCE = "coalesce(a.source, a.queue, 'list')"
"""SQL for what a tweet was chosen by: a source of a queue, an order of the list, or nothing."""


class Decisions(NamedTuple):
    """Decisions on tweets that a run had not learned from, of one kind."""

    run: int
    source: str
    blind: bool
    same: int
    """How many gave the label that the run predicts."""
    differing: int
    """How many were on tweets whose label was another one than that, or none."""
    taken: int
    """How many of those took the prediction."""
    decided: int


def decisions_on_suggestions(store: Store) -> list[Decisions]:
    """What was decided one by one beside a prediction, by run, source and whether it was hidden.

    Of each person the last decision on a tweet counts, and none that is undone; bulk edits, which
    nobody looked at one by one, do not count, nor do in-sample predictions.
    """
    last = (
        "SELECT max(e.id) AS id, e.tweet, a.annotator, a.run "
        f"{REVIEWS} AND a.kind = 'set' AND a.run IS NOT NULL AND e.new IS NOT NULL "
        "GROUP BY e.tweet, a.annotator, a.run"
    )
    rows = store.db.execute(
        f"SELECT a.run, {SOURCE}, coalesce(a.blind, 0), sum(d.new = p.label), "
        "sum(d.old IS NOT p.label), sum(d.old IS NOT p.label AND d.new = p.label), count(*) "
        "FROM (SELECT e.id, e.tweet, e.action, coalesce(n.merged_into, e.new) AS new, "
        "coalesce(o.merged_into, e.old) AS old "
        f"FROM ({last}) l JOIN label_events e ON e.id = l.id LEFT JOIN labels n ON n.id = e.new "
        "LEFT JOIN labels o ON o.id = e.old) d JOIN actions a ON a.id = d.action "
        "JOIN predictions p ON p.run = a.run AND p.tweet = d.tweet AND NOT p.in_sample "
        "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    return [
        Decisions(run, source, bool(blind), same, differing, taken, decided)
        for run, source, blind, same, differing, taken, decided in rows
    ]


def changes_between(store: Store, first: int, second: int) -> dict[str, int]:
    """How many tweets of train and dev got another label between two runs, by their source."""
    rows = store.db.execute(
        f"SELECT {SOURCE}, count(DISTINCT e.tweet) {REVIEWS} AND e.old IS NOT e.new "
        f"AND e.id > {event_of_run(':first')} AND e.id <= {event_of_run(':second')} "
        "AND e.tweet IN (SELECT tweet FROM current WHERE split != 'test') GROUP BY 1 ORDER BY 1",
        {"first": first, "second": second},
    )
    return dict(rows.fetchall())


class Correction(NamedTuple):
    """How many tweets were imported with a label and have another one, or none, now."""

    gold: str
    label: str | None
    tweets: int


def corrections(store: Store) -> list[Correction]:
    """What imported labels became, the most frequent change first."""
    rows = store.db.execute(
        f"SELECT c.gold, c.label, count(*) FROM current c WHERE {CORRECTED} "
        "AND c.tweet <= ? GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2",
        [last_visible_id(store.db)],
    )
    names = store.label_names
    return [Correction(names[gold], names.of(label), count) for gold, label, count in rows]


def reviewed_suspects(store: Store, last: int | None = None) -> tuple[int, int]:
    """Of the suspects that were decided, how many got another label, and of how many.

    Of each tweet the last decision counts; `last` takes only so many of the newest.
    """
    rows = store.db.execute(
        f"SELECT max(e.id), e.old IS NOT e.new {REVIEWS} AND a.kind = 'set' "
        f"AND {SOURCE} IN ('suspects', 'suspect') GROUP BY e.tweet ORDER BY 1 DESC LIMIT ?",
        [-1 if last is None else last],
    ).fetchall()
    return sum(changed for _, changed in rows), len(rows)
