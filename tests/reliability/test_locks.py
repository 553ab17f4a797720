"""Nothing that a process does beside its open workspace makes SQLite lose its locks on it.

WORKBENCH_TOGETHER_SECONDS says how long somebody labels beside a screen, 6 unless set.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from terminals import terminal

from storage.bulk_writes import bulk_writer
from storage.config import Config
from storage.errors import UserError
from storage.history import integrity, labels
from storage.locks import SQLITE_SHARED
from storage.query import tweets
from storage.safety import backups, damage, restoring
from storage.store import DATABASE, SCHEMA_VERSION, create_store, now, open_store

SECONDS = float(os.environ.get("WORKBENCH_TOGETHER_SECONDS", "6"))
ROUNDS = 50
LABELS = 10
"""How many each of the two gives in a round."""
WORKER = Path(__file__).with_name("beside_worker.py")
ATTACHED = (128, 1)
"""The byte of an index that SQLite locks as long as it uses the index (UNIX_SHM_DMS)."""
PROBE = """
import fcntl, sys
for path, start, length in zip(sys.argv[1::3], sys.argv[2::3], sys.argv[3::3]):
    with open(path, "r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, int(length), int(start))
            print("free")
        except OSError:
            print("locked")
"""


def locked(*places):
    """Whether others find these bytes of files locked; each place is a path, a start, a length."""
    arguments = [str(part) for place in places for part in place]
    command = [sys.executable, "-S", "-c", PROBE, *arguments]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return found.stdout.split() == ["locked"] * len(places)


def still_locked(folder):
    """Whether SQLite still has its locks on a database with a log."""
    database = folder / DATABASE
    return locked((database, *SQLITE_SHARED), (damage.side_file(database, "-shm"), *ATTACHED))


def open_again(folder):
    open_store(folder).close()


def open_twice(folder):
    first, second = open_store(folder), open_store(folder)
    labels.assign(second, [1], "negative")
    first.close()
    second.close()


def make_again(folder):
    (folder / "workbench.toml").rename(folder / "aside")
    create_store(folder, Config(labels=("positive", "negative"))).close()
    (folder / "aside").rename(folder / "workbench.toml")


def write_in_bulk(folder):
    store = open_store(folder)
    with bulk_writer(store) as writer:
        writer.executemany(
            "counts", "UPDATE counts SET value = value WHERE name = ?", [("tweets",)]
        )
    store.close()


def look_into(folder):
    assert restoring.inspect(folder / DATABASE, thorough=True).problem is None


def copy(folder):
    backups.make(folder / DATABASE, backups.MANUAL, now())
    assert restoring.problems(folder) == []


def restore(folder):
    path = backups.make(folder / DATABASE, backups.MANUAL, now())
    with pytest.raises(UserError, match="is open in another program"):
        restoring.restore_backup(folder / DATABASE, path, SCHEMA_VERSION, now())


DOINGS = (
    open_again,
    open_twice,
    make_again,
    write_in_bulk,
    look_into,
    copy,
    restore,
)


@pytest.mark.parametrize("do", DOINGS)
def test_the_locks_of_an_open_store_outlive(do, small, reopen):
    small.close()
    store = reopen(small)  # whose log is empty: then the index is looked into
    assert still_locked(store.folder)
    do(store.folder)
    assert still_locked(store.folder)
    labels.assign(store, [2], "negative")
    do(store.folder)
    assert still_locked(store.folder)
    assert integrity.check(store) == []


def test_the_lock_of_a_reader_without_a_log_outlives_another_reader(small, reopen, monkeypatch):
    small.close()
    monkeypatch.setattr("storage.safety.filesystem.network_type", lambda folder: "nfs4")
    reopen(small).close()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    store, place = reopen(small), (small.folder / DATABASE, *SQLITE_SHARED)
    store.db.execute("BEGIN")
    assert store.read_only and tweets.counts(store).tweets == 6
    assert locked(place)
    reopen(small).close()
    assert locked(place)
    store.db.execute("ROLLBACK")
    assert not locked(place)


def test_no_descriptor_is_opened_twice_or_left_open(small, reopen):
    def ours():
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        paths = [str(link.readlink()) for link in links]
        return [path for path in paths if path.startswith(str(small.folder / DATABASE))]

    small.close()
    store = reopen(small)
    open_again(store.folder)
    before = ours()
    for _ in range(5):
        open_again(store.folder)
    assert ours() == before
    store.close()
    assert ours() == []


COMMANDS = (
    "status",
    "list",
    "show 1",
    "label 1 negative",
    "undo",
    "history",
    "check",
    "backup",
    "export {out}",
    "import {out}",
    "group",
    "runs",
    "restore-backup --list",
    "restore-backup --latest --yes",
    "init {folder} --labels a,b",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_takes_the_locks_of_a_store_in_its_process(command, small, reopen, cli):
    small.close()
    (small.folder.parent / "out.csv").write_text("text,label\na new one,positive\n")
    backups.make(small.folder / DATABASE, backups.DAILY, now())
    store = reopen(small)
    named = {"out": small.folder.parent / "out.csv", "folder": small.folder}
    cli("-w", small.folder, *(part.format(**named) for part in command.split()))
    assert still_locked(store.folder)


def test_a_store_in_the_same_process_keeps_a_backup_from_being_restored(small, reopen):
    path = backups.make(small.folder / DATABASE, backups.MANUAL, now())
    with small.held:
        pass  # as where a file system has no such locks
    with pytest.raises(UserError, match="is open in another program"):
        restoring.restore_backup(small.folder / DATABASE, path, SCHEMA_VERSION, now())
    labels.assign(small, [1], "negative")
    small.close()
    assert (
        restoring.restore_backup(small.folder / DATABASE, path, SCHEMA_VERSION, now()) is not None
    )
    assert tweets.tweet(reopen(small), 1).label == "positive"


@pytest.fixture
def many(make_store, fill):
    texts = ({"text": f"tweet {n}", "label": "positive"} for n in range(2 * ROUNDS * LABELS))
    store = fill(make_store(), texts)
    store.close()
    return store.folder


@pytest.fixture
def somebody(many, repository):
    """Starts a process that labels in rounds."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, str(WORKER), str(many)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, "PYTHONPATH": str(repository), "WORKBENCH_ANNOTATOR": "ben"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def begin(process, first, pollers):
    print(
        json.dumps({"first": first, "last": first + LABELS - 1, "pollers": pollers}),
        file=process.stdin,
    )


def errors(process):
    answer = process.stdout.readline()
    assert answer, f"a process ended with status {process.wait()}"
    return json.loads(answer)


@pytest.mark.slow
def test_two_stores_of_a_process_beside_another_process_lose_nothing(many, somebody):
    with_two, other = somebody(), somebody()
    for number in range(ROUNDS):
        # The first of each round makes the log anew, the last to close it takes it away.
        begin(with_two, 1 + 2 * number * LABELS, pollers=2)
        begin(other, 1 + (2 * number + 1) * LABELS, pollers=0)
        assert errors(with_two) == errors(other) == [], f"in round {number}"
    store = open_store(many)
    assert integrity.check(store) == []
    assert len(labels.history(store)) == 2 * ROUNDS * LABELS
    assert {event["new"] for event in labels.history(store)} == {"negative"}
    store.close()


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 2 + 120)
def test_a_screen_outlives_somebody_who_labels_beside_it(many, somebody):
    other, tweets_there, pressed, given = somebody(), 2 * ROUNDS * LABELS, 0, 0
    with terminal("-m", "workbench", "--workspace", many, "--annotator", "ana") as opened:
        opened.until(f"1 of {tweets_there:,}")
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            first = 1 + ROUNDS * LABELS + given % (ROUNDS * LABELS)
            begin(other, first, pollers=0)  # opens the workspace and closes it again
            if pressed < ROUNDS * LABELS:
                opened.press(b"2")
                pressed += 1
                opened.until(f"{pressed + 1:,} of {tweets_there:,}")
            assert errors(other) == []
            given += LABELS
        opened.press(b"q")
        assert opened.wait() == 0
    store = open_store(many)
    assert integrity.check(store) == []
    by = Counter(event["annotator"] for event in labels.history(store))
    assert by == {"ana": pressed, "ben": given}
    assert {tweets.tweet(store, 1 + n).label for n in range(pressed)} == {"negative"}
    store.close()
