"""Which tweets a list shows: any page of it at once, all ids of it, how many there are.

A page begins after a tweet, not at a row number, so the last one is as near as the first. How a
filter is answered depends on how many tweets its conditions give: if one of them gives few, those
are looked at and sorted; otherwise the order is scanned until the page is full.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from storage.predicates import CONTRADICTED
from storage.query.conditions import IN_CONFLICT, Condition
from storage.query.filters import filter_for
from storage.query.orders import UNDISPUTED, UNPREDICTED, UNRANKED, IndexScan, Order, order
from storage.runs.displayed_run import require_predictions, require_run, shown_run
from storage.runs.suspect_ranking import require_ranking
from storage.store import Store, last_visible_id, removed_count

FEW_ROWS = 8_000
"""So many tweets are looked up and sorted while somebody waits for a key."""
FIRST: itemgetter[int] = itemgetter(0)


@dataclass(frozen=True)
class ListQuery:
    """A list that is asked for: which tweets, in which order, with whose predictions."""

    conditions: tuple[Condition, ...]
    order: Order
    run: int | None
    last_visible_id: int
    """The highest id when it was made."""
    removed: int
    """How many ids up to it belong to tweets that were taken out."""

    @property
    def values(self) -> dict[str, object]:
        """The named parameters of its SQL."""
        own = {"run": self.run, "visible": self.last_visible_id}
        return {
            k: v for condition in self.conditions for k, v in condition.parameters.items()
        } | own


def list_query(
    store: Store, filter_text: str = "", sort: str = "id", run: int | None = None
) -> ListQuery:
    """The query of a list by its filter, its order and the run whose predictions it is about.

    Raises FilterError, UsageError for an unknown order or run, and MissingPrerequisite where there
    are no predictions, or no ranking, that the filter or the order is about.
    """
    wanted = filter_for(store, filter_text)
    chosen = order(sort)
    if wanted.run is not None:
        require_run(store, wanted.run)
    shown = wanted.run or run or shown_run(store)
    if chosen.requires == "ranking":
        require_ranking(store)
    if chosen.requires == "predictions":
        require_predictions(store, shown, f"the list cannot be sorted by {sort}")
    if wanted.prediction_field is not None:
        require_predictions(store, shown, f"{wanted.prediction_field}: finds nothing")
    last, removed = last_visible_id(store.db), removed_count(store.db)
    query = ListQuery(wanted.conditions, chosen, shown, last, removed)
    return replace(query, order=replace(chosen, scans=_needed(store, query)))


def ids(store: Store, query: ListQuery) -> Sequence[int]:
    """All ids in order: 8 bytes a tweet, or next to nothing for the plain list."""
    if not query.conditions and not query.removed and _by_id(query):
        return range(1, query.last_visible_id + 1)
    if (few := _fewest(store, query)) is not None:
        return array("q", _sorted(store, query, few))
    if (whole := _without_scan(store, query)) is not None:
        return whole
    if _looks_up_texts(query):
        return _in_order(store, query)
    found = array("q")
    for scan in query.order.scans:
        sql, values = _scan_sql(query, scan)
        found.extend(map(FIRST, store.db.execute(sql, values)))
    return found


def count(store: Store, query: ListQuery) -> int:
    """How many tweets there are in the list."""
    if not query.conditions:
        return query.last_visible_id - query.removed
    if (few := _fewest(store, query)) is not None:
        return len(_sorted(store, replace(query, order=order("id")), few))
    if (whole := _without_scan(store, replace(query, order=order("id")))) is not None:
        return len(whole)
    sql, values = _scan_sql(query, order("id").scans[0])
    return int(store.db.execute(f"SELECT count(*) FROM ({sql})", values).fetchone()[0])


def page(
    store: Store, query: ListQuery, limit: int, after: int | None = None, before: int | None = None
) -> list[int]:
    """The ids of a page in order: after a tweet, or before one, or the first.

    `before=0` asks for the last page. The tweet itself need not be in the list.
    """
    back, cursor = before is not None, after or before or None
    few = _fewest(store, query)
    if few is None and _looks_up_texts(query):
        by_id = replace(query, order=order("id"))
        if len(found := page(store, by_id, FEW_ROWS + 1)) <= FEW_ROWS:
            few = _one_of(found)
            query = replace(query, conditions=(few,))
    if few is not None:
        found = _sorted(store, query, few, cursor)
        place = found.index(cursor) if cursor is not None else len(found) if back else -1
        return found[max(0, place - limit) : place] if back else found[place + 1 :][:limit]
    scans = query.order.scans
    begin = len(scans) - 1 if back else 0
    position = None
    if cursor is not None:
        found_in = _scan_of(store, query, cursor)
        if found_in is None:  # behind all that the list has
            return page(store, query, limit, before=0) if back else []
        begin, position = found_in
    found = []
    for scan in scans[begin::-1] if back else scans[begin:]:
        sql, values = _scan_sql(query, scan, back, paged=True, after_cursor=cursor is not None)
        values |= {"cursor": cursor, "position": position, "limit": limit - len(found)}
        found += [row[0] for row in store.db.execute(sql, values)]
        cursor = None
        if len(found) == limit:
            break
    return found[::-1] if back else found


def _needed(store: Store, query: ListQuery) -> tuple[IndexScan, ...]:
    """The scans of the order but those for tweets that the list cannot have, or nobody has."""
    left_out = []
    if any(condition.index == IN_CONFLICT for condition in query.conditions):
        (undisputed,) = store.db.execute(f"SELECT EXISTS ({CONTRADICTED})").fetchone()
        if not undisputed:  # at the end of a long list all tweets would be looked at
            left_out.append(UNDISPUTED)
    for scan, sql, about in (
        (UNPREDICTED, "SELECT predictions FROM runs WHERE id = ?", query.run),
        (UNRANKED, "SELECT max(rank) FROM queues WHERE name = ?", "suspects"),
    ):
        row = store.db.execute(sql, [about]).fetchone() if scan in query.order.scans else None
        if row is not None and (row[0] or 0) >= query.last_visible_id - query.removed:
            left_out.append(scan)
    return tuple(scan for scan in query.order.scans if scan not in left_out)


def _fewest(store: Store, query: ListQuery) -> Condition | None:
    """The condition that gives the fewest tweets, if those are few."""
    if _by_id(query) and all(c.match and c.exact for c in query.conditions):
        return None  # the text index gives them in this order, and looking twice costs double
    fewest, chosen = FEW_ROWS + 1, None
    for condition in query.conditions:
        if condition.index is None:
            continue
        number = _count_up_to(store, query, condition.index, fewest)
        if number < fewest:
            fewest, chosen = number, condition
    return chosen


def _looks_up_texts(query: ListQuery) -> bool:
    """Whether texts or source columns would be read here and there, as the order has them."""
    return not _by_id(query) and any("t." in condition.sql for condition in query.conditions)


def _one_of(tweets: Sequence[int]) -> Condition:
    """The condition that a tweet is one of these."""
    index = "SELECT value FROM json_each(:found)"
    return Condition(f"c.tweet IN ({index})", {"found": json.dumps(list(tweets))}, index)


def _in_order(store: Store, query: ListQuery) -> Sequence[int]:
    """The ids in order; the tweets are found first, in the order in which they are stored."""
    found = ids(store, replace(query, order=order("id")))
    if len(found) <= FEW_ROWS:
        few = _one_of(found)
        return array("q", _sorted(store, replace(query, conditions=(few,)), few))
    passes = bytearray(query.last_visible_id + 1)
    for tweet in found:
        passes[tweet] = 1
    every = ids(store, replace(query, conditions=()))
    return array("q", (tweet for tweet in every if passes[tweet]))


def _without_scan(store: Store, query: ListQuery) -> Sequence[int] | None:
    """The ids by id where one index answers all: all tweets but a few, or what it gives, sorted.

    The latter where each tweet of a scan would be looked up among the predictions.
    """
    if not _by_id(query) or len(query.conditions) != 1:
        return None
    condition = query.conditions[0]
    if (
        condition.absent
        and not query.removed
        and _count_up_to(store, query, condition.absent, FEW_ROWS + 1) <= FEW_ROWS
    ):
        found, before = array("q"), 1
        for tweet in sorted(_given(store, query, condition.absent)):
            found.extend(range(before, tweet))
            before = tweet + 1
        found.extend(range(before, query.last_visible_id + 1))
        return found
    if condition.index and condition.exact and "p." in condition.sql and not condition.predicted:
        return array("q", sorted(_given(store, query, condition.index)))
    return None


def _by_id(query: ListQuery) -> bool:
    return query.order.scans == order("id").scans


def _count_up_to(store: Store, query: ListQuery, index: str, limit: int) -> int:
    """How many rows an index gives, counted up to a limit."""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM ({index}) LIMIT {limit})"
    return int(store.db.execute(sql, query.values).fetchone()[0])


def _given(store: Store, query: ListQuery, index: str) -> set[int]:
    """The visible tweets that an index gives."""
    rows = store.db.execute(f"SELECT * FROM ({index})", query.values)
    return {tweet for (tweet,) in rows if tweet <= query.last_visible_id}


def _sorted(store: Store, query: ListQuery, few: Condition, also: int | None = None) -> list[int]:
    """The tweets that a condition and all others let through, in order, with one beside them."""
    others = [c for c in query.conditions if c is not few or not c.exact]
    by = query.order.order_by
    sql = (
        f"SELECT c.tweet FROM current c{_joins(others, by, 'c.tweet')} "
        f"WHERE c.tweet <= :visible AND (c.tweet IN ({few.index}){_all(others)} "
        f"{'' if also is None else 'OR c.tweet = :also'}) ORDER BY {by}"
    )
    return [row[0] for row in store.db.execute(sql, query.values | {"also": also})]


def _scan_of(store: Store, query: ListQuery, cursor: int) -> tuple[int, object] | None:
    """The scan that a tweet is in, and its value there; None for one in a scan that is left out."""
    values = {"run": query.run, "cursor": cursor}
    for number, scan in enumerate(query.order.scans):
        if (row := store.db.execute(scan.cursor_value, values).fetchone()) is not None:
            return number, row[0]
    last = len(query.order.scans) - 1
    return (last, None) if query.order.scans[last].value is None else None


def _scan_sql(
    query: ListQuery,
    scan: IndexScan,
    back: bool = False,
    paged: bool = False,
    after_cursor: bool = False,
) -> tuple[str, dict[str, object]]:
    """The SQL of a scan, one page of it or all, and its parameters."""
    source, tweet, wheres = scan.source, scan.tweet, [scan.condition]
    conditions, values = list(query.conditions), query.values
    if scan.value is None:  # by id: whatever gives ids in their order can lead the way
        if matching := [c for c in conditions if c.match is not None]:
            source, tweet = "tweets_fts f", "f.rowid"
            wheres.append("f.tweets_fts MATCH :match")
            values["match"] = " AND ".join(f"({c.match})" for c in matching)
            conditions = [c for c in conditions if c.match is None or not c.exact]
        elif any(c.predicted for c in conditions):
            source, tweet = "predictions p", "p.tweet"
            wheres.append("p.run = :run")
    if source != "current c" and (conditions or "c." in scan.condition):
        source += f" CROSS JOIN current c ON c.tweet = {tweet}"
    descending = scan.descending != back
    if not (after_cursor and descending and scan.value is None):  # the cursor is the nearer bound
        wheres.append(f"{tweet} <= :visible")
    wheres += [f"({c.probe if paged and c.probe else c.sql})" for c in conditions]
    if after_cursor:
        beyond = "<" if descending else ">"
        key, place = (tweet, ":cursor")
        if scan.value is not None:
            key, place = f"({scan.value}, {tweet})", "(:position, :cursor)"
        wheres.append(f"{key} {beyond} {place}")
    direction = "DESC" if descending else "ASC"
    keys = ", ".join(f"{key} {direction}" for key in (scan.value, tweet) if key is not None)
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
