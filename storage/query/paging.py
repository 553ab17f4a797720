"""Which tweets a list shows: any page of it at once, all ids of it, how many there are.

A page begins after a tweet, not at a row number, so the last one is as near as the first. How a
filter is answered depends on how many tweets its conditions give: if one of them gives few, those
are looked at and sorted; otherwise the order is walked until the page is full.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from storage.query.conditions import Condition
from storage.query.filters import compile_filter
from storage.query.orders import UNPREDICTED, UNRANKED, Leg, Order, order
from storage.runs.displayed_run import require_predictions, require_run, shown_run
from storage.runs.suspect_ranking import require_ranking
from storage.store import Store, visible

RARE = 8_000
"""So many tweets are looked up and sorted while somebody waits for a key."""
FIRST: itemgetter[int] = itemgetter(0)


@dataclass(frozen=True)
class Asked:
    """A question to the store: which tweets, in which order, with whose predictions."""

    conditions: tuple[Condition, ...]
    order: Order
    run: int | None
    visible: int
    """How many tweets there were when it was asked."""

    @property
    def values(self) -> dict[str, object]:
        """The named parameters of its SQL."""
        own = {"run": self.run, "visible": self.visible}
        return {
            k: v for condition in self.conditions for k, v in condition.parameters.items()
        } | own


def ask(store: Store, filter_text: str = "", sort: str = "id", run: int | None = None) -> Asked:
    """Understand a question.

    Raises FilterError, UsageError for an unknown order or run, and NothingToGoBy where there are
    no predictions, or no ranking, that the filter or the order is about.
    """
    query = compile_filter(filter_text, store.label_ids)
    chosen = order(sort)
    if query.run is not None:
        require_run(store, query.run)
    shown = query.run or run or shown_run(store)
    if chosen.rests_on == "ranking":
        require_ranking(store)
    if chosen.rests_on == "predictions":
        require_predictions(store, shown, f"the list cannot be sorted by {sort}")
    if query.predicted is not None:
        require_predictions(store, shown, f"{query.predicted}: finds nothing")
    asked = Asked(query.conditions, chosen, shown, visible(store.db))
    return replace(asked, order=replace(chosen, legs=_needed(store, asked)))


def ids(store: Store, asked: Asked) -> Sequence[int]:
    """All ids in order: 8 bytes a tweet, or next to nothing for the plain list."""
    if not asked.conditions and _by_id(asked):
        return range(1, asked.visible + 1)
    if (rare := _rare(store, asked)) is not None:
        return array("q", _sorted(store, asked, rare))
    if (whole := _without_walking(store, asked)) is not None:
        return whole
    found = array("q")
    for leg in asked.order.legs:
        sql, values = _walk(asked, leg)
        found.extend(map(FIRST, store.db.execute(sql, values)))
    return found


def count(store: Store, asked: Asked) -> int:
    """How many tweets there are in the list."""
    if not asked.conditions:
        return asked.visible
    if (rare := _rare(store, asked)) is not None:
        return len(_sorted(store, replace(asked, order=order("id")), rare))
    if (whole := _without_walking(store, replace(asked, order=order("id")))) is not None:
        return len(whole)
    sql, values = _walk(asked, order("id").legs[0])
    return int(store.db.execute(f"SELECT count(*) FROM ({sql})", values).fetchone()[0])


def page(
    store: Store, asked: Asked, limit: int, after: int | None = None, before: int | None = None
) -> list[int]:
    """The ids of a page in order: after a tweet, or before one, or the first.

    `before=0` asks for the last page. The tweet itself need not be in the list.
    """
    back, anchor = before is not None, after or before or None
    if (rare := _rare(store, asked)) is not None:
        found = _sorted(store, asked, rare, anchor)
        place = found.index(anchor) if anchor is not None else len(found) if back else -1
        return found[max(0, place - limit) : place] if back else found[place + 1 :][:limit]
    legs = asked.order.legs
    begin = len(legs) - 1 if back else 0
    position = None
    if anchor is not None:
        begin, position = _find(store, asked, anchor)
    found = []
    for leg in legs[begin::-1] if back else legs[begin:]:
        sql, values = _walk(asked, leg, back, paged=True, anchored=anchor is not None)
        values |= {"anchor": anchor, "position": position, "limit": limit - len(found)}
        found += [row[0] for row in store.db.execute(sql, values)]
        anchor = None
        if len(found) == limit:
            break
    return found[::-1] if back else found


def _needed(store: Store, asked: Asked) -> tuple[Leg, ...]:
    """The legs of the order but those for tweets without a prediction or rank, if none is."""
    left_out = []
    for leg, sql, about in (
        (UNPREDICTED, "SELECT predictions FROM runs WHERE id = ?", asked.run),
        (UNRANKED, "SELECT max(rank) FROM queues WHERE name = ?", "suspects"),
    ):
        row = store.db.execute(sql, [about]).fetchone() if leg in asked.order.legs else None
        if row is not None and (row[0] or 0) >= asked.visible:
            left_out.append(leg)
    return tuple(leg for leg in asked.order.legs if leg not in left_out)


def _rare(store: Store, asked: Asked) -> Condition | None:
    """The condition that gives the fewest tweets, if those are few."""
    if _by_id(asked) and all(c.match and c.exact for c in asked.conditions):
        return None  # the text index gives them in this order, and looking twice costs double
    fewest, chosen = RARE + 1, None
    for condition in asked.conditions:
        if condition.index is None:
            continue
        number = _first(store, asked, condition.index, fewest)
        if number < fewest:
            fewest, chosen = number, condition
    return chosen


def _without_walking(store: Store, asked: Asked) -> Sequence[int] | None:
    """The ids by id where one index answers all: all tweets but a few, or what it gives, sorted.

    The latter where each tweet of a walk would be looked up among the predictions.
    """
    if not _by_id(asked) or len(asked.conditions) != 1:
        return None
    condition = asked.conditions[0]
    if condition.absent and _first(store, asked, condition.absent, RARE + 1) <= RARE:
        found, before = array("q"), 1
        for tweet in sorted(_given(store, asked, condition.absent)):
            found.extend(range(before, tweet))
            before = tweet + 1
        found.extend(range(before, asked.visible + 1))
        return found
    if condition.index and condition.exact and "p." in condition.sql and not condition.predicted:
        return array("q", sorted(_given(store, asked, condition.index)))
    return None


def _by_id(asked: Asked) -> bool:
    return asked.order.legs == order("id").legs


def _first(store: Store, asked: Asked, index: str, limit: int) -> int:
    """How many rows an index gives, counted up to a limit."""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM ({index}) LIMIT {limit})"
    return int(store.db.execute(sql, asked.values).fetchone()[0])


def _given(store: Store, asked: Asked, index: str) -> set[int]:
    """The visible tweets that an index gives."""
    rows = store.db.execute(f"SELECT * FROM ({index})", asked.values)
    return {tweet for (tweet,) in rows if tweet <= asked.visible}


def _sorted(store: Store, asked: Asked, rare: Condition, also: int | None = None) -> list[int]:
    """The tweets that a condition and all others let through, in order, with one beside them."""
    others = [c for c in asked.conditions if c is not rare or not c.exact]
    by = asked.order.sorted_by
    sql = (
        f"SELECT c.tweet FROM current c{_joins(others, by, 'c.tweet')} "
        f"WHERE c.tweet <= :visible AND (c.tweet IN ({rare.index}){_all(others)} "
        f"{'' if also is None else 'OR c.tweet = :also'}) ORDER BY {by}"
    )
    return [row[0] for row in store.db.execute(sql, asked.values | {"also": also})]


def _find(store: Store, asked: Asked, anchor: int) -> tuple[int, object]:
    """The leg that a tweet is in, and its value there."""
    values = {"run": asked.run, "anchor": anchor}
    for number, leg in enumerate(asked.order.legs):
        if (row := store.db.execute(leg.of, values).fetchone()) is not None:
            return number, row[0]
    return len(asked.order.legs) - 1, None


def _walk(
    asked: Asked, leg: Leg, back: bool = False, paged: bool = False, anchored: bool = False
) -> tuple[str, dict[str, object]]:
    """The SQL that walks a leg, one page of it or all, and its parameters."""
    source, tweet, wheres = leg.source, leg.tweet, [leg.condition]
    conditions, values = list(asked.conditions), asked.values
    if leg.value is None:  # by id: whatever gives ids in their order can lead the way
        if matching := [c for c in conditions if c.match is not None]:
            source, tweet = "tweets_fts f", "f.rowid"
            wheres.append("f.tweets_fts MATCH :match")
            values["match"] = " AND ".join(f"({c.match})" for c in matching)
            conditions = [c for c in conditions if c.match is None or not c.exact]
        elif any(c.predicted for c in conditions):
            source, tweet = "predictions p", "p.tweet"
            wheres.append("p.run = :run")
    if source != "current c" and (conditions or "c." in leg.condition):
        source += f" CROSS JOIN current c ON c.tweet = {tweet}"
    falling = leg.falling != back
    if not (anchored and falling and leg.value is None):  # the anchor is the nearer bound
        wheres.append(f"{tweet} <= :visible")
    wheres += [f"({c.probe if paged and c.probe else c.sql})" for c in conditions]
    if anchored:
        beyond = "<" if falling else ">"
        key, place = (tweet, ":anchor")
        if leg.value is not None:
            key, place = f"({leg.value}, {tweet})", "(:position, :anchor)"
        wheres.append(f"{key} {beyond} {place}")
    direction = "DESC" if falling else "ASC"
    keys = ", ".join(f"{key} {direction}" for key in (leg.value, tweet) if key is not None)
    joins = (
        _joins(conditions, "", tweet)
        if not source.startswith("predictions p")
        else (_joins(conditions, "", tweet, predictions=False))
    )
    sql = (
        f"SELECT {tweet} FROM {source}{joins} WHERE {' AND '.join(wheres)} "
        f"ORDER BY {keys}{' LIMIT :limit' if paged else ''}"
    )
    return sql, values


def _joins(conditions: Sequence[Condition], also: str, tweet: str, predictions: bool = True) -> str:
    """The tables that conditions, or other SQL, are about."""
    about = "".join([f"{also} ", *(c.sql for c in conditions)])
    texts = f" CROSS JOIN tweets t ON t.id = {tweet}" if "t." in about else ""
    if predictions and "p." in about:
        return f"{texts} LEFT JOIN predictions p ON p.run = :run AND p.tweet = {tweet}"
    return texts


def _all(conditions: Sequence[Condition]) -> str:
    return "".join(f" AND ({condition.sql})" for condition in conditions)
