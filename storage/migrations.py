"""The schema, one function per released version; run by `storage.store.open_store`.

This module is imported only when a database has to be created or changed. sqlite-utils would
bring numpy and pandas along: a second of work, and the process of the screen must not load them.
"""

from __future__ import annotations

import json
import sqlite3
from array import array

from storage import upgrades
from storage.fts_tokens import spelled
from storage.hidden_modules import hidden
from storage.schema import first, later, scale
from storage.text import content_number

with hidden("numpy", "pandas"):
    from sqlite_utils import Database, Migrations

schema = Migrations("workbench")


@schema()
def m001_initial(db: Database) -> None:
    """Tweets, the append-only history of labels, runs and their predictions."""
    for statement in first.INITIAL:
        db.execute(statement)


@schema()
def m002_scale(db: Database) -> None:
    """What a million tweets need: narrow rows for filters, orders that are kept, compact numbers.

    Gold labels are no longer written a second time as events: `current.gold` holds them, it can
    never be changed, and `imports.action` says who took them in and when.
    """
    db.conn.create_function("characters", 1, len, deterministic=True)  # SQL's ends at a NUL
    db.conn.create_function("first64", 1, content_number, deterministic=True)
    db.conn.create_function("packed", 1, _packed, deterministic=True)
    db.conn.create_function("searchable", 1, spelled, deterministic=True)
    for statement in scale.SCALE:
        db.execute(statement)


@schema()
def m003_history(db: Database) -> None:
    """Each annotator's steps for undo and redo, and snapshots."""
    for statement in later.HISTORY:
        db.execute(statement)


@schema()
def m004_standing(db: Database) -> None:
    """Which run is shown and which promoted, and what orders, rankings and figures rest on."""
    for statement in later.STANDING:
        db.execute(statement)


@schema()
def m005_removals(db: Database) -> None:
    """Tweets that were taken out for good leave gaps in the numbers, and an action that says so."""
    for statement in later.REMOVALS:
        db.execute(statement)


@schema()
def m006_brought(db: Database) -> None:
    """Actions know the import that brought them; a number of an import is never used again."""
    for statement in later.BROUGHT:
        db.execute(statement)


@schema()
def m007_source_columns(db: Database) -> None:
    """The names of source columns by their import; vowel marks no longer divide indexed words."""
    for statement in later.SOURCE_COLUMNS:
        db.execute(statement)
    upgrades.list_source_columns(db.conn)
    upgrades.index_without_marks(db.conn)


@schema()
def m008_label_changes(db: Database) -> None:
    """Labels that were renamed, merged, added or taken out, and what merged ones mean now."""
    for statement in later.LABEL_CHANGES:
        db.execute(statement)


@schema()
def m009_sources(db: Database) -> None:
    """What a queue had a label's tweet from, and whether the prediction was hidden."""
    for statement in later.SOURCES:
        db.execute(statement)


@schema()
def m010_analyses(db: Database) -> None:
    """What was computed from runs and labels, kept with what it was computed from."""
    for statement in later.ANALYSES:
        db.execute(statement)


@schema()
def m011_snapshots(db: Database) -> None:
    """Snapshots know the newest change of the label set, in whichever order the clock puts them."""
    for statement in later.SNAPSHOTS:
        db.execute(statement)


def _packed(probabilities: str) -> bytes:
    return array("f", json.loads(probabilities)).tobytes()


def migrate(db: sqlite3.Connection) -> None:
    """Bring a database to the newest schema; each version is its own transaction."""
    db.execute("PRAGMA foreign_keys = OFF")  # tables are rebuilt under their old names
    schema.apply(Database(db))
    db.execute("PRAGMA foreign_keys = ON")
