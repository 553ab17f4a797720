"""The columns of imported files that are neither text, label, id nor split, by their names."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection

from storage.query.filter_tokens import quoted

UNQUOTED = re.compile(r"[^\W\d][\w.-]*")
"""What a source column may be called to need no quotes."""


def source_columns(db: sqlite3.Connection) -> tuple[str, ...]:
    """The names of the source columns that tweets have."""
    rows = db.execute("SELECT DISTINCT name FROM source_columns ORDER BY name")
    return tuple(name for (name,) in rows)


def in_filter(name: str, fields: Collection[str]) -> str:
    """A source column as a filter names it; `fields` are names that mean something else there."""
    if UNQUOTED.fullmatch(name) and name.lower() not in fields:
        return name
    return f"col.{quoted(name)}"
