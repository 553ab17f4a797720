"""Functions of ours in SQL, for conditions that SQLite has no words for."""

from __future__ import annotations

import sqlite3

from storage.fts_tokens import tokenized, unmarked
from storage.source_values import column_is
from storage.word_search import has_words


def register(db: sqlite3.Connection) -> None:
    """Make the functions known to a connection."""
    db.create_function("unmarked", 1, unmarked, deterministic=True)
    db.create_function("tokenized", 1, tokenized, deterministic=True)
    db.create_function("has_words", 3, has_words, deterministic=True)
    db.create_function("column_is", 4, column_is, deterministic=True)
