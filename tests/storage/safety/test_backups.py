"""Backups: whole workspaces for their owners, which never replace a file."""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from storage.errors import UserError
from storage.history import integrity, labels
from storage.query import tweets
from storage.safety import backups


def test_a_backup_is_a_whole_workspace_for_its_owner(used, reopen, tmp_path, state_of):
    path = tmp_path / "copy.db"
    backups.copy(used.db, path)
    labels.assign(used, [3], "negative")
    assert path.stat().st_mode & 0o777 == 0o600
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    folder = tmp_path / "restored"
    folder.mkdir()
    shutil.copy(path, folder / "workbench.db")
    shutil.copy(used.folder / "workbench.toml", folder)
    restored = reopen(folder)
    assert tweets.tweet(restored, 3).label == "positive"
    assert integrity.check(restored) == []
    labels.redo(restored)
    assert tweets.tweet(restored, 6).label == "positive"


def test_a_backup_has_what_is_only_in_the_log_so_far(used, reopen, tmp_path):
    assert (used.folder / "workbench.db-wal").stat().st_size
    backups.copy(used.db, tmp_path / "copy.db")
    copied = sqlite3.connect(tmp_path / "copy.db").execute("SELECT count(*) FROM label_events")
    assert copied.fetchone()[0] == len(labels.history(used))


def test_a_backup_never_replaces_a_file(used, write):
    path = write("precious.db", "something else")
    with pytest.raises(UserError, match="exists already"):
        backups.copy(used.db, path)
    assert path.read_text() == "something else"
