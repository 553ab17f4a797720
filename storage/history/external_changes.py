"""Noticing what others did to a workspace since it was opened."""

from __future__ import annotations

from contextlib import suppress

from storage import label_changes
from storage.errors import Busy, UserError
from storage.store import DATABASE, SQLiteError, Store, explain, refresh_settings
from storage.transactions import busy_timeout


def data_version(store: Store) -> int | None:
    """A number that is another one whenever another connection than the store's has committed.

    None while somebody keeps even readers out.
    """
    try:
        with busy_timeout(store.db, 0):
            return int(store.db.execute("PRAGMA data_version").fetchone()[0])
    except SQLiteError as error:
        explained = explain(error, store.folder / DATABASE)
        if isinstance(explained, Busy):
            return None
        raise explained from error


def refresh_labels(store: Store) -> bool:
    """Take in which labels there are since others worked; whether these are others than before."""
    found = dict(store.db.execute("SELECT id, name FROM labels ORDER BY id").fetchall())
    known = store.settings.change
    if found == store.label_names and label_changes.newest(store.db) == known:
        return False
    # All of them, since an import that came to nothing takes its labels back.
    with suppress(UserError):  # a file that is being edited by hand is read at the next look
        refresh_settings(store)
    return True
