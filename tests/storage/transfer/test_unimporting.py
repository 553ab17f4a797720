"""What an import gave to tweets that were there goes with it, unless somebody has worked on it."""

from __future__ import annotations

import json
import shutil

import pytest

from storage.errors import UserError
from storage.history import integrity, labels, ratings, snapshots
from storage.query import paging, tweets
from storage.transfer import exporting, unimporting

CROWD = "id,worker,text,label\n"


@pytest.fixture
def add(take_in, write):
    """Imports rows of JSON, or a table of a crowd."""

    def take(store, rows, **options):
        crowd = isinstance(rows, str)
        content = CROWD + rows if crowd else "".join(json.dumps(row) + "\n" for row in rows)
        path = write("rows.csv" if crowd else "rows.jsonl", content)
        return take_in(store, path, **options)[0]

    return take


def current(store):
    return [(t.label, t.flags, t.note, t.split) for t in tweets.each(store)]


def listed(store, filter_text="", sort="id"):
    return paging.page(store, paging.list_query(store, filter_text, sort), 50)


def refusal(store, number):
    with pytest.raises(UserError) as stays:
        unimporting.unimport(store, number)
    assert integrity.check(store) == []
    return str(stays.value)


def test_labels_that_stay_after_an_undo_that_was_skipped_are_work(small, reopen):
    ben = reopen(small, "ben")
    labels.assign(small, [1], "negative")
    labels.assign(ben, [1], None)
    assert labels.undo(small).skipped == 1
    labels.undo(ben)
    assert tweets.tweet(small, 1).label == "negative"
    assert "1 of its tweets has been worked on since" in refusal(small, 1)


@pytest.mark.parametrize("mark", ["review", "excluded", "ambiguous"])
def test_marks_that_stay_after_an_undo_that_was_skipped_are_work(mark, small, reopen):
    ben = reopen(small, "ben")
    labels.mark(small, [1], mark, True)
    labels.mark(ben, [1], mark, False)
    labels.undo(small)
    labels.undo(ben)
    assert mark in tweets.tweet(small, 1).flags
    assert "events by ana, ben" in refusal(small, 1)


def test_what_a_restored_history_had_undone_and_somebody_did_again_is_work(
    small, make_store, take_in, tmp_path
):
    labels.assign(small, [1], "negative")
    labels.undo(small)
    exporting.export(small, tmp_path / "out.jsonl")
    other, _ = take_in(make_store("other"), tmp_path / "out.jsonl")
    labels.redo(other)
    assert "by ana" in refusal(other, 1)
    labels.undo(other)
    unimporting.unimport(other, 1)
    assert integrity.check(other) == []


def test_judgements_go_with_the_import_that_brought_them(make_store, add):
    store = add(make_store(), "1,w1,a b c,positive\n1,w2,a b c,positive\n")
    before = labels.history(store, 1), listed(store, "", "adjudicate"), current(store)
    store = add(store, "1,w3,a b c,negative\n1,w4,a b c,negative\n2,w3,d e f,negative\n")
    assert listed(store, "conflict:yes") == [1]
    assert "take back what came later with `workbench unimport 2`" in refusal(store, 1)
    assert unimporting.unimport(store, 2).events == 3
    assert listed(store, "conflict:yes") == []
    assert (labels.history(store, 1), listed(store, "", "adjudicate"), current(store)) == before
    assert {rating.annotator for rating in ratings.ratings(store)} == {"w1", "w2"}
    assert integrity.check(store) == []
    store = add(store, "1,w3,a b c,negative\n1,w4,a b c,negative\n")
    assert listed(store, "conflict:yes") == [1]
    unimporting.unimport(store, 3)
    assert unimporting.unimport(store, 1).tweets == 1
    assert integrity.check(store) == []


EDITED = [
    {"text": "no idea", "label": "negative"},
    {"text": "up we go", "label": "negative", "split": "test", "note": "hm", "flags": "review"},
]
ALL = frozenset({"labels", "flags", "notes", "splits"})


@pytest.mark.parametrize("undone", [False, True])
def test_what_a_file_changed_goes_with_its_import(undone, small, add):
    before, counts = current(small), tweets.counts(small)
    add(small, EDITED, update=ALL)
    assert current(small) != before
    snapshots.take(small, "after")
    after = current(small)[0][:3]
    if undone:
        labels.undo(small)
    unimporting.unimport(small, 2)
    assert (current(small), tweets.counts(small)) == (before, counts)
    for change in (labels.undo, labels.redo):
        with pytest.raises(UserError, match="nothing"):
            change(small)
    assert integrity.check(small) == []
    if not undone:
        snapshots.restore_snapshot(small, "after")
        assert current(small)[0][:3] == after
        labels.undo(small)
    assert unimporting.unimport(small, 1).tweets == 6


def test_a_change_of_the_same_kind_since_stands_in_the_way(small, add, reopen):
    add(small, EDITED, update=ALL)
    ben = reopen(small, "ben")
    labels.annotate(ben, 6, "what is this about?")
    labels.mark(ben, [1], "review", False)
    assert "1 of its tweets has been worked on since (1 event by ben)" in refusal(small, 2)
    labels.undo(ben)
    unimporting.unimport(small, 2)
    assert tweets.tweet(small, 6).note == "what is this about?"
    assert integrity.check(small) == []


@pytest.fixture
def ben(small, tmp_path, reopen):
    """Ben in a copy of the workspace."""
    return reopen(shutil.copytree(small.folder, tmp_path / "ben"), "ben")


def test_decisions_that_came_by_a_merge_go_and_can_come_again(small, ben, take_in, tmp_path):
    before = current(small)
    labels.assign(ben, [1, 2], "negative")
    labels.annotate(ben, 3, "a joke")
    exporting.export(ben, tmp_path / "ben.jsonl")
    for number in (2, 3):
        take_in(small, tmp_path / "ben.jsonl")
        assert current(small) == current(ben)
        assert len([*ratings.ratings(small)]) == 2
        unimporting.unimport(small, number)
        assert current(small) == before
        assert {event["annotator"] for event in labels.history(small)} == {"ana"}
        assert [*ratings.ratings(small)] == []
        assert integrity.check(small) == []
    assert unimporting.unimport(small, 1).tweets == 6


def test_decisions_that_were_not_taken_go_too(small, ben, take_in, tmp_path):
    before = current(small)
    labels.assign(ben, [1, 2], "negative")
    exporting.export(ben, tmp_path / "ben.jsonl")
    take_in(small, tmp_path / "ben.jsonl")
    labels.undo(small)
    unimporting.unimport(small, 2)
    assert current(small) == before
    assert {event["annotator"] for event in labels.history(small)} == {"ana"}
    assert integrity.check(small) == []


def test_an_undo_that_came_by_a_merge_is_not_so_any_more(small, ben, take_in, tmp_path):
    labels.assign(ben, [1], "negative")
    exporting.export(ben, tmp_path / "ben.jsonl")
    take_in(small, tmp_path / "ben.jsonl")
    labels.undo(ben)
    exporting.export(ben, tmp_path / "ben.jsonl", replace=True)
    take_in(small, tmp_path / "ben.jsonl")
    assert (tweets.tweet(small, 1).label, labels.count_undone(small)) == ("positive", 1)
    unimporting.unimport(small, 3)
    assert tweets.tweet(small, 1).label == "negative" and tweets.tweet(small, 1).reviewed
    assert labels.undo(small).tweets == (1,)
    assert integrity.check(small) == []


def test_a_number_is_not_given_to_another_import(small, add):
    add(small, [{"text": "a new one"}])
    unimporting.unimport(small, 2)
    add(small, [{"text": "another new one"}])
    assert [one.id for one in unimporting.imports(small)] == [1, 3]


def test_a_dry_run_takes_no_number(small, add):
    add(small, [{"text": "a new one"}], dry_run=True)
    add(small, [{"text": "a new one"}])
    assert [one.id for one in unimporting.imports(small)] == [1, 2]
