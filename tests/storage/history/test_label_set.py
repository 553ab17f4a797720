"""Renaming, merging, adding, removing labels: classes stay what they are, steps can be undone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from storage import config, judgements
from storage.errors import UsageError, UserError
from storage.history import integrity, label_set, labels, ratings, snapshots
from storage.history.external_changes import refresh_labels
from storage.label_changes import settings_behind
from storage.query import paging, tweets
from storage.runs import class_folding, runs
from storage.runs.predictions import Prediction, add_predictions, predictions_for, predictions_of
from storage.store import open_store, settle_labels
from storage.transfer import exporting

NAMES = ("positive", "negative", "very negative", "neutral")
PROBABILITIES = {1: (0.7, 0.1, 0.1, 0.1), 2: (0.1, 0.3, 0.25, 0.35), 3: (0.1, 0.1, 0.7, 0.1)}
"""Tweet 2 is neutral until two labels become one."""
MARGINS = (0.6, 0.05, 0.6)
SETTINGS = """\
# the owner's words
labels = [
  "positive",
  "negative",  # the second
  "very negative",
  "neutral",
]
template = "{text}"

[words]
# how the model says it
negative = "Bad"  # short

[keys]
"very negative" = "w"

[definitions]
"very negative" = "Worse than bad."
"""


def rows(count=12):
    return ({"text": f"tweet {n}", "label": NAMES[n % 4]} for n in range(count))


@pytest.fixture
def store(make_store, fill):
    """Twelve tweets, three of each label, and a run that knows the labels."""
    made = fill(make_store(labels=NAMES), rows())
    number = runs.add(made, "one", "baseline", "baseline", None, NAMES)
    add_predictions(
        made,
        number,
        [
            Prediction(n, p, m, 1.3, False)
            for (n, p), m in zip(PROBABILITIES.items(), MARGINS, strict=True)
        ],
    )
    runs.update(made, number, state="done")
    runs.save_evaluation(
        made,
        number,
        "test",
        {"accuracy": 1, "accuracy_low": 0, "accuracy_high": 1, "macro_f1": 1, "n": 3}
        | {"labels": list(NAMES), "per_label": {"negative": 1}},
    )
    return made


def write_settings(store, text=SETTINGS):
    (store.folder / config.FILE_NAME).write_text(text)
    settle_labels(store)


def settings_text(store):
    return (store.folder / config.FILE_NAME).read_text()


def count(store, text):
    return paging.count(store, paging.list_query(store, text))


def state(store):
    return store.db.execute("SELECT tweet, gold, label, changed FROM current").fetchall()


def predicted(store):
    sql = "SELECT tweet, label, round(confidence, 5), round(margin, 5) FROM predictions"
    return store.db.execute(sql).fetchall()


def test_a_rename_is_of_the_name_alone(store):
    before = state(store), predicted(store), tweets.counts(store)
    label_set.rename(store, "negative", "bearish")
    assert store.config.labels == ("positive", "bearish", "very negative", "neutral")
    assert (state(store), predicted(store), tweets.counts(store)) == before
    assert count(store, "label:bearish gold:bearish") == 3
    [run] = runs.every(store)
    assert run.labels == run.answers == ("positive", "bearish", "very negative", "neutral")
    report = json.loads(store.db.execute("SELECT report FROM evaluations").fetchone()[0])
    assert report["labels"][1] == "bearish"
    assert report["per_label"] == {"bearish": 1}
    assert not run.metrics["test"]["stale"]
    assert integrity.check(store) == []


def test_the_history_keeps_the_old_name_and_says_when_it_changed(store):
    labels.assign(store, [1], "negative")
    label_set.rename(store, "negative", "bearish")
    labels.assign(store, [1], "bearish")
    told = [(e["kind"], e["old"], e["new"]) for e in labels.history(store, 1)]
    assert told == [
        ("gold import", None, "positive"),
        ("set", "positive", "negative"),
        ("rename label", "negative", "bearish"),
        ("set", "bearish", "bearish"),
    ]
    assert [e["new"] for e in labels.history(store, 2)] == ["negative", "bearish"]
    assert [e["kind"] for e in labels.history(store)][:2] == ["set", "rename label"]


def test_a_rename_is_undone_and_done_again(store):
    label_set.rename(store, "negative", "bearish")
    assert labels.undo(store).labels == ("'bearish' is called 'negative'",)
    assert store.config.labels == NAMES == config.load(store.folder).labels
    labels.redo(store)
    assert "bearish" in config.load(store.folder).labels
    again = open_store(store.folder)
    assert again.config.label("negative") == "bearish"
    again.close()


def test_workbench_toml_keeps_its_comments_and_what_it_says_of_a_label(store):
    write_settings(store)
    label_set.rename(store, "negative", "bearish trend")
    assert settings_text(store) == SETTINGS.replace('  "negative",', '  "bearish trend",').replace(
        'negative = "Bad"', '"bearish trend" = "Bad"'
    )
    labels.undo(store)
    assert settings_text(store) == SETTINGS


def test_a_merge_takes_along_what_is_said_of_a_label_and_undo_puts_it_back(store):
    write_settings(store)
    label_set.merge(store, ["very negative"], "negative")
    assert config.load(store.folder).labels == ("positive", "negative", "neutral")
    assert "very negative" not in settings_text(store)
    labels.undo(store)
    back = config.load(store.folder)
    assert back.labels == NAMES
    assert back.keys == {"very negative": "w"}
    assert back.definitions == {"very negative": "Worse than bad."}
    assert "# how the model says it" in settings_text(store)


def test_merged_labels_are_one_class_everywhere(store):
    change = label_set.merge(store, ["very negative"], "negative")
    assert len(change.tweets) == 3
    assert count(store, "label:negative") == 6
    assert count(store, 'gold:"very negative"') == 3
    [run] = runs.every(store)
    assert run.labels == ("positive", "negative", "neutral")
    by_tweet = {p.tweet: p.probabilities for p in predictions_of(store, run.id)}
    assert by_tweet[2] == pytest.approx((0.1, 0.55, 0.35))
    [card] = predictions_for(store, 2)
    assert (card.label, card.probabilities) == ("negative", pytest.approx((0.1, 0.55, 0.35)))
    assert count(store, "pred:negative") == 2
    assert predicted(store)[1][1:] == (store.label_ids["negative"], 0.55, 0.2)
    found = tweets.window(store, tweets.listing(store, sort="confidence"), run.id)
    assert [t.confidence for t in found if t.confidence] == pytest.approx([0.55, 0.7, 0.8])
    assert integrity.check(store) == []


def test_a_merge_is_undone_and_done_again(store):
    before = state(store)[:], predicted(store), tweets.counts(store)
    label_set.merge(store, ["very negative", "neutral"], "negative")
    merged = [row[:3] for row in state(store)]
    labels.undo(store)
    assert [row[:3] for row in state(store)] == [row[:3] for row in before[0]]
    assert (predicted(store), tweets.counts(store)) == before[1:]
    assert runs.every(store)[0].labels == NAMES
    labels.redo(store)
    assert [row[:3] for row in state(store)] == merged
    assert config.load(store.folder).labels == ("positive", "negative")
    assert integrity.check(store) == []


def test_labels_merge_into_a_new_one_in_the_place_of_the_first(store):
    label_set.merge(store, ["negative", "very negative"], "bad")
    assert config.load(store.folder).labels == ("positive", "bad", "neutral")
    assert count(store, "label:bad") == 6
    labels.undo(store)
    assert config.load(store.folder).labels == NAMES


def test_merges_one_after_another_lead_to_the_last_label(store):
    label_set.merge(store, ["very negative"], "negative")
    label_set.merge(store, ["negative"], "neutral")
    assert runs.every(store)[0].labels == ("positive", "neutral")
    assert store.config.label("very negative") == "neutral"
    labels.undo(store)
    labels.undo(store)
    assert runs.every(store)[0].labels == NAMES


def test_a_name_that_was_merged_away_can_be_taken_again(store):
    label_set.merge(store, ["very negative"], "negative")
    label_set.rename(store, "negative", "very negative")
    assert config.load(store.folder).labels == ("positive", "very negative", "neutral")
    assert count(store, 'label:"very negative"') == 6
    assert runs.every(store)[0].labels == ("positive", "very negative", "neutral")
    labels.undo(store)
    assert count(store, "label:negative") == 6
    labels.undo(store)
    assert config.load(store.folder).labels == NAMES
    assert [row[2] for row in state(store)] == [row[1] for row in state(store)]


def test_what_others_labelled_since_is_left_alone_by_undo(store, reopen):
    label_set.merge(store, ["very negative"], "negative")
    labels.assign(reopen(store, "ben"), [3], "positive")
    change = labels.undo(store)
    assert (change.skipped, change.conflict.annotator) == (1, "ben")
    assert count(store, 'label:"very negative"') == 2


def test_an_older_step_of_somebody_else_gives_the_label_that_there_is_now(store, reopen):
    ben = reopen(store, "ben")
    labels.assign(ben, [3], "positive")
    label_set.merge(store, ["very negative"], "negative")
    labels.undo(ben)
    assert tweets.tweet(store, 3).label == "negative"


def test_undo_is_refused_where_the_old_name_is_another_labels_by_now(store, reopen):
    label_set.rename(store, "negative", "bearish")
    label_set.add(reopen(store, "ben"), "negative")
    with pytest.raises(UserError, match="'negative'"):
        labels.undo(store)
    assert "bearish" in config.load(store.folder).labels


def test_an_added_label_that_is_used_by_now_stays(store, reopen):
    label_set.add(store, "mixed")
    labels.assign(reopen(store, "ben"), [1], "mixed")
    with pytest.raises(UserError, match="1 tweets carry 'mixed' by now"):
        labels.undo(store)
    assert "mixed" in config.load(store.folder).labels


def test_only_a_label_that_no_tweet_carries_can_be_removed(store):
    with pytest.raises(UserError, match="3 tweets carry 'neutral'"):
        label_set.remove(store, "neutral")
    labels.assign(store, tweets.listing(store, "label:neutral"), "positive")
    label_set.remove(store, "neutral")
    assert store.config.labels == NAMES[:3]
    labels.undo(store)
    assert store.config.labels == NAMES


@pytest.mark.parametrize(
    "new", ["positive", "Positive", "p\u043esitive", "none", " ", "two\nlines", "negative"]
)
def test_names_that_cannot_be_are_refused(store, new):
    with pytest.raises(UsageError):
        label_set.rename(store, "negative", new)
    assert config.load(store.folder).labels == NAMES


def test_a_label_may_change_its_case(store):
    label_set.rename(store, "negative", "Negative")
    assert config.load(store.folder).labels[1] == "Negative"
    assert count(store, "label:negative") == 3


def test_judgements_are_of_the_label_that_there_is_now(make_store, fill):
    store = fill(
        make_store(labels=NAMES),
        [
            {"text": "one", "label": label, "annotator": who}
            for who, label in (("ana", "negative"), ("ben", "very negative"))
        ],
    )
    assert judgements.conflicts(store.db) == {1}
    label_set.merge(store, ["very negative"], "negative")
    assert judgements.conflicts(store.db) == set()
    assert tweets.tweet(store, 1).label == "negative"
    assert {r.label for r in ratings.ratings(store)} == {"negative"}
    labels.undo(store)
    assert tweets.tweet(store, 1).label is None
    assert judgements.conflicts(store.db) == {1}
    label_set.rename(store, "negative", "bad")
    assert {r.label for r in ratings.ratings(store)} == {"bad", "very negative"}


def test_a_snapshot_of_before_comes_back_in_the_labels_of_now(store):
    snapshots.take(store, "before")
    label_set.rename(store, "negative", "bearish")
    label_set.merge(store, ["very negative"], "bearish")
    labels.assign(store, [1, 3], "neutral")
    told = snapshots.label_changes_between(
        store, snapshots.find(store, "before"), snapshots.find(store, "now")
    )
    assert told == [
        "'negative' was renamed 'bearish'",
        "'very negative' was merged into 'bearish'",
    ]
    assert snapshots.restore_snapshot(store, "before").tweets == (1, 3)
    assert tweets.tweet(store, 3).label == "bearish"
    with pytest.raises(UserError, match="Nothing differs"):
        snapshots.restore_snapshot(store, "before")


@pytest.mark.parametrize("clock", [(5, 5, 5), (9, 5, 1)], ids=["at once", "a clock set back"])
def test_what_was_renamed_since_a_snapshot_is_told_whatever_the_time_was(store, clock, monkeypatch):
    new_names = ("bad", "bearish", "down")
    for at, name, new in zip(clock, ("first", "second", "third"), new_names, strict=True):
        monkeypatch.setattr(time, "time_ns", lambda at=at: at * 10**9)
        snapshots.take(store, name)
        label_set.rename(store, store.config.labels[0], new)

    def told(a, b):
        found = (snapshots.find(store, name) for name in (a, b))
        return [line.split()[-1] for line in snapshots.label_changes_between(store, *found)]

    assert told("first", "second") == told("second", "first") == ["'bad'"]
    assert told("second", "third") == ["'bearish'"]
    assert told("third", "now") == ["'down'"]
    assert told("gold", "now") == ["'bad'", "'bearish'", "'down'"]
    assert [one.name for one in snapshots.every(store)] == ["first", "second", "third"]
    newest_first = [event["new"] for event in labels.history(store) if event["field"] == "labels"]
    assert newest_first == ["down", "bearish", "bad"]
    tweet = tweets.listing(store, "label:down")[0]
    assert [e["new"] for e in labels.history(store, tweet)[-3:]] == ["bad", "bearish", "down"]


@pytest.mark.parametrize("step", ["before the settings", "before the mark"])
def test_a_rename_that_was_killed_half_way_is_finished_at_the_next_start(store, monkeypatch, step):
    write_settings(store)

    class Killed(BaseException):
        pass

    def kill(*_):
        raise Killed

    if step == "before the settings":
        monkeypatch.setattr("storage.history.label_set.settle_labels", kill)
    else:
        monkeypatch.setattr("storage.config.os.fsync", lambda _: None)
        write = config.write

        def write_and_die(*arguments):
            write(*arguments)
            raise Killed

        monkeypatch.setattr("storage.label_changes.config_file.write", write_and_die)
    with pytest.raises(Killed):
        label_set.rename(store, "negative", "bearish")
    monkeypatch.undo()
    assert settings_behind(store.db)
    again = open_store(store.folder)
    assert not settings_behind(again.db)
    assert again.config.labels == ("positive", "bearish", "very negative", "neutral")
    assert set(again.label_ids) == set(again.config.labels)
    assert config.load(store.folder).words == {"bearish": "Bad"}
    again.close()


def test_predictions_that_wait_for_a_merge_follow_later(store, monkeypatch):
    monkeypatch.setattr("storage.history.label_set.fold_pending", lambda *_: None)
    label_set.merge(store, ["very negative"], "negative")
    assert count(store, "pred:neutral") == 1
    told = []
    class_folding.fold_pending(store, lambda *done: told.append(done))
    assert told == [(12, 12)]
    assert count(store, "pred:neutral") == 0
    before = store.db.total_changes
    class_folding.fold_pending(store)
    assert store.db.total_changes == before


def test_predictions_of_a_run_that_began_before_are_taken_in(store):
    number = runs.add(store, "two", "baseline", "baseline", None, NAMES)
    label_set.rename(store, "negative", "bearish")
    label_set.merge(store, ["very negative"], "bearish")
    add_predictions(store, number, [Prediction(2, PROBABILITIES[2], 0.05, 1.3, False)])
    assert tweets.tweet(store, 2, number).pred == "bearish"
    assert tweets.tweet(store, 2, number).confidence == pytest.approx(0.55)


def test_another_process_goes_by_the_new_names(store, reopen):
    ben = reopen(store, "ben")
    label_set.rename(store, "negative", "bearish")
    labels.assign(ben, [1], "negative")  # it has not looked yet, and means the same label
    assert tweets.tweet(store, 1).label == "bearish"
    assert refresh_labels(ben)
    assert ben.config.labels == store.config.labels
    assert not refresh_labels(ben)
    label_set.remove(store, label_set.add(store, "mixed") and "mixed")
    assert refresh_labels(ben)


def test_a_label_that_was_merged_meanwhile_is_given_as_what_it_became(store, reopen):
    ben = reopen(store, "ben")
    label_set.merge(store, ["very negative"], "negative")
    labels.assign(ben, [1], "very negative")  # it has not looked yet
    assert tweets.tweet(store, 1).label == "negative"


def test_files_of_before_mean_the_labels_of_now(store, fill, take_in, tmp_path, make_store):
    labels.assign(store, [1], "very negative")
    exporting.export(store, tmp_path / "before.jsonl")
    label_set.rename(store, "negative", "bearish")
    label_set.merge(store, ["very negative"], "bearish")
    after = [t.as_json() for t in tweets.each(store)]
    for path in (tmp_path / "before.jsonl", store.folder.parent / "workspace.jsonl"):
        store, report = take_in(store, path)
        assert report.added == report.merged.events == report.merged.settled == 0
    assert [t.as_json() for t in tweets.each(store)] == after
    fill(store, [{"text": "a new one", "label": "very negative"}])
    assert tweets.tweet(store, 13).label == "bearish"
    exporting.export(store, tmp_path / "after.jsonl")
    other, _ = take_in(make_store("other", labels=()), tmp_path / "after.jsonl")
    assert [t.label for t in tweets.each(other)] == [t.label for t in tweets.each(store)]
    assert take_in(store, tmp_path / "after.jsonl")[1].merged.events == 0


def test_a_label_that_was_seen_under_its_old_name_is_a_conflict(store, reopen):
    ben = reopen(store, "ben")
    label_set.rename(store, "negative", "bearish")
    refresh_labels(ben)
    with pytest.raises(UserError, match="changed by somebody meanwhile"):
        labels.assign(ben, [2], "positive", seen={2: "negative"})
    labels.assign(store, [2], None)
    with pytest.raises(UserError, match="changed by somebody meanwhile"):
        labels.assign(ben, [2], "positive", seen={2: "negative"})


KILLED = """
import os, signal, sys
from pathlib import Path
from storage import label_changes
from storage.history import label_set
from storage.store import open_store

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

write = label_changes.config_file.write

def write_and_die(*arguments):
    write(*arguments)
    die()

store = open_store(Path(sys.argv[1]), "ana")
step = sys.argv[2]
if step == "settings":
    label_set.settle_labels = die
elif step == "mark":
    label_changes.config_file.write = write_and_die
else:
    label_set.fold_pending = die
label_set.merge(store, ["very negative"], "negative")
"""
"""Merges labels and is killed before a step."""


@pytest.mark.parametrize("step", ["settings", "mark", "predictions"])
def test_a_merge_whose_process_is_killed_is_finished_by_the_next_command(store, cli, step):
    ended = subprocess.run([sys.executable, "-c", KILLED, str(store.folder), step], check=False)
    assert ended.returncode == -signal.SIGKILL
    entries = cli("-w", store.folder, "labels", "--json").json
    assert [entry["label"] for entry in entries] == ["positive", "negative", "neutral"]
    assert config.load(store.folder).labels == ("positive", "negative", "neutral")
    assert count(store, "label:negative") == 6
    assert count(store, "pred:negative") == 2
    cli("-w", store.folder, "--annotator", "ana", "undo")
    assert config.load(store.folder).labels == NAMES
    assert count(store, "pred:neutral") == 1
    assert integrity.check(store) == []
