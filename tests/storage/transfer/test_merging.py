"""A second import of tweets that are there: what is taken, what is told, and what stays."""

from __future__ import annotations

import csv
import json
from collections import Counter

import pytest

from storage import groups
from storage.history import integrity, labels, snapshots
from storage.query import tweets
from storage.runs import runs, training_set
from storage.transfer import exporting, unimporting
from workbench.evaluation import near_duplicate_groups

TEXTS = ["up we go", "to the moon", "bull run", "down it goes", "bear market", "no idea"]
FORMS = {
    "out.csv": None,
    "out.jsonl": None,
    "out.parquet": None,
    "task.json": "labelstudio",
    "records.json": "argilla",
}


def current(store):
    return [(t.label, t.flags, t.note, t.split) for t in tweets.each(store)]


def rows_as(write, name, rows):
    return write(name, "".join(json.dumps(row) + "\n" for row in rows))


def changes(report, kind):
    """(old, new): how many tweets, of one kind of difference."""
    found = [d for d in report.merged.differences if d.kind == kind]
    return {(c.old, c.new): c.tweets for d in found for c in d.changes}


def test_a_label_is_taken_where_there_is_none_as_an_event_of_the_importer(
    small, take_in, write, reopen
):
    path = rows_as(write, "more.jsonl", [{"text": "no idea", "label": "negative"}])
    store, report = take_in(reopen(small, "ben"), path)
    assert (report.added, report.existing, report.merged.labelled) == (0, 1, 1)
    assert report.merged.differences == ()
    found = tweets.tweet(store, 6)
    assert (found.label, found.gold, found.reviewed) == ("negative", None, False)
    event = labels.history(store, 6)[-1]
    assert (event["annotator"], event["kind"], event["new"]) == ("ben", "merge", "negative")
    assert tweets.counts(store).labelled == 6
    assert integrity.check(store) == []
    labels.undo(store)
    assert tweets.tweet(store, 6).label is None


def test_what_differs_is_counted_by_kind_and_left_alone(small, take_in, write):
    labels.assign(small, [2], "negative")
    labels.mark(small, [3], "review", True)
    before = current(small)
    rows = [
        {"text": "up we go", "label": "negative", "split": "test"},
        {"text": "to the moon", "label": "positive", "split": "train", "note": "who says so?"},
        {"text": "bull run", "label": "positive", "flags": "excluded"},
        {"text": "down it goes", "label": "negative", "split": "dev"},
        {"text": "no idea", "label": None},
    ]
    store, report = take_in(small, rows_as(write, "again.jsonl", rows))
    assert current(store) == before
    assert changes(report, "labels") == {("positive", "negative"): 1, ("negative", "positive"): 1}
    assert changes(report, "flags") == {(0, 1): 1, (1, 0): 1}
    assert changes(report, "notes") == {(None, None): 1}
    assert changes(report, "splits") == {("train", "test"): 1, ("train", "dev"): 1}
    assert [(d.kind, d.tweets) for d in report.merged.differences] == [
        ("labels", 2),
        ("flags", 1),
        ("notes", 1),
        ("splits", 2),
    ]
    assert report.merged.updated == {}


UPDATED = [
    {"text": "up we go", "label": "negative", "split": "test", "flags": "review"},
    {"text": "to the moon", "label": "positive", "note": "a joke"},
    {"text": "no idea", "label": "positive"},
]


@pytest.mark.parametrize(
    ("kinds", "first"),
    [
        ({"labels"}, ("negative", [], None, "train")),
        ({"flags"}, ("positive", ["review"], None, "train")),
        ({"notes"}, ("positive", [], None, "train")),
        ({"splits"}, ("positive", [], None, "test")),
        ({"labels", "flags", "notes", "splits"}, ("negative", ["review"], None, "test")),
    ],
)
def test_an_update_takes_what_it_names_and_one_undo_brings_all_back(
    kinds, first, small, take_in, write
):
    before, counts = current(small), tweets.counts(small)
    path = rows_as(write, "more.jsonl", UPDATED)
    store, report = take_in(small, path, update=frozenset(kinds))
    after = current(store)
    assert after[0] == first
    assert after[1][2] == ("a joke" if "notes" in kinds else None)
    assert after[5][0] == "positive"
    assert set(report.merged.updated) == kinds
    assert integrity.check(store) == []
    labels.undo(store)
    assert (current(store), tweets.counts(store)) == (before, counts)
    assert integrity.check(store) == []
    labels.redo(store)
    assert current(store) == after
    assert integrity.check(store) == []


def test_a_dry_run_tells_the_same_and_changes_nothing(small, take_in, write, state_of):
    path = rows_as(write, "more.jsonl", [*UPDATED, {"text": "a new one", "label": "positive"}])
    before, events = state_of(small), labels.history(small)
    update = frozenset({"labels", "splits"})
    told = take_in(small, path, dry_run=True, update=update)[1]
    assert (state_of(small), labels.history(small)) == (before, events)
    assert tweets.listing(small) == range(1, 7)
    assert take_in(small, path, update=update)[1] == told


def test_the_same_file_again_is_no_edit(make_store, take_in, write):
    rows = [{"text": "up we go", "label": "positive", "note": "from the agency", "flags": "review"}]
    path = rows_as(write, "a.jsonl", rows)
    store, _ = take_in(make_store(), path)
    store, report = take_in(store, path)
    assert (report.existing, report.merged.differences) == (1, ())
    rows[0] |= {"note": "from another agency", "flags": "excluded"}
    store, report = take_in(store, rows_as(write, "b.jsonl", rows))
    assert [(d.kind, d.tweets) for d in report.merged.differences] == [("flags", 1), ("notes", 1)]


def test_a_split_without_a_value_says_nothing(make_store, take_in, write):
    rows = [{"text": t, "split": "test"} for t in TEXTS]
    store, _ = take_in(make_store(), rows_as(write, "a.jsonl", rows))
    rows = [{"text": t, "split": "test" if t == "no idea" else ""} for t in TEXTS]
    _, report = take_in(store, rows_as(write, "b.jsonl", rows))
    assert (report.existing, report.merged.differences) == (6, ())


@pytest.mark.parametrize(("old", "new"), [("test", "train"), ("train", "test"), ("dev", "train")])
def test_a_group_moves_with_its_tweet_and_only_by_an_update(old, new, make_store, take_in, write):
    rows = [
        {"id": n, "text": text, "label": "positive", "split": old}
        for n, text in enumerate(["Up we go", "up we go", "UP WE GO", "down"])
    ]
    store, _ = take_in(make_store(), rows_as(write, "a.jsonl", rows))
    path = rows_as(write, "b.jsonl", [rows[1] | {"split": new}])
    store, report = take_in(store, path)
    assert tweets.split_counts(store) == {old: 4}
    assert changes(report, "splits") == {(old, new): 1}
    store, report = take_in(store, path, update=frozenset({"splits"}))
    assert [t.split for t in tweets.each(store)] == [new, new, new, old]
    assert report.merged.updated == {"splits": 3}
    train, dev = training_set.training(store)
    learnt = {example.id for example in (*train, *dev)}
    assert learnt == {t.id for t in tweets.each(store) if t.split != "test"}
    labels.undo(store)
    assert tweets.split_counts(store) == {old: 4}


@pytest.mark.parametrize("near", [False, True])
def test_who_has_joined_a_group_since_goes_along_with_undo_and_redo(
    near, make_store, take_in, write
):
    text = "the stock of the company goes up and up and up for the whole of the long day"
    rows = [{"id": n, "text": text, "split": "train"} for n in range(2)]
    store, _ = take_in(make_store(), rows_as(write, "a.jsonl", [*rows, {"text": "flat"}]))
    path = rows_as(write, "b.jsonl", [rows[0] | {"split": "test"}])
    take_in(store, path, update=frozenset({"splits"}))
    rows_as(write, "c.jsonl", [{"id": 9, "text": text + " !" if near else text}])
    take_in(store, path.with_name("c.jsonl"))
    near_duplicate_groups.compare_new_tweets(store)

    def splits():
        return [(t.group, t.split) for t in tweets.each(store) if t.id != 3]

    assert splits() == [(1, "test")] * 3
    preview = labels.undo_preview(store, "undo")
    assert preview.changes == {("split", "test", "train"): 3}
    assert labels.undo(store).tweets == (1, 2, 4)
    assert splits() == [(1, "train")] * 3
    assert len(training_set.training(store)[0]) == 0 and groups.leaks(store) == 0
    labels.redo(store)
    assert splits() == [(1, "test")] * 3
    unimporting.unimport(store, 2)
    assert splits() == [(1, "train")] * 3
    assert integrity.check(store) == []


def test_a_tweet_whose_file_says_its_split_does_not_go_along(make_store, take_in, write):
    rows = [{"id": n, "text": "up we go", "split": "train"} for n in range(2)]
    store, _ = take_in(make_store(), rows_as(write, "a.jsonl", rows[:1]))
    update = frozenset({"splits"})
    take_in(store, rows_as(write, "b.jsonl", [rows[0] | {"split": "test"}]), update=update)
    take_in(store, rows_as(write, "c.jsonl", [rows[1] | {"split": "test"}]))
    take_in(store, write("d.csv", "id,text\n2,up we go\n"), split="test")
    labels.undo(store)
    assert [t.split for t in tweets.each(store)] == ["train", "test", "test"]
    assert training_set.training(store) == ([], [])


@pytest.mark.parametrize("held_out", ["test", "dev"])
def test_a_group_that_the_file_has_in_two_splits_is_held_out(held_out, make_store, take_in, write):
    rows = [{"id": n, "text": "up we go", "split": held_out} for n in range(2)]
    store, _ = take_in(make_store(), rows_as(write, "a.jsonl", rows))
    rows[0]["split"] = "train"
    store, report = take_in(store, rows_as(write, "b.jsonl", rows), update=frozenset({"splits"}))
    assert [t.split for t in tweets.each(store)] == [held_out, held_out]
    assert report.merged.updated == {}


def test_a_group_that_came_in_two_splits_stays_so_where_the_file_says_nothing_else(
    make_store, take_in, write
):
    rows = [{"id": n, "text": "up we go", "split": ("train", "test")[n]} for n in range(2)]
    path = rows_as(write, "a.jsonl", rows)
    store, _ = take_in(make_store(), path)
    store, report = take_in(store, path, update=frozenset({"splits"}))
    assert [t.split for t in tweets.each(store)] == ["train", "test"]
    assert (report.merged.differences, report.merged.updated) == ((), {})


def test_figures_of_runs_are_stale_after_a_split_has_changed(small, take_in, write):
    run = runs.add(small, "a", "train", "fast", None, ("positive", "negative"))
    runs.save_evaluation(small, run, "test", {})
    path = rows_as(write, "b.jsonl", [{"text": "up we go", "split": "test"}])
    take_in(small, path, update=frozenset({"splits"}))
    assert small.db.execute("SELECT event FROM evaluations").fetchone() == (-1,)


@pytest.mark.parametrize("name", FORMS)
def test_an_export_that_was_edited_elsewhere(name, small, take_in, tmp_path):
    labels.assign(small, [1], "negative")
    labels.annotate(small, 2, "a joke")
    exporting.export(small, tmp_path / name, form=FORMS[name])
    store, report = take_in(small, tmp_path / name)
    assert (report.existing, report.merged.labelled, report.merged.differences) == (6, 0, ())
    labels.assign(store, [1], "positive")
    labels.assign(store, [3], "negative")
    labels.mark(store, [4], "excluded", True)
    labels.annotate(store, 2, "no joke")
    before = current(store)
    store, report = take_in(store, tmp_path / name)
    assert current(store) == before
    assert changes(report, "labels") == {("positive", "negative"): 1, ("negative", "positive"): 1}
    assert [(d.kind, d.tweets) for d in report.merged.differences] == [
        ("labels", 2),
        ("flags", 1),
        ("notes", 1),
    ]
    store, _ = take_in(store, tmp_path / name, update=frozenset({"labels", "flags", "notes"}))
    now = {t.id: t for t in tweets.each(store)}
    assert (now[1].label, now[3].label, now[2].note, now[4].flags) == (
        "negative",
        "positive",
        "a joke",
        [],
    )
    assert integrity.check(store) == []


def test_a_spreadsheet_in_which_a_label_was_changed(small, take_in, tmp_path, read_csv):
    path = tmp_path / "out.csv"
    exporting.export(small, path)
    rows = read_csv(path)
    rows[0]["label"], rows[3]["flags"], rows[4]["split"] = "negative", "ambiguous", "test"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    _, report = take_in(small, path)
    assert Counter({d.kind: d.tweets for d in report.merged.differences}) == {
        "labels": 1,
        "flags": 1,
        "splits": 1,
    }


def test_splits_travel_with_their_history(small, take_in, write, make_store, tmp_path):
    path = rows_as(write, "b.jsonl", [{"text": "up we go", "split": "test"}])
    take_in(small, path, update=frozenset({"splits"}))
    exporting.export(small, tmp_path / "out.jsonl")
    other, _ = take_in(make_store(name="other"), tmp_path / "out.jsonl")
    assert current(other) == current(small)
    event = labels.history(other, 1)[-1]
    assert (event["field"], event["old"], event["new"]) == ("split", "train", "test")
    assert integrity.check(other) == []
    labels.undo(other)
    assert tweets.tweet(other, 1).split == "train"


def test_an_export_whose_split_was_edited_is_in_that_split(
    small, take_in, write, make_store, tmp_path
):
    path = rows_as(write, "b.jsonl", [{"text": "up we go", "split": "test"}])
    take_in(small, path, update=frozenset({"splits"}))
    exporting.export(small, tmp_path / "out.jsonl")
    text = (tmp_path / "out.jsonl").read_text()
    (tmp_path / "out.jsonl").write_text(text.replace('"split": "test"', '"split": "dev"', 1))
    other, _ = take_in(make_store(name="other"), tmp_path / "out.jsonl")
    assert tweets.tweet(other, 1).split == "dev"


def test_a_snapshot_holds_labels_and_marks_and_no_splits(small, take_in, write):
    snapshots.take(small, "before")
    path = rows_as(write, "more.jsonl", UPDATED)
    store, _ = take_in(small, path, update=frozenset({"labels", "splits"}))
    snapshots.restore_snapshot(store, "before")
    first = tweets.tweet(store, 1)
    assert (first.label, first.split) == ("positive", "test")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "id,text,label\n1,up we go,positive\n2,down it is,negative\n",
            "text,label\nup we go,positive\ndown it is,positive\n",
        ),
        (
            "text,label\nup we go,positive\ndown it is,negative\n",
            "id,text,label\n7,up we go,positive\n8,down it is,positive\n",
        ),
        (
            "id,text,label\n1.05E+18,up we go,positive\n1.05E+18,down it is,negative\n",
            "id,text,label\n1050118621198921728,up we go,positive\n"
            "1050118621198921729,down it is,positive\n",
        ),
    ],
    ids=["ids, then none", "none, then ids", "rounded, then exact"],
)
def test_where_one_side_has_no_id_the_text_tells(first, second, make_store, take_in, write):
    store, _ = take_in(make_store(), write("a.csv", first))
    store, report = take_in(store, write("b.csv", second))
    assert (report.read, report.added, report.existing) == (2, 0, 2)
    assert [(kind.kind, kind.tweets) for kind in report.merged.differences] == [("labels", 1)]


def test_an_exact_id_goes_before_a_text_alone(make_store, take_in, write):
    rows = "id,text\n,up we go\n1,up we go\n"
    store, report = take_in(make_store(), write("a.csv", "id,text\n1,up we go\n"))
    store, report = take_in(store, write("b.csv", rows))
    assert (report.added, report.existing) == (1, 1)
    assert [tweet.external_id for tweet in tweets.each(store)] == ["1", None]
    assert take_in(store, write("b.csv", rows))[1].added == 0


def test_ids_that_several_texts_have_are_told(make_store, take_in, write):
    store, report = take_in(make_store(), write("a.csv", "id,text\n1,up we go\n1,down it is\n"))
    assert report.added == 2
    assert report.notices[-1].startswith(
        "1 tweet has an id (column 'id') that a tweet with another"
    )
    store, report = take_in(store, write("b.csv", "id,text\n1,something else\n2,and more of it\n"))
    assert report.notices[-1].startswith("1 tweet has an id")
    assert not any(
        "has an id" in n
        for n in take_in(store, write("b.csv", "id,text\n2,and more of it\n"))[1].notices
    )
