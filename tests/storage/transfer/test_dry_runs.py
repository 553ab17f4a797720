"""A dry run, and an import that comes to nothing, leave the database as it was."""

from __future__ import annotations

import json

import pytest

from storage.errors import UserError
from storage.history import labels
from storage.transfer import exporting, staging

CROWD = "id,worker,text,label,split\n"
JUDGED = "".join(
    f"{n},w{w},a b {n},{'positive' if w else 'negative'},test\n" for n in "12" for w in (0, 1)
)


def rows_of(store, but=()):
    """All rows of all tables, also of those that hold the text index."""
    names = store.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {
        name: store.db.execute(f"SELECT * FROM {name}").fetchall()
        for (name,) in names
        if not name.startswith(but)
    }


@pytest.fixture
def files(small, make_store, take_in, write, tmp_path):
    """Files of each kind that brings more than texts."""
    labels.assign(small, [1, 2], "negative")
    labels.undo(small)
    other, _ = take_in(make_store("other"), write("more.csv", "text\na new one\nup we go\n"))
    labels.assign(other, [1, 2], "negative")
    labels.undo(other)
    exporting.export(other, tmp_path / "history.jsonl")
    rows = [{"text": "up we go", "label": "negative", "split": "test"}, {"text": "brand new"}]
    return {
        "judgements": write("crowd.csv", CROWD + JUDGED + "3,w1,up we go,negative,test\n"),
        "history": tmp_path / "history.jsonl",
        "changes": write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows)),
    }


@pytest.mark.parametrize("kind", ["judgements", "history", "changes"])
def test_a_dry_run_leaves_nothing(kind, small, files, take_in):
    before, names = rows_of(small), sorted(small.folder.iterdir())
    report = take_in(small, files[kind], dry_run=True, update=frozenset({"labels", "splits"}))[1]
    assert report.read
    assert rows_of(small) == before
    assert sorted(small.folder.iterdir()) == names
    small.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = (small.folder / "workbench.db").read_bytes()
    assert [word for word in (b"brand", b"a new one") if word in content] == []


@pytest.mark.parametrize("kind", ["judgements", "history", "changes"])
def test_an_import_that_fails_at_its_end_leaves_nothing(kind, small, files, take_in, monkeypatch):
    def fail(*given):
        raise UserError("the disk is full")

    before = rows_of(small, but="tweets_fts")
    monkeypatch.setattr(staging.TweetMerge, "apply", fail)
    with pytest.raises(UserError, match="full"):
        take_in(small, files[kind])
    assert rows_of(small, but="tweets_fts") == before


def test_actions_that_are_history_cannot_be_deleted(small, files, take_in):
    take_in(small, files["judgements"])
    with pytest.raises(Exception, match="append-only"):
        small.db.execute("DELETE FROM actions")
