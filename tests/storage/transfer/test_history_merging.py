"""What two people did apart, each in a copy of a workspace, comes together by their exports."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import UserError
from storage.history import events, integrity, labels, ratings, snapshots
from storage.query import tweets
from storage.store import open_store
from storage.transfer import exporting

store_settings = settings(settings.get_profile("store"), max_examples=25)


@pytest.fixture
def clock(monkeypatch):
    """Each event has a later time than the one before, wherever it is."""
    ticks = itertools.count(2_000_000_000_000)
    monkeypatch.setattr(events, "now", lambda: next(ticks))


@pytest.fixture
def apart(small, tmp_path, reopen):
    """The workspace as ana has it, and a copy of it that ben has."""
    shutil.copytree(small.folder, tmp_path / "ben")
    return small, reopen(tmp_path / "ben", "ben")


def sent(store, path):
    exporting.export(store, path, replace=True)
    return path


def current(store):
    return [(t.label, t.flags, t.note) for t in tweets.each(store)]


def told(store, number):
    names = ("annotator", "kind", "field", "old", "new")
    return [tuple(event[name] for name in names) for event in labels.history(store, number)]


def decisions(store):
    """The events of both as they are told, without what an import adds of its own."""
    names = ("tweet", "annotator", "at", "kind", "field", "old", "new")
    found = [tuple(event[name] for name in names) for event in labels.history(store)]
    return sorted(repr(event) for event in found if event[3] not in ("gold import", "settle"))


def test_new_events_join_the_history_and_the_newest_decision_counts(
    apart, clock, take_in, tmp_path
):
    ana, ben = apart
    labels.assign(ben, [1, 2], "negative")
    labels.assign(ana, [2], None)
    labels.assign(ana, [3], "negative")
    labels.annotate(ben, 3, "a joke")
    numbers = [event["event"] for event in labels.history(ana)]
    _, report = take_in(ana, sent(ben, tmp_path / "ben.jsonl"))
    assert (report.merged.events, report.merged.settled) == (3, 2)
    assert [t.label for t in tweets.each(ana)][:3] == ["negative", None, "negative"]
    assert tweets.tweet(ana, 3).note == "a joke"
    assert told(ana, 1)[1:] == [
        ("ben", "bulk", "label", "positive", "negative"),
        ("ana", "settle", "label", "positive", "negative"),
    ]
    assert told(ana, 2)[1:] == [
        ("ana", "clear", "label", "positive", None),
        ("ben", "bulk", "label", "positive", "negative"),
        ("ana", "settle", "label", None, None),
    ]
    assert {*numbers} < {event["event"] for event in labels.history(ana)}
    assert tweets.tweet(ana, 1).reviewed
    assert integrity.check(ana) == []


def test_the_same_export_again_adds_nothing(apart, clock, take_in, tmp_path):
    ana, ben = apart
    labels.assign(ben, [1, 2], "negative")
    labels.undo(ben)
    path = sent(ben, tmp_path / "ben.csv")
    assert take_in(ana, path)[1].merged.events == 4
    before = labels.history(ana)
    for _ in range(2):
        assert take_in(ana, path)[1].merged.events == 0
    assert labels.history(ana) == before
    assert take_in(ana, sent(ana, tmp_path / "ana.csv"))[1].merged.events == 0


def test_an_undo_made_elsewhere_is_known(apart, clock, take_in, tmp_path):
    ana, ben = apart
    labels.assign(ben, [1], "negative")
    take_in(ana, sent(ben, tmp_path / "ben.jsonl"))
    assert tweets.tweet(ana, 1).label == "negative"
    labels.undo(ben)
    take_in(ana, sent(ben, tmp_path / "ben.jsonl"))
    found = tweets.tweet(ana, 1)
    assert (found.label, found.reviewed, labels.count_undone(ana)) == ("positive", False, 1)
    labels.redo(ben)
    take_in(ana, sent(ben, tmp_path / "ben.jsonl"))
    assert (tweets.tweet(ana, 1).label, labels.count_undone(ana)) == ("negative", 0)


def test_an_older_decision_that_came_by_a_merge_was_not_made_since(
    apart, clock, take_in, reopen, tmp_path
):
    ana, ben = apart
    labels.assign(ben, [1, 2], "negative")
    labels.assign(ana, [1], "negative")
    labels.assign(ana, [2], None)
    cem = reopen(ana, "cem")  # who settles that ana's are the newest
    take_in(cem, sent(ben, tmp_path / "ben.jsonl"))
    for number, label in ((2, "positive"), (1, "positive")):
        assert labels.undo_preview(ana, "undo").left == 0
        assert labels.undo(ana).skipped == 0
        assert tweets.tweet(ana, number).label == label
    assert integrity.check(ana) == []


def test_a_newer_decision_that_came_by_a_merge_was_made_since(
    apart, clock, take_in, reopen, tmp_path
):
    ana, ben = apart
    labels.assign(ana, [1], "negative")
    labels.assign(ben, [1], "negative")
    take_in(reopen(ana, "cem"), sent(ben, tmp_path / "ben.jsonl"))
    undone = labels.undo(ana)
    assert (undone.skipped, undone.conflict and undone.conflict.annotator) == (1, "ben")
    assert tweets.tweet(ana, 1).label == "negative"


def test_what_is_decided_after_a_merge_is_newer_whatever_the_clocks_say(
    small, reopen, take_in, tmp_path, monkeypatch
):
    ben = reopen(Path(shutil.copytree(small.folder, tmp_path / "ben")), "ben")
    for store, at, label in ((ben, 900, "negative"), (small, 100, None)):
        monkeypatch.setattr(events, "now", lambda at=at: at)
        if store is small:
            take_in(small, sent(ben, tmp_path / "ben.jsonl"))
        labels.assign(store, [1], label)
    monkeypatch.setattr(events, "now", lambda: 200)
    take_in(small, sent(ben, tmp_path / "ben.jsonl"))
    assert tweets.tweet(small, 1).label is None
    assert labels.undo(small).skipped == 0
    assert tweets.tweet(small, 1).label == "negative"


def test_the_clock_that_jumped_does_not_make_an_earlier_decision_count(
    small, reopen, take_in, tmp_path, monkeypatch
):
    ben = reopen(Path(shutil.copytree(small.folder, tmp_path / "ben")), "ben")
    for store, at, label in (
        (small, 900, "negative"),
        (small, 200, "positive"),
        (ben, 100, "negative"),
    ):
        monkeypatch.setattr(events, "now", lambda at=at: at)
        labels.assign(store, [1], label)
    take_in(small, sent(ben, tmp_path / "ben.jsonl"))
    assert tweets.tweet(small, 1).label == "positive"
    assert sorted(ratings.ratings(small)) == [("ana", 1, "positive"), ("ben", 1, "negative")]


def test_of_one_annotator_in_two_places_the_later_decision_counts(
    small, clock, reopen, take_in, tmp_path
):
    away = reopen(Path(shutil.copytree(small.folder, tmp_path / "away")))
    labels.assign(away, [1, 2], "negative")
    labels.assign(small, [1], None)
    labels.assign(small, [3], "negative")
    labels.assign(small, [1], "positive")
    labels.assign(away, [3], None)
    take_in(small, sent(away, tmp_path / "away.jsonl"))
    assert sorted(ratings.ratings(small)) == [("ana", 1, "positive"), ("ana", 2, "negative")]
    assert [t.label for t in tweets.each(small)][:3] == ["positive", "negative", None]


def test_undo_takes_back_the_newest_step_wherever_it_was_made(
    small, clock, reopen, take_in, tmp_path
):
    away = reopen(Path(shutil.copytree(small.folder, tmp_path / "away")))
    labels.assign(away, [4], None)
    labels.assign(away, [5], None)
    labels.assign(small, [1], "negative")
    labels.assign(away, [2], "negative")
    take_in(reopen(small, "cem"), sent(away, tmp_path / "away.jsonl"))
    steps = [2, 1, 5, 4]
    assert [labels.undo(small).tweets for _ in steps] == [(n,) for n in steps]
    assert [labels.redo(small).tweets for _ in steps] == [(n,) for n in reversed(steps)]


def test_undo_of_an_older_step_that_came_by_a_merge_leaves_alone_what_was_kept_here_since(
    apart, clock, take_in, tmp_path, reopen
):
    ana, ben = apart
    labels.assign(ana, [1], "negative")
    labels.assign(ben, [1], "negative")
    take_in(ben, sent(ana, tmp_path / "ana.jsonl"))
    undone = labels.undo(reopen(ben.folder, "ana"))
    assert (undone.tweets, undone.skipped, undone.conflict.annotator) == ((), 1, "ben")
    assert tweets.tweet(ben, 1).label == "negative"


def test_a_settlement_is_taken_back_by_one_undo(apart, clock, take_in, tmp_path):
    ana, ben = apart
    labels.assign(ben, [1, 4], "negative")
    before = current(ana)
    take_in(ana, sent(ben, tmp_path / "ben.jsonl"))
    assert current(ana) == current(ben)
    labels.undo(ana)
    assert current(ana) == before
    assert integrity.check(ana) == []


def test_a_dry_run_tells_the_same(apart, clock, take_in, tmp_path):
    ana, ben = apart
    labels.assign(ben, [1, 4], "negative")
    path, before = sent(ben, tmp_path / "ben.jsonl"), labels.history(ana)
    report = take_in(ana, path, dry_run=True)[1]
    assert labels.history(ana) == before
    assert take_in(ana, path)[1] == report


def test_a_label_that_somebody_took_away_is_not_taken_again(small, take_in, write):
    labels.assign(small, [6], "negative")
    labels.assign(small, [6], None)
    path = write("a.csv", "text,label\nno idea,negative\n")
    _, report = take_in(small, path)
    assert (report.merged.labelled, tweets.tweet(small, 6).label) == (0, None)
    assert report.merged.differences[0].tweets == 1


WHICH = st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True)
EDIT = st.one_of(
    st.tuples(st.just("assign"), WHICH, st.sampled_from(["positive", "negative", None])),
    st.tuples(st.just("mark"), WHICH, st.sampled_from(["excluded", "review"]), st.booleans()),
    st.tuples(st.just("annotate"), st.integers(1, 6), st.sampled_from(["a", "b", ""])),
    st.tuples(st.sampled_from(["undo", "redo"])),
)


def play(store, edit):
    name, *given = edit
    try:
        getattr(labels, name)(store, *given)
    except UserError:
        assert name in ("undo", "redo")


@store_settings
@given(
    before=st.lists(EDIT, max_size=3),
    apart=st.lists(st.tuples(st.booleans(), EDIT), max_size=8),
    after=st.lists(st.tuples(st.booleans(), EDIT), max_size=3),
)
def test_two_workspaces_come_to_the_same(scratch, take_in, clock, before, apart, after):
    first = scratch()
    for edit in before:
        play(first, edit)
    folder = Path(tempfile.mkdtemp(dir=first.folder.parent))
    shutil.copytree(first.folder, folder / "ben")
    with closing(open_store(folder / "ben", "ben")) as second:
        second.db.execute("PRAGMA synchronous = OFF")
        for script in (apart, after):
            for mine, edit in script:
                play(first if mine else second, edit)
            files = [sent(first, folder / "ana.jsonl"), sent(second, folder / "ben.jsonl")]
            take_in(first, files[1])
            take_in(second, files[0])
            assert current(first) == current(second)
            assert decisions(first) == decisions(second)
            for store, file in ((first, files[1]), (second, files[0])):
                assert take_in(store, file)[1].merged.events == 0
                assert integrity.check(store) == []


def test_a_snapshot_is_what_it_was_after_older_events_have_joined(apart, clock, take_in, tmp_path):
    ana, ben = apart
    labels.assign(ben, [1], "negative")
    labels.assign(ana, [1], None)
    snapshots.take(ana, "S")
    take_in(ana, sent(ben, tmp_path / "ben.jsonl"))
    assert tweets.tweet(ana, 1).label is None
    then, now = snapshots.find(ana, "S"), snapshots.find(ana, "now")
    assert list(snapshots.differences(ana, then, now)) == []
    labels.assign(ana, [1], "negative")
    snapshots.restore_snapshot(ana, "S")
    assert tweets.tweet(ana, 1).label is None


def test_a_step_that_was_undone_in_both_places_is_undone_once(
    small, clock, take_in, reopen, tmp_path
):
    labels.assign(small, [1], "negative")
    other = reopen(Path(shutil.copytree(small.folder, tmp_path / "other")))
    for store in (small, other):
        labels.undo(store)
    take_in(small, sent(other, tmp_path / "other.jsonl"))
    assert tweets.tweet(small, 1).label == "positive" and integrity.check(small) == []
    labels.redo(small)
    assert tweets.tweet(small, 1).label == "negative"


def test_a_step_that_was_done_again_elsewhere_is_not_to_be_done_again(
    small, clock, take_in, reopen, tmp_path
):
    labels.assign(small, [1], "negative")
    labels.undo(small)
    other = reopen(Path(shutil.copytree(small.folder, tmp_path / "other")))
    labels.redo(other)
    take_in(small, sent(other, tmp_path / "other.jsonl"))
    assert tweets.tweet(small, 1).label == "negative"
    with pytest.raises(UserError, match="redo"):
        labels.redo(small)
