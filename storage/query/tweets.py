"""Reading tweets: one, a window of a list, a list in an order, the counts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from storage.errors import UserError
from storage.predicates import DISAGREES, DUPLICATES, REVIEWS, event_of_run, is_decided
from storage.query import paging
from storage.query.filter_tokens import quoted
from storage.query.filters import filter_for
from storage.query.order_validity import Basis, basis
from storage.query.orders import ORDERS
from storage.runs.displayed_run import require_run as require_run
from storage.runs.displayed_run import shown_run as shown_run
from storage.store import DATABASE, Store, explain, last_visible_id, removed_count
from storage.tweet import State, Tweet

SORTS = tuple(ORDERS)
WINDOW_ROWS = 500
"""Tweets that are read from the store at a time."""
FIRST_PAGE = 200
"""Tweets of the page that is shown before the whole list is known."""
TWEET_COLUMNS = (
    "t.id, t.external_id, {text}, c.split, c.group_id, c.gold, c.label, c.excluded, c.review, "
    "c.ambiguous, c.note, p.label, p.confidence, p.in_sample, "
    f"c.changed IS NOT NULL AND EXISTS (SELECT 1 {REVIEWS} AND e.tweet = c.tweet)"
)
FROM = (
    "FROM current c JOIN tweets t ON t.id = c.tweet "
    "LEFT JOIN predictions p ON p.run = ? AND p.tweet = t.id"
)

CUT_TEXT = (
    "CASE WHEN instr(CAST(t.text AS BLOB), x'00') THEN t.text "
    "ELSE substr(t.text, 1, {characters}) END"
)
"""The beginning of a text; whole where there is a NUL in it, at which substr would end."""


@dataclass(frozen=True)
class Counts:
    """The numbers of the status line, kept up to date by every write."""

    tweets: int = 0
    labelled: int = 0
    corrected: int = 0
    excluded: int = 0
    review: int = 0
    ambiguous: int = 0


def counts(store: Store) -> Counts:
    """The counts as every write keeps them, read in constant time."""
    kept = dict(store.db.execute("SELECT name, value FROM counts"))
    kept["tweets"] -= kept["removed"]
    return Counts(**{field.name: kept[field.name] for field in fields(Counts)})


def kept_count(store: Store, at_most: int) -> int:
    """How many tweets somebody has looked at and left as they were given, at most so many."""
    row = store.db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM current c WHERE c.changed IS NOT NULL "
        f"AND c.gold IS NOT NULL AND c.label IS c.gold AND EXISTS (SELECT 1 {REVIEWS} "
        "AND e.tweet = c.tweet) LIMIT ?)",
        [at_most],
    ).fetchone()
    return int(row[0])


def listing(
    store: Store, filter_text: str = "", sort: str = "id", run: int | None = None
) -> Sequence[int]:
    """The ids of the tweets that pass a filter, in order; 8 bytes a row, or none for all rows.

    Raises FilterError, and UsageError for an unknown order or run.
    """
    return paging.ids(store, paging.list_query(store, filter_text, sort, run))


def window(
    store: Store, ids: Sequence[int], run: int | None, characters: int | None = 400
) -> list[Tweet]:
    """The tweets with these ids, in that order, each text whole or cut to so many characters."""
    text = "t.text" if characters is None else CUT_TEXT.format(characters=int(characters))
    columns = TWEET_COLUMNS.format(text=text)
    marks = ",".join("?" * len(ids))
    sql = f"SELECT {columns} {FROM} WHERE c.tweet IN ({marks})"
    found = {row[0]: row for row in store.db.execute(sql, [run, *ids])}
    return [_tweet(store, found[number], run) for number in ids if number in found]


def states(store: Store, ids: Sequence[int], run: int | None) -> Iterator[State]:
    """The states of tweets, for any number of them; those that there are."""
    names = store.label_names
    for start in range(0, len(ids), WINDOW_ROWS):
        batch = ids[start : start + WINDOW_ROWS]
        marks = ",".join("?" * len(batch))
        for number, label, pred, excluded, review, ambiguous, note in store.db.execute(
            "SELECT c.tweet, c.label, p.label, c.excluded, c.review, c.ambiguous, c.note "
            "FROM current c LEFT JOIN predictions p ON p.run = ? AND p.tweet = c.tweet "
            f"WHERE c.tweet IN ({marks})",
            [run, *batch],
        ).fetchall():
            yield State(
                number,
                names.of(label),
                names.of(pred),
                bool(excluded),
                bool(review),
                bool(ambiguous),
                note,
            )


def tweet(store: Store, number: int, run: int | None = None) -> Tweet:
    """One tweet with its whole text; raises UserError if there is none with this id."""
    require_tweets(store, [number])
    return window(store, [number], run or shown_run(store), characters=None)[0]


def require_tweets(store: Store, ids: Sequence[int]) -> None:
    """Raise UserError unless there is a tweet with each of these ids."""
    last = last_visible_id(store.db)
    present = there(store, ids) if removed_count(store.db) else range(1, last + 1)
    for number in ids:
        if 0 < number <= last and number not in present:
            raise UserError(f"There is no tweet {number} any more; it was taken out for good.")
        if not 0 < number <= last:
            known = f"the ids run from 1 to {last}" if last else "the workspace is empty"
            raise UserError(f"There is no tweet {number}; {known}.")


def numbers_of(store: Store, external_ids: Sequence[str]) -> list[int]:
    """The ids here of tweets by those that their files gave them.

    Raises UserError for one that no tweet has, or several have.
    """
    asked = [external_id.strip() for external_id in external_ids]
    if not asked:
        return []
    found: dict[str, list[int]] = {external_id: [] for external_id in asked}
    for number, external_id in store.db.execute(
        "SELECT id, external_id FROM tweets WHERE id <= ? "
        "AND external_id IN (SELECT value FROM json_each(?)) ORDER BY id",
        [last_visible_id(store.db), json.dumps(list(found))],
    ):
        found[external_id].append(number)
    for external_id, numbers in found.items():
        if not numbers:
            raise UserError(f"No tweet has the id {external_id!r} of a file.")
        if len(numbers) > 1:
            shown = ", ".join(map(str, numbers[:5])) + (", …" if len(numbers) > 5 else "")
            raise UserError(
                f"{len(numbers):,} tweets have the id {external_id!r} ({shown}); name one by its "
                f"number, or all with the filter id:{quoted(external_id)}."
            )
    return [found[external_id][0] for external_id in asked]


def there(store: Store, ids: Sequence[int]) -> set[int]:
    """Those of these tweets that have not been taken out."""
    sql = "SELECT tweet FROM current WHERE tweet IN (SELECT value FROM json_each(?))"
    return {number for (number,) in store.db.execute(sql, [json.dumps(list(ids))])}


def each(
    store: Store,
    filter_text: str = "",
    sort: str = "id",
    run: int | None = None,
    limit: int | None = None,
) -> Iterator[Tweet]:
    """The tweets that pass a filter with their whole texts, in order, without holding them all."""
    shown = filter_for(store, filter_text).run or run or shown_run(store)
    ids = listing(store, filter_text, sort, run)[:limit]
    for start in range(0, len(ids), WINDOW_ROWS):
        yield from window(store, ids[start : start + WINDOW_ROWS], shown, characters=None)


def texts_passing(store: Store, filter_text: str = "") -> Iterator[tuple[int, str]]:
    """The id and the whole text of the tweets that pass a filter."""
    return ((tweet.id, tweet.text) for tweet in each(store, filter_text))


def texts(store: Store, ids: Sequence[int]) -> dict[int, str]:
    """The whole texts of the tweets with these ids."""
    found: dict[int, str] = {}
    for start in range(0, len(ids), WINDOW_ROWS):
        some = ids[start : start + WINDOW_ROWS]
        marks = ",".join("?" * len(some))
        found |= store.db.execute(f"SELECT id, text FROM tweets WHERE id IN ({marks})", some)
    return found


def source_columns(store: Store, number: int) -> dict[str, str]:
    """The further columns of the imported file: those that are not text, label, id or split."""
    row = store.db.execute("SELECT source FROM tweets WHERE id = ?", [number]).fetchone()
    return dict(json.loads(row[0])) if row else {}


def source_columns_of(store: Store, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The further columns of the imported file, by tweet."""
    marks = ",".join("?" * len(ids))
    rows = store.db.execute(f"SELECT id, source FROM tweets WHERE id IN ({marks})", ids)
    return {number: json.loads(value) for number, value in rows}


def duplicates(store: Store, group: int) -> list[int]:
    """The ids of the tweets of a group of equal or nearly equal texts."""
    rows = store.db.execute(
        f"SELECT ?1 AS tweet UNION SELECT tweet {DUPLICATES} AND group_id = ?1 "
        "AND tweet <= ?2 ORDER BY tweet",
        [group, last_visible_id(store.db)],
    )
    return [row[0] for row in rows]


def label_counts(store: Store, field: str = "label") -> dict[str, int]:
    """How many tweets carry each label now (`label`) or were imported with it (`gold`)."""
    column = {"label": "label", "gold": "gold"}[field]
    rows = store.db.execute(
        f"SELECT {column}, count(*) FROM current WHERE {column} IS NOT NULL "
        f"AND tweet <= ? GROUP BY {column}",
        [last_visible_id(store.db)],
    )
    return {store.label_names[number]: count for number, count in rows}


def counts_outside_label_set(store: Store) -> dict[str, int]:
    """How many tweets carry each label that is not, or no longer, in the workspace's set."""
    counts = label_counts(store)
    return {name: n for name, n in counts.items() if name not in store.config.labels}


def split_counts(store: Store) -> dict[str, int]:
    """How many tweets are in each split."""
    sql = "SELECT split, count(*) FROM current WHERE tweet <= ? GROUP BY split"
    return dict(store.db.execute(sql, [last_visible_id(store.db)]))


def _tweet(store: Store, row: sqlite3.Row | tuple[Any, ...], run: int | None) -> Tweet:
    names = store.label_names
    (
        number,
        external,
        text,
        split,
        group,
        gold,
        label,
        excluded,
        review,
        ambiguous,
        note,
        pred,
        confidence,
        in_sample,
        reviewed,
    ) = row
    return Tweet(
        id=number,
        external_id=external,
        text=text,
        split=split,
        group=group,
        gold=names.of(gold),
        label=names.of(label),
        excluded=bool(excluded),
        review=bool(review),
        ambiguous=bool(ambiguous),
        note=note,
        pred=names.of(pred),
        confidence=confidence,
        in_sample=None if in_sample is None else bool(in_sample),
        reviewed=bool(reviewed),
        run=None if pred is None else run,
    )


def disagreeing(
    store: Store, ids: Sequence[int], run: int | None, undecided: bool = False
) -> set[int]:
    """Those of these tweets for which a run predicts another label than the current one.

    `undecided` leaves out those that somebody has decided about since the run was made.
    """
    marks = ",".join("?" * len(ids))
    still = f" AND NOT {is_decided(event_of_run('p.run'))}" if undecided else ""
    sql = f"SELECT c.tweet {FROM} WHERE c.tweet IN ({marks}) AND {DISAGREES}{still}"
    return {row[0] for row in store.db.execute(sql, [run, *ids])}


class TweetList(NamedTuple):
    """The tweets of a list, or of its first page."""

    ids: Sequence[int]
    whole: bool
    basis: Basis
    """What the list rests on; see `storage.query.order_validity`."""


def find(
    store: Store, filter_text: str = "", sort: str = "id", run: int | None = None
) -> Iterator[TweetList]:
    """The first page of a list at once, where it is longer, and then all of it.

    Raises what SQLite complains of, or an interruption, as a UserError.
    """
    try:
        made_from = basis(store, filter_text, sort)
        query = paging.list_query(store, filter_text, sort, run)
        first = paging.page(store, query, FIRST_PAGE)
        whole = len(first) < FIRST_PAGE
        yield TweetList(first, whole, made_from)
        if not whole:
            yield TweetList(paging.ids(store, query), True, made_from)
    except sqlite3.OperationalError as error:
        raise explain(error, store.folder / DATABASE) from error
