"""The orders a list can have, each kept so that any page of it is read through an index.

An order is a chain of index scans. A scan gives tweets by a value that rises or falls; the next
scan begins where it ends. Orders whose values come from predictions or texts are rows of
the table `orders`, which are written in the order of its key: an ordinary index would be written
to in as many places as there are rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from storage.errors import UsageError
from storage.judgements import DECIDED, LEAD
from storage.judgements import ORDER as JUDGED
from storage.predicates import DECIDED_SUSPECT, DISAGREES, RANKED_BY, event_of_run, is_decided


@dataclass(frozen=True)
class IndexScan:
    """A scan of the rows of `source` where `condition` holds, by `value` and then by tweet.

    All of it is SQL, about the run :run; `cursor_value` gives the value of the tweet :cursor if the
    scan has it. Without a value the scan goes by tweet alone.
    """

    source: str
    tweet: str
    condition: str
    value: str | None
    cursor_value: str
    descending: bool = False


@dataclass(frozen=True)
class Order:
    """The index scans that give all tweets in order, and the ORDER BY that sorts a few of them."""

    scans: tuple[IndexScan, ...]
    order_by: str
    requires: str | None = None
    """What there has to be for it: `predictions`, or the `ranking` of the suspects."""


def _rest(unless: str = "0") -> IndexScan:
    """The scan of the tweets that no scan before it had."""
    return IndexScan(
        "current c", "c.tweet", f"NOT {unless}", None, "SELECT 0 FROM current WHERE tweet = :cursor"
    )


def _stored(
    name: str, run: str, cursor_value: str, unless: str = "0", descending: bool = False
) -> IndexScan:
    return IndexScan(
        "orders o",
        "o.tweet",
        f"o.run = {run} AND o.name = '{name}' AND NOT {unless}",
        "o.value",
        cursor_value,
        descending,
    )


def _judged(tweet: str, decided: str) -> IndexScan:
    """The tweets on which judgements differ, and about which nobody here has decided, or has."""
    condition = f"o.run = 0 AND o.name = '{JUDGED}' AND {decided} {DECIDED.format(tweet=tweet)}"
    one = f"{condition} AND o.value IN (0, 1, 2) AND o.tweet = :cursor"
    cursor = f"SELECT o.value FROM orders o WHERE {one}"
    return IndexScan("orders o", tweet, condition, "o.value", cursor)


HAS_PREDICTION = "EXISTS (SELECT 1 FROM predictions u WHERE u.run = :run AND u.tweet = c.tweet)"
QUEUED = "EXISTS (SELECT 1 FROM queues u WHERE u.name = 'suspects' AND u.tweet = c.tweet)"
OPEN = (
    "NOT EXISTS (SELECT 1 FROM current d WHERE d.tweet = {tweet} "
    f"AND {is_decided(event_of_run(RANKED_BY), 'd')})"
)
UNRANKED = _rest(QUEUED)
RANKED = "(SELECT rank FROM queues WHERE name = 'suspects' AND tweet = c.tweet)"
UNPREDICTED = _rest(HAS_PREDICTION)
UNDISPUTED = _rest(f"({LEAD} IS NOT NULL)")
CURSOR = "FROM predictions p JOIN current c USING (tweet) WHERE p.run = :run AND c.tweet = :cursor"
DIFFERS = (
    "EXISTS (SELECT 1 FROM orders u WHERE u.run = :run AND u.name = 'disagreement' "
    "AND u.value = -o.value AND u.tweet = o.tweet)"
)
ORDERS = {
    "id": Order((_rest(),), "c.tweet"),
    **{
        name: Order(
            (_stored(name, ":run", f"SELECT p.{name} {CURSOR}"), UNPREDICTED),
            f"p.{name} IS NULL, p.{name}, c.tweet",
            "predictions",
        )
        for name in ("confidence", "margin")
    },
    "disagreement": Order(
        (
            _stored("disagreement", ":run", f"SELECT -p.confidence {CURSOR} AND {DISAGREES}"),
            _stored(
                "confidence", ":run", f"SELECT p.confidence {CURSOR}", DIFFERS, descending=True
            ),
            UNPREDICTED,
        ),
        f"NOT coalesce({DISAGREES}, 0), p.confidence IS NULL, -p.confidence, "
        f"CASE WHEN {DISAGREES} OR p.confidence IS NULL THEN c.tweet ELSE -c.tweet END",
        "predictions",
    ),
    "changed": Order(
        (
            IndexScan(
                "current c",
                "c.tweet",
                "c.changed IS NOT NULL",
                "c.changed",
                "SELECT changed FROM current WHERE tweet = :cursor AND changed IS NOT NULL",
                descending=True,
            ),
            _rest("(c.changed IS NOT NULL)"),
        ),
        "c.changed IS NULL, c.changed DESC, c.tweet",
    ),
    "length": Order(
        (_stored("length", "0", "SELECT -length FROM current WHERE tweet = :cursor"),),
        "c.length DESC, c.tweet",
    ),
    "adjudicate": Order(
        (
            _judged("o.tweet", "NOT"),
            _judged("o.tweet", ""),
            UNDISPUTED,
        ),
        f"coalesce({LEAD} + 3 * {DECIDED.format(tweet='c.tweet')}, 9), c.tweet",
    ),
    "suspect": Order(
        (
            IndexScan(
                "queues q",
                "q.tweet",
                f"q.name = 'suspects' AND {OPEN.format(tweet='q.tweet')}",
                "q.rank",
                "SELECT q.rank FROM queues q WHERE q.name = 'suspects' "
                f"AND q.tweet = :cursor AND {OPEN.format(tweet='q.tweet')}",
            ),
            # By the plus the scan begins with the tweets that are decided, not with the ranks.
            IndexScan(
                "queues q",
                "q.tweet",
                f"q.name = 'suspects' AND q.tweet {DECIDED_SUSPECT}",
                "+q.rank",
                "SELECT rank FROM queues WHERE name = 'suspects' AND tweet = :cursor",
            ),
            UNRANKED,
        ),
        f"{RANKED} IS NULL, {RANKED} IS NOT NULL AND {is_decided(event_of_run(RANKED_BY))}, "
        f"{RANKED}, c.tweet",
        "ranking",
    ),
}
"""A tweet without the value comes last, in the order of the ids."""


def order(name: str) -> Order:
    """An order by its name; raises UsageError if there is none of that name."""
    if name not in ORDERS:
        raise UsageError(f"{name!r} is not an order (known: {', '.join(ORDERS)}).")
    return ORDERS[name]
