"""A clock that jumps while two people label: what came later counts, whatever time it says."""

from __future__ import annotations

import time

import pytest

from storage.history import integrity, labels, snapshots
from storage.history.ratings import ratings
from storage.query import tweets
from storage.safety import backups, restoring
from storage.store import DATABASE
from storage.transfer import exporting

DAY_MS = 86_400_000
NOON = 1_772_366_400_000
"""2026-03-01, in milliseconds since 1970."""
JUMPS = (0, 400, -900, 3, 3, -2, 0)
"""Days that the clock is off, one label after another."""


@pytest.fixture
def clock(monkeypatch):
    """Sets the clock of this machine to noon of the 1st of March and some days more."""

    def set_to(days):
        monkeypatch.setattr(time, "time_ns", lambda: (NOON + days * DAY_MS) * 1_000_000)

    return set_to


@pytest.fixture
def two(small, reopen, clock):
    """Ana and ben, who gave tweet 1 a label in turn, each time with the clock somewhere else."""
    people = small, reopen(small, "ben")
    for step, days in enumerate(JUMPS):
        clock(days)
        labels.assign(people[step % 2], [1], ("negative", "positive")[step % 2])
    return people


def test_the_later_label_counts_and_the_history_is_in_order(two):
    ana, ben = two
    events = labels.history(ben, 1)[1:]
    assert [(event["at"] - NOON) / DAY_MS for event in events] == list(JUMPS)
    assert [event["annotator"] for event in events] == ["ana", "ben"] * 3 + ["ana"]
    assert [event["new"] for event in events] == ["negative", "positive"] * 3 + ["negative"]
    assert labels.history(ana, limit=7) == events[::-1]
    for store in two:
        assert tweets.tweet(store, 1).label == "negative"
        assert sorted(ratings(store)) == [("ana", 1, "negative"), ("ben", 1, "positive")]
        assert integrity.check(store) == []


def test_each_takes_back_the_own_last_step(two, clock):
    ana, ben = two
    clock(-5_000)
    labels.assign(ben, [2], "negative")
    clock(0)
    assert labels.undo(ana).tweets == (1,)
    assert tweets.tweet(ben, 1).label == "positive"
    clock(-9_000)
    assert labels.undo(ben).tweets == (2,)
    assert labels.redo(ana).tweets == (1,)
    assert labels.undo(ben).skipped == 1, "ana has changed tweet 1 since"
    assert tweets.tweet(ana, 1).label == "negative"
    assert integrity.check(ana) == []


def test_a_snapshot_is_the_state_at_that_moment(two, clock):
    ana, ben = two
    clock(5_000)
    snapshots.take(ana, "then")
    clock(-5_000)
    labels.assign(ben, [1, 2], "positive")
    labels.assign(ben, [3], "negative")
    found = snapshots.differences(ana, snapshots.find(ana, "then"), snapshots.find(ana, "now"))
    assert [difference.tweet for difference in found] == [1, 3]
    snapshots.restore_snapshot(ana, "then")
    assert [tweets.tweet(ana, n).label for n in (1, 2, 3)] == ["negative", "positive", "positive"]
    assert integrity.check(ana) == []


def test_the_last_change_is_the_last_one_and_not_the_one_of_the_latest_time(two, clock):
    ana, ben = two
    clock(-7)
    labels.assign(ben, [2], "negative")
    assert restoring.inspect(ana.folder / DATABASE).last == NOON - 7 * DAY_MS
    assert list(tweets.listing(ana, "changed:yes", sort="changed")) == [2, 1]


def test_the_backup_before_a_jump_back_is_not_the_newest_after_it(two, clock):
    ana, _ = two
    clock(300)
    before = backups.make(ana.folder / DATABASE, backups.DAILY, NOON + 300 * DAY_MS)
    after = backups.make(ana.folder / DATABASE, backups.DAILY, NOON)
    assert [b.path for b in backups.list_backups(ana.folder, NOON)] == [before, after]


def test_another_workspace_gets_the_history_in_its_order(two, make_store, take_in, tmp_path):
    exporting.export(two[0], tmp_path / "all.jsonl")
    other, report = take_in(make_store("other"), tmp_path / "all.jsonl")
    assert report.restored == 5 + len(JUMPS)
    names = ("annotator", "at", "old", "new")
    histories = [
        [tuple(event[name] for name in names) for event in labels.history(store, 1)]
        for store in (two[0], other)
    ]
    assert histories[0] == histories[1]
    assert tweets.tweet(other, 1).label == "negative"
    assert integrity.check(other) == []
