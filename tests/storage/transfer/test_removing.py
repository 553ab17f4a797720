"""Imports that are taken back and tweets that are deleted: nothing of them is left, all else is."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import groups
from storage.bulk_writes import lock_imports
from storage.errors import UserError
from storage.history import integrity, labels, snapshots
from storage.indexes import order_index
from storage.query import paging, tweets
from storage.runs import runs
from storage.runs.predictions import Prediction, add_predictions
from storage.transfer import exporting, removing, staging, traces, unimporting
from workbench.evaluation import near_duplicate_groups

store_settings = settings(settings.get_profile("store"), max_examples=25)
TEXTS = ["up we go", "UP we go", "down it goes", "Down it goes", "flat", "a new high", "🚀 é"]
ROW = st.fixed_dictionaries(
    {"text": st.sampled_from(TEXTS), "id": st.integers(0, 9)},
    optional={"label": st.sampled_from(["positive", "negative"])},
)
ROWS = st.lists(ROW, min_size=1, max_size=8, unique_by=lambda row: row["id"])


def add(store, take_in, name, rows):
    path = store.folder.parent / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return take_in(store, path)[1]


def predict(store, ids=(), name="a"):
    run = runs.add(store, name, "train", "fast", None, ("positive", "negative"))
    rows = [Prediction(n, (0.25 + n / 100, 0.75 - n / 100), 0.1 * n, 0.1, False) for n in ids]
    add_predictions(store, run, rows)
    return run


def looks(store):
    """All that lists, groups and counts show, by text and id of the source instead of number."""
    every = list(tweets.each(store))
    names = {t.id: (t.text, t.external_id) for t in every}
    return {
        "tweets": [(names[t.id], t.gold, t.label, t.flags, t.note, t.split) for t in every],
        "groups": [(names[t.id], names[t.group]) for t in every],
        "counts": tweets.counts(store),
        "searches": {
            text: [names[n] for n in tweets.listing(store, f'"{text}"')] for text in TEXTS
        },
        "longest": [names[n] for n in tweets.listing(store, sort="length")],
        "negative": [names[n] for n in tweets.listing(store, "-label:positive")],
    }


@store_settings
@given(first=ROWS, second=ROWS)
def test_an_import_that_is_taken_back_was_never_there(scratch, take_in, first, second):
    store = scratch()
    add(store, take_in, "first.jsonl", first)
    before = looks(store)
    second = [row | {"id": row["id"] + 100} for row in second]
    report = add(store, take_in, "second.jsonl", second)
    removed = unimporting.unimport(store, unimporting.imports(store)[-1].id)
    assert removed.tweets == report.added
    assert looks(store) == before
    assert integrity.check(store) == []
    assert add(store, take_in, "second.jsonl", second).added == report.added
    assert integrity.check(store) == []


@store_settings
@given(rows=ROWS, gone=st.sets(st.integers(0, 7)), marked=st.sets(st.integers(0, 7)))
def test_deleted_tweets_leave_all_others_as_they_are(
    make_store, scratch, take_in, rows, gone, marked
):
    store = scratch()
    # a text that is there without an id would be that tweet, whatever id a file has for it
    rows = [row | {"text": f"{row['text']} today"} for row in rows]
    add(store, take_in, "rows.jsonl", rows)
    predict(store, range(1, 7 + len(rows)))
    for place in marked & set(range(len(rows))):
        labels.assign(store, [7 + place], "negative")
    was = looks(store)
    ids = [7 + place for place in gone if place < len(rows)]
    away = {(tweets.tweet(store, n).text, tweets.tweet(store, n).external_id) for n in ids}
    removed = removing.delete(store, ids)
    assert (removed.tweets, removed.predictions) == (len(ids), len(ids))
    now = looks(store)
    for what in ("longest", "negative"):
        assert now[what] == [name for name in was[what] if name not in away]
    assert now["tweets"] == [one for one in was["tweets"] if one[0] not in away]
    assert now["searches"] == {
        text: [name for name in found if name not in away]
        for text, found in was["searches"].items()
    }
    assert tweets.counts(store).tweets == len(tweets.listing(store)) == 6 + len(rows) - len(ids)
    for sort in ("confidence", "disagreement", "margin", "changed", "length"):
        listed, query = list(tweets.listing(store, sort=sort)), paging.list_query(store, sort=sort)
        assert sorted(listed) == [t.id for t in tweets.each(store)]
        assert paging.count(store, query) == len(listed)
        assert paging.page(store, query, 4) == listed[:4]
        assert paging.page(store, query, 3, before=0) == listed[-3:]
        for place, number in enumerate(listed):
            assert paging.page(store, query, 2, after=number) == listed[place + 1 :][:2]
    assert runs.get(store, 1).predictions == 6 + len(rows) - len(ids)
    assert integrity.check(store) == []


def test_the_next_tweet_of_a_group_is_its_first(make_store, take_in):
    store = make_store()
    add(store, take_in, "a.jsonl", [{"id": n, "text": t} for n, t in enumerate(TEXTS[:4])])
    removing.delete(store, [1])
    assert [(t.id, t.group) for t in tweets.each(store)] == [(2, 2), (3, 3), (4, 3)]
    add(store, take_in, "b.jsonl", [{"id": 9, "text": "up WE go"}])
    assert tweets.tweet(store, 5).group == 2
    assert integrity.check(store) == []


def test_numbers_are_not_given_twice(small, take_in):
    removing.delete(small, [5, 6])
    add(small, take_in, "b.jsonl", [{"text": "a new one"}])
    assert [t.id for t in tweets.each(small)] == [1, 2, 3, 4, 7]
    with pytest.raises(UserError, match="no tweet 6 any more"):
        tweets.tweet(small, 6)
    with pytest.raises(UserError, match="run from 1 to 7"):
        labels.assign(small, [8], "positive")


def test_work_stands_in_the_way_of_taking_back_until_it_is_undone(small, take_in, reopen):
    ben = reopen(small, "ben")
    labels.assign(ben, [1, 2], "negative")
    labels.annotate(ben, 1, "a joke")
    with pytest.raises(UserError) as stays:
        unimporting.unimport(small, 1)
    assert "2 of its tweets have been worked on since (3 events by ben)" in str(stays.value)
    assert tweets.counts(small).tweets == 6
    labels.undo(ben)
    labels.undo(ben)
    assert unimporting.unimport(small, 1).tweets == 6
    assert (tweets.counts(small).tweets, unimporting.imports(small)) == (0, [])
    assert integrity.check(small) == []


def test_a_history_that_came_along_is_no_work(small, make_store, take_in, tmp_path):
    labels.assign(small, [1, 2], "negative")
    labels.undo(small)
    exporting.export(small, tmp_path / "out.jsonl")
    other, _ = take_in(make_store(name="other"), tmp_path / "out.jsonl")
    assert unimporting.unimport(other, 1).events == 9  # five of them tell of the gold labels
    assert (labels.history(other)[1:], labels.count_undone(other)) == ([], 0)
    assert integrity.check(other) == []


def test_a_label_that_another_file_gave_is_work(small, take_in):
    add(small, take_in, "b.jsonl", [{"text": "no idea", "label": "negative"}])
    with pytest.raises(UserError, match=r"1 of its tweets .*1 event by ana"):
        unimporting.unimport(small, 1)
    assert unimporting.unimport(small, 2).tweets == 0


def test_an_import_lists_what_it_added(small, take_in):
    add(small, take_in, "b.jsonl", [{"text": "up we go"}, {"text": "a new one"}])
    first, second = unimporting.imports(small)
    assert (first.added, second.added, second.annotator) == (6, 1, "ana")
    assert second.file.endswith("b.jsonl")
    with pytest.raises(UserError, match="There is no import 7"):
        unimporting.unimport(small, 7)


def test_the_log_says_who_deleted_how_many(small, reopen):
    labels.assign(small, [1], "negative")
    removing.delete(reopen(small, "ben"), [1, 2])
    event = labels.history(small)[0]
    assert (event["annotator"], event["kind"], event["old"]) == ("ben", "delete", 2)
    assert [e for e in labels.history(small) if e["tweet"] in (1, 2)] == []
    with pytest.raises(UserError, match="nothing to undo"):
        labels.undo(small)


def test_the_history_is_append_only_afterwards_too(small):
    labels.assign(small, [1, 2], "negative")
    removing.delete(small, [1])
    with pytest.raises(Exception, match="append-only"):
        small.db.execute("DELETE FROM label_events")


def test_snapshots_know_what_came_after_them(small):
    labels.assign(small, [1], "negative")
    labels.assign(small, [2], "negative")
    snapshots.take(small, "then")
    removing.delete(small, [2])  # the newest event goes with it
    labels.assign(small, [3], "negative")
    found = list(snapshots.differences(small, *(snapshots.find(small, n) for n in ("then", "now"))))
    assert [(d.tweet, d.field) for d in found] == [(3, "label")]


def test_a_ranking_stays_one_without_gaps(small, take_in):
    runs.save_queue(small, "suspects", [(n, 0.5, "run 1") for n in (6, 5, 4, 3, 2, 1)])
    removing.delete(small, [5, 1])
    add(small, take_in, "b.jsonl", [{"text": "a new one"}])
    assert [row[:2] for row in runs.queue(small, "suspects")] == [(1, 6), (2, 4), (3, 3), (4, 2)]
    assert list(tweets.listing(small, sort="suspect")) == [6, 4, 3, 2, 7]


def test_what_is_blind_stays_blind_when_others_are_deleted(small):
    runs.save_queue(small, "mix", [(6, 0.9, "random", False), (3, 0.5, "diverse", True)])
    removing.delete(small, [6])
    assert runs.queue(small, "mix") == [(1, 3, 0.5, "diverse", True)]


def test_predictions_of_deleted_tweets_are_not_taken_in(small):
    removing.delete(small, [2])
    run = predict(small, range(1, 9))
    assert runs.get(small, run).predictions == 5
    assert integrity.check(small) == []


@pytest.mark.parametrize("gone", [[1], [3], [6], [5, 6], [1, 2, 3, 4, 5, 6]])
def test_texts_are_compared_whatever_is_gone(gone, small, take_in):
    near = "the stock of the company goes up and up and up for the whole of the long day"
    removing.delete(small, gone[:1])
    near_duplicate_groups.compare_new_tweets(small)
    removing.delete(small, gone)
    rows = [{"id": n, "text": f"{near} {'!' * n}"} for n in range(2)]
    add(small, take_in, "b.jsonl", rows)
    near_duplicate_groups.compare_new_tweets(small)
    assert groups.count_uncompared(small) == 0
    assert [t.group for t in tweets.each(small)][-2:] == [7, 7]
    removing.delete(small, [8])
    add(small, take_in, "c.jsonl", [{"id": 3, "text": f"{near} ?"}])
    near_duplicate_groups.compare_new_tweets(small)
    assert Counter(t.group for t in tweets.each(small))[7] == 2
    assert integrity.check(small) == []


@pytest.mark.parametrize("name", ["confidence", "disagreement", "margin"])
def test_tweets_deleted_while_predictions_come_in_are_in_no_order(name, small, reopen, monkeypatch):
    rebuild = order_index.rebuild

    def rebuild_while_somebody_deletes(writer, run, order, values):
        in_slices = writer.in_slices

        def delete_first(what, *given):
            if (order, what) == (name, "sorted"):
                removing.delete(reopen(small, "ben"), [3])
            in_slices(what, *given)

        monkeypatch.setattr(writer, "in_slices", delete_first)
        rebuild(writer, run, order, values)

    monkeypatch.setattr(order_index, "rebuild", rebuild_while_somebody_deletes)
    run = predict(small, range(1, 7))
    assert runs.get(small, run).predictions == 5
    assert list(tweets.listing(small, sort=name)).count(3) == 0
    assert integrity.check(small) == []


SECRET = "schwarzwaelderkirschtorte"
WORDS = (SECRET[:12], "hazelnutperson", "rhubarbnote")


@pytest.fixture
def secretive(small, take_in):
    """The workspace with a tweet that somebody wants to be deleted, and the id of that tweet."""
    rows = [{"text": f"row {n}", "note": f"plain {n}"} for n in range(300)]
    rows[150] = {"text": f"I like {SECRET} very much", "who": "hazelnutperson"}
    add(small, take_in, "b.jsonl", rows)
    (number,) = tweets.listing(small, SECRET)
    labels.annotate(small, number, "rhubarbnote")
    (small.folder.parent / "b.jsonl").unlink()
    return small, number


def words_left(store, words=WORDS):
    """Which words of the deleted tweet are in which file of the workspace."""
    contents = {p.name: p.read_bytes() for p in store.folder.rglob("*") if p.is_file()}
    return {(name, w) for name, content in contents.items() for w in words if w.encode() in content}


def test_no_file_of_the_workspace_holds_a_word_of_them(secretive):
    store, number = secretive
    assert words_left(store)
    removing.delete(store, [number])
    assert words_left(store) == set()
    assert not traces.left(store)


def test_pages_that_were_freed_hold_no_word_of_them(small, take_in):
    rows = [{"text": f"row {n} secretname{n}x word{n % 977}"} for n in range(2_000)]
    add(small, take_in, "b.jsonl", rows)
    removing.delete(small, [number for number in range(7, 2_007) if number % 50 == 0])
    words = [f"secretname{number - 7}x" for number in range(7, 2_007) if number % 50 == 0]
    assert words_left(small, words) == set()
    assert small.db.execute("PRAGMA freelist_count").fetchone() == (0,)


def test_what_a_refused_file_had_is_not_left_in_free_pages(small, take_in, monkeypatch):
    monkeypatch.setattr(staging.StagedImport, "group", lambda *given, **more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rows = [{"text": f"a {SECRET} {n} " * length} for n in range(300) for length in (1, 300)]
        add(small, take_in, "b.jsonl", rows)
    small.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (small.folder / "workbench.db").read_bytes().count(f"a {SECRET}".encode()) == 0


def test_who_was_killed_while_wiping_has_left_it_to_the_next_command(secretive, monkeypatch, cli):
    store, number = secretive
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(traces, "wipe", Mock(side_effect=KeyboardInterrupt))
        removing.delete(store, [number])
    assert traces.left(store) and words_left(store)
    assert cli("-w", store.folder, "status").status == 0
    assert not traces.left(store)
    assert words_left(store) == set()


def test_whoever_reads_meanwhile_has_the_log_emptied_later(secretive, monkeypatch, cli):
    monkeypatch.setattr("storage.store.BUSY_MS", 50)
    store, number = secretive
    with closing(sqlite3.connect(store.folder / "workbench.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM tweets").fetchone()
        found = cli("-w", store.folder, "delete-tweets", number, "--yes")
        assert "the next command wipes them" in found.out
    assert traces.left(store)
    cli("-w", store.folder, "status")
    assert words_left(store) == set()


def test_a_full_disk_leaves_the_wiping_for_later(secretive, monkeypatch):
    store, number = secretive
    with monkeypatch.context() as patched:
        patched.setattr("shutil.disk_usage", lambda path: Mock(free=1_000))
        assert removing.delete(store, [number]).tweets == 1
    assert traces.left(store)
    traces.wipe_rest(store)
    assert words_left(store) == set()


def test_nothing_is_waited_for_while_an_import_goes_on(secretive):
    store, _ = secretive
    with lock_imports(store, lambda: None):
        traces.wipe_rest(store)


def test_an_import_that_was_killed_is_none(small):
    small.db.execute("INSERT INTO imports (path, at, columns) VALUES ('killed.csv', 0, '{}')")
    with pytest.raises(UserError, match="There is no import 2"):
        unimporting.unimport(small, 2)
    assert integrity.check(small) == []
