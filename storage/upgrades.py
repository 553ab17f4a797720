"""What an upgrade of an older database does row by row, in Python."""

from __future__ import annotations

import json
import sqlite3

from storage.fts_tokens import MARKED, spelled, tokenized
from storage.text import to_json


def list_source_columns(db: sqlite3.Connection) -> None:
    """Fill the table, and write numbers anew that JSON does not know, as SQLite reads it now."""
    names: dict[tuple[int, str], None] = {}
    unknown = []
    for number, origin, source in db.execute(
        "SELECT id, import, source FROM tweets WHERE source != '{}' "
        "AND id <= (SELECT value FROM counts WHERE name = 'tweets')"
    ):
        columns = json.loads(source)
        names.update(dict.fromkeys((origin, name) for name in columns))
        if "NaN" in source or "Infinity" in source:
            unknown.append((to_json(columns), number))
    db.executemany("INSERT INTO source_columns VALUES (?, ?)", names)
    db.executemany("UPDATE tweets SET source = ? WHERE id = ?", unknown)


def index_without_marks(db: sqlite3.Connection) -> None:
    """Index texts anew that have vowel marks, which stood between the words until now."""
    db.create_function("is_marked", 1, lambda text: MARKED.search(text) is not None)
    marked = db.execute(
        "SELECT id, text FROM tweets WHERE length(text) != length(CAST(text AS BLOB)) AND "
        "id <= (SELECT value FROM counts WHERE name = 'indexed') AND is_marked(text)"
    ).fetchall()
    db.executemany(
        "INSERT INTO tweets_fts (tweets_fts, rowid, text) VALUES ('delete', ?, ?)",
        [(number, spelled(text)) for number, text in marked],
    )
    db.executemany(
        "INSERT INTO tweets_fts (rowid, text) VALUES (?, ?)",
        [(number, tokenized(text)) for number, text in marked],
    )
