"""Snapshots: exact whoever changed what since, whatever was imported, and restored as one step."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import UsageError, UserError
from storage.history import integrity, labels, snapshots
from storage.history.events import FIELDS
from storage.query import tweets
from storage.store import open_store

MORE = [{"text": f"later {n}", "label": "negative", "split": "train"} for n in range(3)]


def between(store, a, b):
    found = snapshots.differences(store, snapshots.find(store, a), snapshots.find(store, b))
    return [
        (d.tweet, d.field, *(snapshots.displayed_value(store, d.field, v) for v in (d.old, d.new)))
        for d in found
    ]


def tweet_state(store, last=10**9):
    columns = "tweet, label, excluded, review, ambiguous, note"
    sql = f"SELECT {columns} FROM current WHERE tweet <= ? ORDER BY tweet"
    return store.db.execute(sql, [last]).fetchall()


def test_a_diff_names_what_changed_and_both_values(small, reopen):
    labels.assign(small, [1], "negative")
    snapshots.take(small, "before")
    labels.assign(small, [2], "negative")
    labels.mark(reopen(small, "ben"), [4], "review", True)
    labels.annotate(small, 5, "hm")
    assert between(small, "before", "now") == [
        (2, "label", "positive", "negative"),
        (4, "review", False, True),
        (5, "note", None, "hm"),
    ]
    assert between(small, "now", "before")[0] == (2, "label", "negative", "positive")
    assert between(small, "before", "before") == between(small, "now", "now") == []


def test_what_was_changed_and_put_back_is_no_difference(small):
    snapshots.take(small, "before")
    labels.assign(small, [1], "negative")
    labels.assign(small, [2], "negative")
    labels.undo(small)
    labels.assign(small, [1], "positive")
    assert between(small, "before", "now") == []
    with pytest.raises(UserError, match="Nothing differs from the snapshot 'before'"):
        snapshots.restore_snapshot(small, "before")


def test_gold_is_a_state_as_well(small):
    labels.assign(small, [1], "negative")
    labels.assign(small, [6], "positive")
    snapshots.take(small, "one")
    labels.mark(small, [1], "excluded", True)
    labels.assign(small, [1], "positive")
    assert between(small, "gold", "one") == [
        (1, "label", "positive", "negative"),
        (6, "label", None, "positive"),
    ]
    assert between(small, "now", "gold") == [
        (1, "excluded", True, False),
        (6, "label", "positive", None),
    ]


def test_a_snapshot_is_restored_whoever_changed_it_since(small, reopen):
    ben = reopen(small, "ben")
    labels.assign(ben, [2], None)
    taken = snapshots.take(small, "before")
    before = tweet_state(small)
    labels.assign(small, [1, 2, 3], "negative")
    labels.mark(ben, [2], "excluded", True)
    labels.annotate(ben, 6, "ask")
    after = tweet_state(small)
    calls = []
    change = snapshots.restore_snapshot(small, "before", lambda *done: calls.append(done))
    assert tweet_state(small) == before
    assert (change.kind, change.tweets) == ("restore", (1, 2, 3, 6))
    assert calls == [(5, 5)]
    assert labels.history(small, 2)[-1]["kind"] == "restore"
    assert between(small, taken.name, "now") == []
    labels.undo(small)
    assert tweet_state(small) == after
    labels.redo(small)
    assert tweet_state(small) == before
    assert integrity.check(small) == []


def test_undoing_a_restore_leaves_alone_what_somebody_else_changed_since(small, reopen):
    snapshots.take(small, "before")
    labels.assign(small, [1, 2], "negative")
    snapshots.restore_snapshot(small, "before")
    labels.assign(reopen(small, "ben"), [2], None)
    change = labels.undo(small)
    assert (change.tweets, change.skipped) == ((1,), 1)
    assert tweets.tweet(small, 2).label is None


def test_tweets_imported_since_stay_as_they_are(small, fill, reopen):
    snapshots.take(small, "before")
    store = fill(reopen(small), MORE)
    labels.assign(store, [7, 1], "positive")
    labels.mark(store, [8, 1], "review", True)
    later = tweet_state(store)[6:]
    assert [row[0] for row in between(store, "before", "now")] == [1]
    snapshots.restore_snapshot(store, "before")
    assert tweet_state(store)[6:] == later
    assert tweets.tweet(store, 1).flags == []


def test_snapshots_are_listed_and_survive_a_restart(small, reopen):
    snapshots.take(small, "one", "as it came")
    labels.assign(small, [1], "negative")
    snapshots.take(reopen(small, "ben"), "two")
    listed = snapshots.every(reopen(small))
    assert [(s.name, s.note, s.annotator, s.tweets) for s in listed] == [
        ("one", "as it came", "ana", 6),
        ("two", None, "ben", 6),
    ]
    assert listed[0].event < listed[1].event


@pytest.mark.parametrize("name", ["now", "GOLD", "", "  ", "a\nb", "\x1b[31m", "n" * 101])
def test_a_name_that_cannot_be_one_is_refused(name, small):
    with pytest.raises(UsageError):
        snapshots.take(small, name)
    assert snapshots.every(small) == []


def test_a_name_is_taken_once(small):
    snapshots.take(small, "one")
    labels.assign(small, [1], "negative")
    with pytest.raises(UserError, match="There is a snapshot 'One' already"):
        snapshots.take(small, "One")
    assert len(between(small, "one", "now")) == 1


def test_a_snapshot_that_is_not_there_is_said_to_be_missing(small):
    with pytest.raises(UserError, match="no snapshot 'x'; make one with"):
        snapshots.restore_snapshot(small, "x")
    snapshots.take(small, "one")
    with pytest.raises(UserError, match="no snapshot 'x'; the newest are 'one'"):
        snapshots.find(small, "x")
    for name in ("now", "Gold"):
        with pytest.raises(UsageError, match="is not a snapshot"):
            snapshots.restore_snapshot(small, name)


many = settings(settings.get_profile("store"))


def step_of(kind, *values):
    return st.tuples(st.sampled_from(["ana", "ben"]), st.just(kind), *values)


IDS = st.lists(st.integers(1, 6), min_size=1, max_size=4)
STEPS = st.one_of(
    step_of("assign", IDS, st.sampled_from(["positive", "negative", None])),
    step_of("mark", IDS, st.sampled_from(["excluded", "review", "ambiguous"]), st.booleans()),
    step_of("note", st.integers(1, 6), st.sampled_from(["", "a", "b"])),
    step_of("undo"),
    step_of("redo"),
    step_of("restore"),
)


def act(stores, step):
    name, kind, *values = step
    does = {
        "assign": labels.assign,
        "mark": labels.mark,
        "note": labels.annotate,
        "undo": labels.undo,
        "redo": labels.redo,
        "restore": snapshots.restore_snapshot,
    }
    try:
        does[kind](stores[name], *(["start"] if kind == "restore" else values))
    except UserError:
        assert kind in ("undo", "redo", "restore")  # there was nothing to do


@many
@given(before=st.lists(STEPS, max_size=5), script=st.lists(STEPS, max_size=10))
def test_any_script_of_two_people_is_taken_back_by_a_restore(before, script, scratch):
    ana = scratch()
    ben = open_store(ana.folder, "ben")
    ben.db.execute("PRAGMA synchronous = OFF")
    stores = {"ana": ana, "ben": ben}
    try:
        snapshots.take(ana, "start")
        for step in before:
            act(stores, step)
        snapshots.take(ana, "middle")
        wanted = tweet_state(ana)
        for step in script:
            act(stores, step)
        then = tweet_state(ana)
        differing = {
            (
                old[0],
                field,
                snapshots.displayed_value(ana, field, a),
                snapshots.displayed_value(ana, field, b),
            )
            for old, new in zip(wanted, then, strict=True)
            for field, a, b in zip(FIELDS, old[1:], new[1:], strict=True)
            if a != b
        }
        assert set(between(ana, "middle", "now")) == differing
        if not differing:
            return
        snapshots.restore_snapshot(ana, "middle")
        assert tweet_state(ana) == wanted
        assert integrity.check(ana) == []
        labels.undo(ana)
        assert tweet_state(ana) == then
        assert integrity.check(ana) == []
    finally:
        ben.close()
