"""The orders a list can have, each kept so that any page of it is read through an index.

An order is a chain of legs. A leg walks an index and gives tweets by a value that rises or falls;
the next leg begins where it ends. Orders whose values come from predictions or texts are rows of
the table `orders`, which are written in the order of its key: an ordinary index would be written
to in as many places as there are rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from storage.errors import UsageError
from storage.predicates import ANSWERED, DISAGREES, RANKED_BY, decided, made


@dataclass(frozen=True)
class Leg:
    """One walk: the rows of `source` where `condition` holds, by `value` and then by tweet.

    All of it is SQL, about the run :run; `of` gives the value of the tweet :anchor if it is here.
    Without a value the walk goes by tweet alone.
    """

    source: str
    tweet: str
    condition: str
    value: str | None
    of: str
    falling: bool = False


@dataclass(frozen=True)
class Order:
    """The walk of an order, and the same order for a few tweets, to be sorted by."""

    legs: tuple[Leg, ...]
    sorted_by: str
    about: str
    rests_on: str | None = None
    """What there has to be for it: `predictions`, or the `ranking` of the suspects."""


def _rest(unless: str = "0") -> Leg:
    """The tweets that no leg before this one had."""
    return Leg(
        "current c", "c.tweet", f"NOT {unless}", None, "SELECT 0 FROM current WHERE tweet = :anchor"
    )


def _kept(name: str, run: str, of: str, unless: str = "0", falling: bool = False) -> Leg:
    return Leg(
        "orders o",
        "o.tweet",
        f"o.run = {run} AND o.name = '{name}' AND NOT {unless}",
        "o.value",
        of,
        falling,
    )


PREDICTED = "EXISTS (SELECT 1 FROM predictions u WHERE u.run = :run AND u.tweet = c.tweet)"
QUEUED = "EXISTS (SELECT 1 FROM queues u WHERE u.name = 'suspects' AND u.tweet = c.tweet)"
OPEN = (
    "NOT EXISTS (SELECT 1 FROM current d WHERE d.tweet = {tweet} "
    f"AND {decided(made(RANKED_BY), 'd')})"
)
UNRANKED = _rest(QUEUED)
RANKED = "(SELECT rank FROM queues WHERE name = 'suspects' AND tweet = c.tweet)"
UNPREDICTED = _rest(PREDICTED)
ANCHOR = "FROM predictions p JOIN current c USING (tweet) WHERE p.run = :run AND c.tweet = :anchor"
DIFFERS = (
    "EXISTS (SELECT 1 FROM orders u WHERE u.run = :run AND u.name = 'disagreement' "
    "AND u.value = -o.value AND u.tweet = o.tweet)"
)
ORDERS = {
    "id": Order((_rest(),), "c.tweet", "as imported"),
    **{
        name: Order(
            (_kept(name, ":run", f"SELECT p.{name} {ANCHOR}"), UNPREDICTED),
            f"p.{name} IS NULL, p.{name}, c.tweet",
            about,
            "predictions",
        )
        for name, about in (
            ("confidence", "the least sure predictions first"),
            ("margin", "the closest calls first"),
        )
    },
    "disagreement": Order(
        (
            _kept("disagreement", ":run", f"SELECT -p.confidence {ANCHOR} AND {DISAGREES}"),
            _kept("confidence", ":run", f"SELECT p.confidence {ANCHOR}", DIFFERS, falling=True),
            UNPREDICTED,
        ),
        f"NOT coalesce({DISAGREES}, 0), p.confidence IS NULL, -p.confidence, "
        f"CASE WHEN {DISAGREES} OR p.confidence IS NULL THEN c.tweet ELSE -c.tweet END",
        "predictions that differ from the label first, the surest of them on top",
        "predictions",
    ),
    "changed": Order(
        (
            Leg(
                "current c",
                "c.tweet",
                "c.changed IS NOT NULL",
                "c.changed",
                "SELECT changed FROM current WHERE tweet = :anchor AND changed IS NOT NULL",
                falling=True,
            ),
            _rest("(c.changed IS NOT NULL)"),
        ),
        "c.changed IS NULL, c.changed DESC, c.tweet",
        "the last changed first",
    ),
    "length": Order(
        (_kept("length", "0", "SELECT -length FROM current WHERE tweet = :anchor"),),
        "c.length DESC, c.tweet",
        "the longest first",
    ),
    "suspect": Order(
        (
            Leg(
                "queues q",
                "q.tweet",
                f"q.name = 'suspects' AND {OPEN.format(tweet='q.tweet')}",
                "q.rank",
                "SELECT q.rank FROM queues q WHERE q.name = 'suspects' "
                f"AND q.tweet = :anchor AND {OPEN.format(tweet='q.tweet')}",
            ),
            # By the plus the walk begins with the tweets that are decided, not with the ranks.
            Leg(
                "queues q",
                "q.tweet",
                f"q.name = 'suspects' AND q.tweet {ANSWERED}",
                "+q.rank",
                "SELECT rank FROM queues WHERE name = 'suspects' AND tweet = :anchor",
            ),
            UNRANKED,
        ),
        f"{RANKED} IS NULL, {RANKED} IS NOT NULL AND {decided(made(RANKED_BY))}, {RANKED}, c.tweet",
        "the labels most likely wrong first, then those that somebody has decided about",
        "ranking",
    ),
}
"""A tweet without the value comes last, in the order of the ids."""


def order(name: str) -> Order:
    """An order by its name; raises UsageError if there is none of that name."""
    if name not in ORDERS:
        raise UsageError(f"{name!r} is not an order (known: {', '.join(ORDERS)}).")
    return ORDERS[name]
