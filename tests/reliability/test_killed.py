"""SIGKILL at any moment: what was reported as saved is there, and nothing is half done.

WORKBENCH_KILL_ROUNDS says how often, 220 unless set; WORKBENCH_KILL_SEED chooses other moments.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter, deque
from pathlib import Path

import pytest

from storage.history import integrity, labels
from storage.query import tweets
from storage.safety import backups
from storage.store import DATABASE, SCHEMA_VERSION, open_store
from storage.transfer import importing

ROUNDS = int(os.environ.get("WORKBENCH_KILL_ROUNDS", "220"))
SEED = int(os.environ.get("WORKBENCH_KILL_SEED", "1"))
SHARES = {"label": 5, "bulk": 5, "take_in": 6, "update": 4, "remove": 3, "migrate": 4}
"""How many of 27 rounds a kind of work gets."""
TWEETS = 1_200
"""Several transactions of a bulk edit."""
ROWS = 1_200
"""Of a file to import: several transactions."""
LABELS = ("positive", "negative")
NURSERY = Path(__file__).with_name("nursery.py")
OLD = Path(__file__).parents[1] / "fixtures" / "schema-1.db"

pytestmark = pytest.mark.slow


class Nursery:
    """The process whose children are killed."""

    def __init__(self, repository):
        self.process = subprocess.Popen(
            [sys.executable, str(NURSERY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=repository,
            env={**os.environ, "PYTHONPATH": str(repository)},
        )

    def play(self, work, folder, seed, after_s=None):
        print(
            json.dumps({"work": work, "folder": str(folder), "seed": seed, "after_s": after_s}),
            file=self.process.stdin,
            flush=True,
        )
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(60) == 0
        self.process.stdout.close()


@pytest.fixture(scope="module")
def nursery(repository):
    opened = Nursery(repository)
    yield opened
    opened.close()


@pytest.fixture
def folder(make_store, fill):
    rows = ({"text": f"tweet {n}", "label": LABELS[n % 2]} for n in range(TWEETS))
    store = fill(make_store(), rows)
    store.close()
    return store.folder


@pytest.fixture
def restart(folder):
    """Puts the workspace in its place again as it was before the rounds."""
    fresh = folder.with_name("fresh")
    shutil.copytree(folder, fresh)

    def put():
        shutil.rmtree(folder)
        shutil.copytree(fresh, folder)

    return put


def rounds(work, nursery, folder, restart=lambda: None):
    """Plays the work and kills it at a random moment of the time that it takes when let alone.

    That time is the shortest of the last three that came to their end: the machine may have been
    slower at the beginning, and most kills would come too late.
    """
    chance = random.Random(f"{work} {SEED}")
    whole: deque[float] = deque(maxlen=3)
    for seed in range(3):
        restart()
        whole.append(nursery.play(work, folder, seed)["seconds"])
    cut_short = 0
    number = -(-ROUNDS * SHARES[work] // sum(SHARES.values()))
    for seed in range(3, 3 + number):
        restart()
        told = nursery.play(work, folder, seed, chance.uniform(0, 1.05 * min(whole)))
        cut_short += not told["ended"]
        if told["ended"]:
            whole.append(told["seconds"])
        yield seed, told["reports"]
    print(f"{work}: {number} rounds, {cut_short} of them cut short")
    assert cut_short > number // 4  # otherwise the rounds show little


def test_labels_reported_as_saved_are_there(nursery, folder):
    for _, reports in rounds("label", nursery, folder):
        store = open_store(folder, "ana")
        assert integrity.check(store) == []
        saved = last_actions(store, len(reports) + 1)
        reported = [tuple(report) for report in reports]
        # One more may be saved whose report was cut off, and whatever was there before.
        assert reported in (saved[:-1], saved[1:]) or (not reported and len(saved) <= 1)
        store.close()


def last_actions(store, number):
    """The newest actions, oldest first, and how many events each has."""
    sql = (
        "SELECT a.id, count(e.id) FROM actions a LEFT JOIN label_events e ON e.action = a.id "
        "WHERE a.kind != 'gold import' GROUP BY a.id ORDER BY a.id DESC LIMIT ?"
    )
    return store.db.execute(sql, [number]).fetchall()[::-1]


def test_a_bulk_edit_is_done_whole_or_not_at_all(nursery, folder):
    for _, reports in rounds("bulk", nursery, folder):
        store = open_store(folder, "ana")
        assert integrity.check(store) == []
        sizes = dict(last_actions(store, -1))
        assert set(sizes.values()) <= {TWEETS}
        for action, changed in reports:
            assert sizes[action] == changed == TWEETS
        if labels.events_to_undo(store, "undo"):  # what an undo that did not come to its end left
            labels.undo(store)
        assert tweets.counts(store).corrected == 0
        store.close()


def test_an_update_from_a_file_is_there_whole_or_not_at_all(nursery, folder, restart):
    rows = "".join(f"tweet {n},{LABELS[1 - n % 2]},note {n},test\n" for n in range(TWEETS))
    (folder.parent / "update.csv").write_text("text,label,note,split\n" + rows)
    store = open_store(folder, "ana")
    before = tweets.split_counts(store).get("test", 0)
    store.close()

    def updated(store):
        noted = sum(tweet.note is not None for tweet in tweets.each(store))
        return noted, tweets.split_counts(store).get("test", 0)

    for _, reports in rounds("update", nursery, folder, restart):
        store = open_store(folder, "ana")
        assert integrity.check(store) == []
        corrected = tweets.counts(store).corrected
        assert corrected == TWEETS if reports else corrected in (0, TWEETS)
        assert updated(store) == ((TWEETS, TWEETS) if corrected else (0, before))
        if corrected:
            labels.undo(store)
        assert (tweets.counts(store).corrected, *updated(store)) == (0, 0, before)
        store.close()


def test_an_import_is_there_whole_or_not_at_all_and_can_be_repeated(nursery, folder, restart):
    for seed in range(ROUNDS):
        rows = "".join(f"file {seed} row {n // 2},{LABELS[n % 2]}\n" for n in range(ROWS))
        (folder.parent / f"{seed}.csv").write_text("text,label\n" + rows)

    for seed, reports in rounds("take_in", nursery, folder, restart):
        store = open_store(folder, "ana")
        found = tweets.counts(store).tweets
        assert found in ((TWEETS + ROWS,) if reports else (TWEETS, TWEETS + ROWS))
        assert integrity.check(store) == []
        assert len(tweets.listing(store)) == found
        assert len(tweets.listing(store, f'"file {seed} row"')) == found - TWEETS

        plan = importing.plan(
            store.config, folder.parent / f"{seed}.csv", importing.ImportOptions()
        )
        assert importing.run(store, plan).added == TWEETS + ROWS - found
        assert tweets.counts(store).tweets == TWEETS + ROWS
        assert integrity.check(store) == []
        assert store.db.execute("SELECT max(id) FROM tweets").fetchone() == (TWEETS + ROWS,)
        store.close()


def test_an_import_is_taken_back_whole_or_not_at_all(nursery, folder, restart):
    for _, reports in rounds("remove", nursery, folder, restart):
        store = open_store(folder, "ana")
        assert integrity.check(store) == []
        found = tweets.counts(store).tweets
        assert found in ((0,) if reports else (0, TWEETS))
        assert len(tweets.listing(store)) == len(tweets.listing(store, "tweet")) == found
        assert len(store.db.execute("SELECT * FROM removals").fetchall()) == (not found)
        store.close()


def test_a_migration_is_done_whole_or_not_at_all(nursery, folder, tmp_path):
    old = tmp_path / "old"

    def restart():
        shutil.rmtree(old, ignore_errors=True)
        old.mkdir()
        shutil.copy(OLD, old / DATABASE)
        shutil.copy(folder / "workbench.toml", old)

    restart()
    store = open_store(old, "ana")
    wanted = content(store)
    store.close()
    for _ in rounds("migrate", nursery, old, restart):
        store = open_store(old, "ana")
        assert store.db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert content(store) == wanted
        assert integrity.check(store) == []
        store.close()
        kept = Counter((backup.kind, backup.schema) for backup in backups.list_backups(old))
        assert kept[backups.UPGRADE, 1] >= 1
        assert not list((old / backups.FOLDER).glob(".*"))


def content(store):
    return [
        line
        for line in store.db.iterdump()
        if "_sqlite_migrations" not in line and "workbench-migrated" not in line
    ]
