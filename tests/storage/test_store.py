"""Making and opening workspaces: who may read them, and what is refused with a sentence."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import storage.store
from storage.config import Config
from storage.errors import UsageError, UserError
from storage.history import external_changes, integrity, label_set, labels
from storage.query import tweets
from storage.query.filters import FilterError
from storage.runs import training_set
from storage.store import (
    SCHEMA_VERSION,
    create_store,
    find_workspace,
    login_name,
    open_store,
    set_labels,
)
from storage.transactions import read_transaction, transaction
from storage.transfer import exporting


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_workspace_is_for_its_owner_only(make_store, fill):
    before = os.umask(0)
    try:
        store = make_store()
        store = fill(store, [{"text": "up we go", "label": "positive"}])
    finally:
        os.umask(before)
    assert mode(store.folder) == mode(store.runs_folder) == 0o700
    files = [path for path in store.folder.iterdir() if path.is_file()]
    assert {path.name for path in files} >= {"workbench.db", "workbench.db-wal", "workbench.toml"}
    assert {path.name: mode(path) for path in files} == {path.name: 0o600 for path in files}


def test_labels_that_are_shown_as_saved_survive_power_loss(small):
    assert small.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert small.db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert small.db.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_second_workspace_in_the_same_folder_is_refused(small):
    with pytest.raises(UserError, match="is a workspace already"):
        create_store(small.folder, Config())
    assert tweets.counts(small).tweets == 6


def test_a_workspace_that_cannot_be_made_leaves_no_database(tmp_path, monkeypatch):
    def full(db):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("storage.migrations.migrate", full)
    with pytest.raises(UserError, match="disk is full"):
        create_store(tmp_path / "w", Config())
    assert not list((tmp_path / "w").glob("workbench.db*"))


@pytest.mark.parametrize("still_open", [False, True])
def test_a_workspace_that_somebody_else_has_made_meanwhile_stays(still_open, tmp_path, monkeypatch):
    others, opened = [], storage.store._opened

    def interrupted(*arguments):
        others.append(opened(*arguments))
        if not still_open:
            others[0].close()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(storage.store, "_opened", interrupted)
        with pytest.raises(KeyboardInterrupt):
            create_store(tmp_path / "w", Config(labels=("positive", "negative")))
    store = open_store(tmp_path / "w")
    assert integrity.check(store) == []
    store.close()
    others[0].close()


def test_a_newer_schema_is_refused_and_left_alone(small):
    small.db.execute("PRAGMA user_version = 99")
    small.close()
    content = (small.folder / "workbench.db").read_bytes()
    with pytest.raises(
        UserError, match=rf"newer workbench \(schema 99; this one knows {SCHEMA_VERSION}\)"
    ):
        open_store(small.folder)
    assert (small.folder / "workbench.db").read_bytes() == content


@pytest.mark.parametrize("damage", ["text", "page", "cut"])
def test_a_damaged_database_is_refused_with_a_sentence(damage, small):
    small.close()
    path = small.folder / "workbench.db"
    content = bytearray(path.read_bytes())
    if damage == "text":
        content = bytearray(b"this was a database once, " * 400)
    elif damage == "page":
        content[4096:-4096] = b"\xa5" * (len(content) - 8192)
    else:
        del content[5000:]
    path.write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        open_store(small.folder)


def test_a_workspace_without_its_settings_says_what_to_do_and_that_helps(small):
    small.close()
    (small.folder / "workbench.toml").unlink()
    with pytest.raises(UserError, match=r"workbench\.toml is missing; restore it, or run .* init"):
        open_store(small.folder)
    store = create_store(small.folder, Config(labels=("positive", "negative")))
    assert tweets.counts(store).tweets == 6
    store.close()


@pytest.fixture
def locked(small):
    """The small workspace, readable by everybody and writable by nobody but root."""
    labels.assign(small, [1], "negative")
    small.close()
    outside = Path(tempfile.mkdtemp())
    outside.chmod(0o755)
    folder = Path(shutil.copytree(small.folder, outside / "workspace"))
    for path in folder.iterdir():
        path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(outside)


def test_what_cannot_be_written_is_opened_for_reading(locked):
    pid = os.fork()
    if pid == 0:  # a child, since there is no way back from another user id
        status = 1
        try:
            if os.getuid() == 0:
                os.setuid(65534)
            store = open_store(locked, "ben")
            assert store.read_only
            assert tweets.tweet(store, 1).label == "negative"
            with pytest.raises(UserError, match="read-only for you"):
                labels.assign(store, [1], "positive")
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def test_the_nearest_workspace_above_is_found(small, tmp_path, monkeypatch):
    deep = small.folder / "runs" / "1" / "deep"
    deep.mkdir(parents=True)
    assert find_workspace(start=deep) == small.folder
    with pytest.raises(UserError, match="no workspace here or above"):
        find_workspace(start=tmp_path)
    monkeypatch.setenv("WORKBENCH_HOME", str(small.folder))
    assert find_workspace(start=tmp_path) == small.folder
    with pytest.raises(UserError, match="is not a workspace"):
        find_workspace(tmp_path)


def test_who_labels_is_the_variable_or_the_login_name(monkeypatch):
    assert login_name() == "ana"
    monkeypatch.delenv("WORKBENCH_ANNOTATOR")
    assert login_name()


def test_labels_added_by_hand_to_the_settings_can_be_used(small, reopen):
    small.close()
    path = small.folder / "workbench.toml"
    path.write_text(path.read_text().replace('"negative"]', '"negative", "neutral"]'))
    store = reopen(small)
    labels.assign(store, [1], "neutral")
    assert tweets.tweet(store, 1).label == "neutral"
    assert list(tweets.listing(store, "label:neutral")) == [1]


def test_a_label_taken_out_of_the_settings_keeps_its_tweets(small):
    store = set_labels(small, ("positive", "other"))
    assert tweets.tweet(store, 4).label == "negative"
    assert list(tweets.listing(store, "label:negative")) == [4, 5]
    with pytest.raises(UsageError, match="not a label of this workspace"):
        labels.assign(store, [1], "negative")
    assert integrity.check(store) == []
    store.close()


def test_settings_that_were_edited_meanwhile_stay_when_the_labels_change(small):
    path = small.folder / "workbench.toml"
    edited = path.read_text().replace('"negative"]', '"negative", "mixed"]')
    path.write_text(edited.replace("test = 0.2", "test = 0.3  # as agreed") + "\n# ours\n")
    store = set_labels(small, ("positive", "negative", "neutral"))
    assert store.config.labels == ("positive", "negative", "neutral", "mixed")
    assert store.config.test_share == 0.3
    assert "0.3  # as agreed" in path.read_text() and path.read_text().endswith("\n# ours\n")
    path.write_text("labels = [")
    with pytest.raises(UserError, match=re.escape(str(path))):
        set_labels(store, ("positive", "negative"))
    assert path.read_text() == "labels = ["
    store.close()


def test_a_label_that_is_spelt_otherwise_is_the_same_label(small):
    store = set_labels(small, ("Positive", "NEGATIVE"))
    labels.assign(store, [1], "negative")
    assert list(tweets.listing(store, "label:negative")) == [1, 4, 5]
    store.close()


def test_the_database_can_be_in_a_folder_with_any_name(make_store, fill):
    store = make_store("odd ?#% name ü 🚀")
    store = fill(store, [{"text": "up we go", "label": "positive"}])
    assert tweets.counts(store).tweets == 1


def refused_at_the_end(store):
    """SQLite looks at deferred foreign keys in COMMIT, and leaves the transaction open."""
    store.db.execute("PRAGMA defer_foreign_keys = ON")
    store.db.execute("INSERT INTO undone (action) VALUES (999)")


def without_space(store):
    pages = store.db.execute("PRAGMA page_count").fetchone()[0]
    store.db.execute(f"PRAGMA max_page_count = {pages}")
    try:
        store.db.execute("CREATE TABLE large AS SELECT zeroblob(1000000)")
    finally:
        store.db.execute("PRAGMA max_page_count = 1000000")


def interrupted(store):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("fail", "error"),
    [
        (refused_at_the_end, sqlite3.IntegrityError),
        (without_space, UserError),
        (interrupted, KeyboardInterrupt),
    ],
)
def test_whatever_ends_a_transaction_the_next_label_is_saved(fail, error, small, reopen):
    with pytest.raises(error), transaction(small.db):
        labels.assign(small, [1], "negative")
        fail(small)
    assert not small.db.in_transaction
    labels.assign(small, [2], "negative")
    other = reopen(small, "ben")
    assert tweets.tweet(other, 1).label == "positive"
    assert tweets.tweet(other, 2).label == "negative"


def test_an_interrupt_right_after_the_beginning_leaves_no_transaction(small, reopen, monkeypatch):
    def begin(db, statement):
        db.execute(statement)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("storage.transactions.execute_when_free", begin)
        with pytest.raises(KeyboardInterrupt):
            labels.assign(small, [1], "negative")
    other = reopen(small, "ben")
    other.db.execute("PRAGMA busy_timeout = 0")
    labels.assign(other, [2], "negative")
    assert tweets.tweet(small, 2).label == "negative"


def test_what_is_read_at_one_moment_cannot_be_mixed_with_writing(small, reopen):
    other = reopen(small, "ben")
    with read_transaction(small.db):
        assert tweets.tweet(small, 1).label == "positive"
        labels.assign(other, [1], "negative")
        assert tweets.tweet(small, 1).label == "positive"
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            labels.assign(small, [2], "negative")
    assert tweets.tweet(small, 1).label == "negative"
    with pytest.raises(sqlite3.OperationalError, match="readonly"), read_transaction(small.db):
        small.db.execute("UPDATE tweets SET text = 'lost' WHERE id = 3")
    assert tweets.tweet(small, 3).text != "lost"
    labels.assign(small, [2], "negative")
    assert tweets.tweet(other, 2).label == "negative"


def test_two_writers_wait_for_one_another(small, repository):
    """A hundred labels each from two processes: none is lost, none fails."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom storage.history import labels\n"
        "from storage.store import open_store\n"
        f"store = open_store(Path({str(small.folder)!r}), sys.argv[1])\n"
        "for n in range(100):\n"
        "    labels.assign(store, [1 + n % 6], ['positive', 'negative'][n // 6 % 2])\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, name], cwd=repository)
        for name in ("ana", "ben")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(labels.history(small)) == 200
    assert integrity.check(small) == []


def test_others_are_noticed_and_what_this_store_does_is_not(small, reopen):
    version = external_changes.data_version(small)
    labels.assign(small, [1], "negative")
    assert external_changes.data_version(small) == version
    labels.assign(reopen(small, "ben"), [2], "negative")
    assert external_changes.data_version(small) != version


def test_labels_that_changed_while_the_settings_were_being_edited_are_known_afterwards(
    small, reopen
):
    other = reopen(small, "ben")
    label_set.add(other, "mixed", "odd")
    external_changes.refresh_labels(small)
    label_set.merge(other, ["mixed"], "odd")
    whole = (small.folder / "workbench.toml").read_text()
    (small.folder / "workbench.toml").write_text("labels = [")
    external_changes.refresh_labels(small)
    (small.folder / "workbench.toml").write_text(whole)
    assert external_changes.refresh_labels(small)
    assert small.config.labels == (*other.config.labels[:2], "odd")
    assert not external_changes.refresh_labels(small)


def test_looking_for_others_waits_for_nobody(small, reopen):
    small.db.execute("PRAGMA journal_mode = DELETE")
    other = reopen(small, "ben")
    other.db.execute("PRAGMA journal_mode = DELETE")
    other.db.execute("BEGIN EXCLUSIVE")
    assert external_changes.data_version(small) is None
    other.db.execute("ROLLBACK")
    assert external_changes.data_version(small) is not None


def test_a_label_that_somebody_adds_has_its_name_wherever_it_is_read(small, reopen, tmp_path):
    other = set_labels(reopen(small, "ben"), (*small.config.labels, "mixed"))
    labels.assign(other, [1], "mixed")
    assert tweets.tweet(small, 1).label == "mixed"
    assert [tweet.label for tweet in tweets.each(small, "id:1")] == ["mixed"]
    assert next(tweets.states(small, [1], None)).label == "mixed"
    assert tweets.label_counts(small)["mixed"] == 1
    assert tweets.counts_outside_label_set(small) == {"mixed": 1}
    assert labels.history(small, 1)[-1]["new"] == "mixed"
    assert training_set.label_counts(small)["train"]["positive"] == 2
    assert all(example.id != 1 for example in training_set.training(small)[0])
    exporting.export(small, tmp_path / "out.jsonl", "id:1", "jsonl", False)
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert row["label"] == "mixed" and row["history"][-1]["new"] == "mixed"
    other.close()


def test_a_label_that_an_import_took_back_is_forgotten(small):
    with transaction(small.db) as db:
        db.execute("INSERT INTO labels (name) VALUES ('ghost')")
    assert external_changes.refresh_labels(small)
    with transaction(small.db) as db:
        db.execute("UPDATE labels SET name = 'real' WHERE name = 'ghost'")
    assert external_changes.refresh_labels(small)
    assert set(small.label_ids) == {"positive", "negative", "real"}
    assert not external_changes.refresh_labels(small)
    with pytest.raises(FilterError):
        tweets.listing(small, "label:ghost")


def test_labels_of_others_are_learnt(small, reopen):
    other = set_labels(reopen(small, "ben"), (*small.config.labels, "mixed"))
    labels.assign(other, [1], "mixed")
    assert external_changes.refresh_labels(small)
    assert tweets.tweet(small, 1).label == "mixed"
    assert not external_changes.refresh_labels(small)
    other.close()
