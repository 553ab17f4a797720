"""Finding the tweets of this workspace that rows from elsewhere name: by id, by number, by text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from storage.store import last_visible_id
from storage.text import content_hash, content_number

ID, NUMBER, TEXT = "id", "number", "text"
"""By what a row was matched."""


class TweetKey(NamedTuple):
    """What a row says of which tweet it is about."""

    external_id: str | None = None
    number: int | None = None
    """The number of the tweet here, as exports have it."""
    text: str | None = None


class Match(NamedTuple):
    """The tweets that a row is about, several where the text alone tells."""

    tweets: tuple[int, ...] = ()
    by: str = ""
    problem: str = ""
    """Why there is none, where an id is known all the same."""


class StoredText(NamedTuple):
    """A tweet with its split."""

    tweet: int
    split: str
    text: str


class TweetMatcher:
    """The tweets of a workspace by their external ids, in a temporary table of a connection."""

    def __init__(self, db: sqlite3.Connection, with_ids: bool) -> None:
        self._db = db
        self._last = last_visible_id(db)
        self._any_ids = False
        if with_ids:
            db.execute("PRAGMA cache_size = -8000")  # what the index is sorted in, too
            db.execute(
                "CREATE TEMP TABLE named AS SELECT external_id, id, content FROM tweets "
                "WHERE external_id IS NOT NULL AND id <= ?",
                [self._last],
            )
            db.execute("CREATE INDEX temp.named_id ON named (external_id)")
            self._any_ids = bool(db.execute("SELECT count(*) FROM temp.named").fetchone()[0])

    def match(self, keys: Sequence[TweetKey]) -> list[Match]:
        """The tweets that each of some rows is about."""
        contents = [None if k.text is None else content_number(content_hash(k.text)) for k in keys]
        by_id = self._by_id(key.external_id for key in keys)
        by_number = self._by_number(map(_number_of, keys))
        found = []
        open_contents: set[int] = set()
        for key, content in zip(keys, contents, strict=True):
            match = _named(key, content, by_id)
            if not match.tweets:
                match = self._numbered(key, content, by_number) or match
            if not match.tweets and content is not None:
                open_contents.add(content)
            found.append(match)
        by_text = self._by_content(open_contents)
        for place, (key, content) in enumerate(zip(keys, contents, strict=True)):
            if not found[place].tweets and content in by_text:
                rows = by_text[content]
                same = tuple(tweet for tweet, text in rows if text == key.text)
                found[place] = Match(same or tuple(tweet for tweet, _ in rows), TEXT)
        return found

    def texts(self, tweets: Iterable[int]) -> dict[int, StoredText]:
        """The splits and texts of tweets, of those that are still there."""
        rows = self._db.execute(
            "SELECT c.tweet, c.split, t.text FROM json_each(?) j CROSS JOIN current c "
            "ON c.tweet = j.value JOIN tweets t ON t.id = c.tweet",
            [json.dumps(sorted(tweets))],
        )
        return {row[0]: StoredText._make(row) for row in rows}

    def _numbered(
        self, key: TweetKey, content: int | None, by_number: dict[int, int]
    ) -> Match | None:
        """The tweet of a number; an id is one where the text agrees, or no tweet has an id."""
        number = _number_of(key)
        if number is None or number not in by_number:
            return None
        agrees = content == by_number[number]
        sure = key.number is not None or not self._any_ids
        if agrees or (content is None and sure):
            return Match((number,), NUMBER)
        return None

    def _by_id(self, ids: Iterable[str | None]) -> dict[str, list[tuple[int, int]]]:
        wanted = [value for value in ids if value is not None]
        found: dict[str, list[tuple[int, int]]] = {}
        if wanted and self._any_ids:
            for name, tweet, content in self._db.execute(
                "SELECT n.external_id, n.id, n.content FROM json_each(?) j CROSS JOIN temp.named n "
                "ON n.external_id = j.value",
                [json.dumps(sorted(set(wanted)))],
            ):
                found.setdefault(name, []).append((tweet, content))
        return found

    def _by_number(self, numbers: Iterable[int | None]) -> dict[int, int]:
        wanted = sorted({number for number in numbers if number is not None})
        return dict(
            self._db.execute(
                "SELECT t.id, t.content FROM json_each(?) j CROSS JOIN tweets t ON t.id = j.value "
                "WHERE t.id <= ?",
                [json.dumps(wanted), self._last],
            )
        )

    def _by_content(self, contents: set[int]) -> dict[int, list[tuple[int, str]]]:
        found: dict[int, list[tuple[int, str]]] = {}
        for content, tweet, text in self._db.execute(
            "SELECT k.content, k.tweet, t.text FROM json_each(?) j CROSS JOIN contents k "
            "ON k.content = j.value JOIN tweets t ON t.id = k.tweet WHERE k.tweet <= ? "
            "ORDER BY k.tweet",
            [json.dumps(sorted(contents)), self._last],
        ):
            found.setdefault(content, []).append((tweet, text))
        return found


def _named(key: TweetKey, content: int | None, by_id: dict[str, list[tuple[int, int]]]) -> Match:
    """The tweets with the external id of a row, and its text where it has one."""
    if key.external_id is None or key.external_id not in by_id:
        return Match()
    known = by_id[key.external_id]
    agree = tuple(tweet for tweet, other in known if content is None or content == other)
    if not agree:
        return Match(problem=f"the tweet with the id {key.external_id[:40]!r} has another text")
    if content is None and len(agree) > 1:
        return Match(problem=f"{len(agree)} tweets have the id {key.external_id[:40]!r}")
    return Match(agree, ID)


def _number_of(key: TweetKey) -> int | None:
    """The number that a row gives, or that its id could be."""
    if key.number is not None or key.external_id is None:
        return key.number
    value = key.external_id
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 16 else None
