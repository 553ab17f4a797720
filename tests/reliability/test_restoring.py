"""While a backup takes the place of the database nobody is in the workspace, and nobody gets in."""

from __future__ import annotations

import subprocess
import sys

import pytest

from storage.errors import UserError
from storage.history import integrity, labels
from storage.query import tweets
from storage.safety import backups, restoring
from storage.store import DATABASE, SCHEMA_VERSION, now, open_store

ANOTHER_PROGRAM = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("SELECT count(*) FROM tweets").fetchone()
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(small):
    """A workspace with a backup that is one label behind."""
    assert backups.make(small.folder / DATABASE, backups.MANUAL, now()) is not None
    labels.assign(small, [1], "negative")
    small.close()
    return small.folder


def restore(folder):
    newest = backups.list_backups(folder)[-1].path
    return restoring.restore_backup(folder / DATABASE, newest, SCHEMA_VERSION, now())


def label_of_the_first(folder):
    store = open_store(folder)
    try:
        assert integrity.check(store) == []
        return tweets.tweet(store, 1).label
    finally:
        store.close()


def test_nobody_gets_in_while_it_goes_on(folder, workbench, monkeypatch):
    refused = []

    def while_copying(backup, to):
        refused.append(workbench("-w", folder, "label", "2", "negative"))
        with pytest.raises(UserError, match="is being restored from a backup; try again"):
            open_store(folder)
        copy(backup, to)

    copy = restoring._copy
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "_copy", while_copying)
        assert restore(folder) is not None
    [done] = refused
    assert done.status == 1
    assert done.err == (
        f"workbench: {folder} is being restored from a backup; try again when that has finished.\n"
    )
    assert label_of_the_first(folder) == "positive"


@pytest.mark.parametrize("network", [None, "nfs4"])
def test_nothing_is_restored_under_an_open_workspace(network, folder, workbench, monkeypatch):
    """With a rollback journal SQLite itself has no lock on it between two transactions."""
    monkeypatch.setattr("storage.safety.filesystem.network_type", lambda folder: network)
    store = open_store(folder)
    done = workbench("-w", folder, "restore-backup", "--latest", "--yes")
    assert done.status == 1
    assert done.err == (
        f"workbench: {folder} is open in another program; close it everywhere and repeat.\n"
    )
    labels.assign(store, [2], "negative")
    store.close()
    assert label_of_the_first(folder) == "negative"


def test_nothing_is_restored_under_another_program_that_reads_the_database(folder):
    with subprocess.Popen(
        [sys.executable, "-c", ANOTHER_PROGRAM, str(folder / DATABASE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(UserError, match="is open in another program"):
            restore(folder)
        other.stdin.close()
    assert label_of_the_first(folder) == "negative"
    assert restore(folder) is not None
    assert label_of_the_first(folder) == "positive"


def test_what_was_replaced_comes_back_with_the_changes_that_were_only_in_its_log(folder):
    store = open_store(folder)
    labels.assign(store, [3], "negative")
    killed = {path: path.read_bytes() for path in folder.glob(f"{DATABASE}*")}
    store.close()
    for path, content in killed.items():  # as a process that was killed leaves it
        path.write_bytes(content)
    (folder / f".{restoring.RESTORING}.999").write_bytes(b"half")
    aside = restore(folder)
    assert not list(folder.glob(f"*{restoring.RESTORING}*"))
    assert label_of_the_first(folder) == "positive"
    restoring.restore_backup(folder / DATABASE, aside, SCHEMA_VERSION, now())
    assert label_of_the_first(folder) == "negative"
    store = open_store(folder)
    assert tweets.tweet(store, 3).label == "negative"
    store.close()
