"""What is shown as saved was synced to the disk; what nobody sees yet is not, which is fast."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from storage import connections
from storage.bulk_writes import bulk_writer
from storage.history import labels, snapshots
from storage.transfer import exporting, importing
from storage.transfer.importing import ImportOptions

NORMAL, FULL = 1, 2
"""PRAGMA synchronous: whether a commit waits for the disk; with OFF (0) the log is never synced."""
MANY = 4_000


class Commit(NamedTuple):
    """How a transaction was committed, and what can be seen from then on."""

    synchronous: int
    tweets: int


@pytest.fixture
def commits(monkeypatch, make_store, fill):
    """The commits of all stores and long jobs that are opened once there are two workspaces."""
    fill(make_store(), ({"text": f"tweet {n}", "label": "positive"} for n in range(MANY)))
    make_store("other")
    found = []

    class Watched(connections._Connection):
        def execute(self, sql, *arguments):
            if sql == "COMMIT":
                mode = super().execute("PRAGMA synchronous").fetchone()[0]
                seen = super().execute("SELECT value FROM counts WHERE name = 'tweets'")
                found.append(Commit(mode, seen.fetchone()[0]))
            return super().execute(sql, *arguments)

    monkeypatch.setattr(connections, "_Connection", Watched)
    return found


@pytest.fixture
def store(commits, reopen, tmp_path):
    return reopen(tmp_path / "workspace")


@pytest.mark.parametrize("with_history", [False, True])
def test_the_commit_that_shows_an_import_is_synced_and_none_before(
    with_history, store, commits, reopen, tmp_path
):
    path = tmp_path / "exported.jsonl"
    if with_history:
        labels.assign(store, [1], "negative")
    exporting.export(store, path)
    other = reopen(tmp_path / "other")
    plan = importing.plan(other.config, path, ImportOptions())
    commits.clear()
    assert importing.run(other, plan).added == MANY
    before = [commit for commit in commits if not commit.tweets]
    shown = [commit for commit in commits if commit.tweets]
    assert len(before) > 5
    assert {commit.synchronous for commit in before} == {NORMAL}
    assert shown[0] == Commit(FULL, MANY)


EDITS = {
    "set": lambda store: labels.assign(store, range(1, 1 + MANY), "negative"),
    "one": lambda store: labels.assign(store, [1], "negative"),
    "clear": lambda store: labels.assign(store, range(1, 1 + MANY), None),
    "mark": lambda store: labels.mark(store, range(1, 1 + MANY), "excluded", True),
    "note": lambda store: labels.annotate(store, 1, "see below"),
    "undo": labels.undo,
    "redo": lambda store: (labels.undo(store), labels.redo(store)),
    "snapshot": lambda store: snapshots.take(store, "second"),
    "restore": lambda store: snapshots.restore_snapshot(store, "first"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_each_edit_is_one_commit_that_is_synced_however_large(edit, store, commits):
    snapshots.take(store, "first")
    labels.assign(store, range(1, 1 + MANY), "negative")
    commits.clear()
    EDITS[edit](store)
    assert [commit.synchronous for commit in commits] == [FULL] * (1 + (edit == "redo"))


def test_an_edit_right_after_a_long_job_is_synced(store, commits):
    with bulk_writer(store) as writer:
        writer.executemany(
            "counts", "UPDATE counts SET value = value WHERE name = ?", [("tweets",)]
        )
        labels.assign(store, [1], "negative")
    labels.assign(store, [2], "negative")
    assert [commit.synchronous for commit in commits] == [NORMAL, FULL, FULL]
