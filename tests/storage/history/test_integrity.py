"""Backups, and the check that finds what is wrong with a store."""

from __future__ import annotations

import re
import shutil
import sqlite3

import pytest

from storage.errors import UserError
from storage.history import integrity, labels
from storage.query import tweets
from storage.safety import backups


@pytest.fixture
def used(small):
    """A store with a history of every kind."""
    labels.assign(small, [1, 2], "negative")
    labels.mark(small, [3], "review", True)
    labels.mark(small, [4], "excluded", True)
    labels.annotate(small, 5, "look again")
    labels.assign(small, [6], "positive")
    labels.undo(small)
    return small


def test_a_used_store_is_sound(used):
    assert integrity.check(used) == []


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE current SET label = 1 WHERE tweet = 1", "1 tweets have a label that"),
        ("UPDATE current SET label = NULL WHERE tweet = 2", "1 tweets have a label that"),
        ("UPDATE current SET excluded = 0 WHERE tweet = 4", "1 tweets have a excluded"),
        ("UPDATE current SET review = 1", "5 tweets have a review"),
        ("UPDATE current SET ambiguous = 1 WHERE tweet = 4", "1 tweets have a ambiguous"),
        ("UPDATE current SET note = 'x' WHERE tweet = 5", "1 tweets have a note"),
        ("UPDATE counts SET value = 9 WHERE name = 'tweets'", "count of tweets is 9, but .* 6"),
        ("UPDATE counts SET value = 9 WHERE name = 'labelled'", "count of labelled is 9, but .* 5"),
        ("DELETE FROM counts WHERE name = 'corrected'", "count of corrected is 0, but .* 2"),
        ("UPDATE counts SET value = 9 WHERE name = 'excluded'", "count of excluded is 9, but .* 1"),
        ("UPDATE counts SET value = 9 WHERE name = 'review'", "count of review is 9, but .* 1"),
        ("DELETE FROM contents WHERE tweet = 3", "1 tweets are missing, .* equal texts"),
        ("DELETE FROM orders WHERE tweet = 3", "1 tweets are missing, .* order by length"),
        ("DELETE FROM current WHERE tweet = 6", "."),
        (
            "INSERT INTO current (tweet, split, group_id, length) VALUES (99, 'dev', 99, 1)",
            "Row 99 of current refers to a row of tweets",
        ),
        ("UPDATE current SET label = 77 WHERE tweet = 1", "refers to a row of labels"),
    ],
)
def test_planted_damage_is_found(damage, found, used):
    used.db.execute("PRAGMA foreign_keys = OFF")
    used.db.execute(damage)
    problems = integrity.check(used)
    assert any(re.search(found, problem) for problem in problems), problems


def test_a_history_that_was_tampered_with_is_found(used):
    used.db.execute("DROP TRIGGER label_events_keep_update")
    used.db.execute("UPDATE label_events SET new = 1 WHERE tweet = 2 AND field = 'label'")
    assert integrity.check(used) == ["1 tweets have a label that their history does not give."]


def test_a_damaged_index_is_found(used):
    used.db.execute("PRAGMA writable_schema = ON")
    used.db.execute(
        "UPDATE sqlite_master SET sql = 'CREATE INDEX current_split ON current (length)' "
        "WHERE name = 'current_split'"
    )
    used.db.execute("PRAGMA writable_schema = RESET")
    assert any(problem.startswith("SQLite: ") for problem in integrity.check(used))


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
