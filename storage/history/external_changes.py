"""Noticing what others did to a workspace since it was opened."""

from __future__ import annotations

from storage.errors import Busy
from storage.store import DATABASE, SQLiteError, Store, busy_timeout, explain


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
    found = dict(store.db.execute("SELECT id, name FROM labels"))
    if found == store.label_names:
        return False
    # Cleared, since an import that came to nothing takes its labels back.
    store.label_names.clear()
    store.label_names.update(found)
    store.label_ids.clear()
    store.label_ids.update({name: number for number, name in found.items()})
    return True
