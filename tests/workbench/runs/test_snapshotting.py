"""What a run may learn from: never a test tweet, nor a text equal to one."""

from __future__ import annotations

import importlib
import json
import sqlite3
from collections import Counter

import pyarrow.parquet as pq
import pytest

from storage.errors import UserError
from storage.history import labels
from storage.query import tweets
from storage.runs import runs
from storage.text import normalise
from workbench.recipes import recipes
from workbench.rundir import folder as run_folder
from workbench.rundir import tables
from workbench.runs.snapshotting import snapshot_clone, snapshot_prediction, snapshot_training

BASELINE = recipes.load("baseline")


def frozen(store, recipe=BASELINE, filter_text=""):
    made = snapshot_training(store, recipe, "some/base", filter_text)
    return (
        made,
        tables.read_snapshot(made.path / "train.parquet"),
        tables.read_snapshot(made.path / "dev.parquet"),
    )


def test_the_folder_holds_the_labels_as_they_are_now(surge):
    labels.assign(surge, [1], "Positive")
    made, train, _ = frozen(surge)
    rows = {tweet.id: tweet for tweet in tweets.each(surge)}
    assert train.ids
    for number, text, label in zip(train.ids, train.texts, train.labels, strict=True):
        assert (text, label) == (rows[number].text, rows[number].label)
    assert made.train == len(train.ids)
    predict = pq.read_table(made.path / "predict.parquet").to_pydict()
    assert predict["id"] == list(range(1, 501))
    assert predict["text"] == [tweet.text for tweet in rows.values()]
    assert made.path.stat().st_mode & 0o777 == 0o700


def test_no_test_tweet_and_no_text_equal_to_one_is_trained_on(surge):
    for number in tweets.listing(surge, "split:test")[:20]:
        wrong = tweets.tweet(surge, number).label == "Positive"
        labels.assign(surge, [number], "Negative" if wrong else "Positive")
    _, train, dev = frozen(surge)
    test = list(tweets.each(surge, "split:test"))
    assert len(test) > 70
    assert not {tweet.id for tweet in test} & {*train.ids, *dev.ids}
    forbidden = {normalise(tweet.text) for tweet in test}
    assert not forbidden & {normalise(text) for text in (*train.texts, *dev.texts)}
    assert len(train.ids) == 500 - len(test)


def test_a_double_of_a_test_tweet_is_left_out_whatever_its_case_or_link(make_store, fill):
    rows = [
        {"text": "Buy $TSLA now https://t.co/abc @ana", "label": "positive", "split": "test"},
        {
            "text": "buy  $tsla NOW http://other.example/x @ben",
            "label": "positive",
            "split": "train",
        },
        {"text": "ＢＵＹ $TSLA now www.x.y @c", "label": "negative", "split": "dev"},
        {"text": "buy $TSLA later", "label": "positive", "split": "train"},
        {"text": "sell $TSLA later", "label": "negative", "split": "train"},
    ]
    store = fill(make_store(), rows)
    _, train, dev = frozen(store)
    assert (train.ids, dev.ids) == ([4, 5], [])
    labels.assign(store, [1, 2, 3], "negative")
    assert frozen(store)[1].ids == [4, 5]


def test_a_double_that_comes_with_a_later_file_is_left_out(make_store, fill):
    store = fill(
        make_store(),
        [
            {"text": "up we go", "label": "positive", "split": "test"},
            {"text": "bull run", "label": "positive", "split": "train"},
            {"text": "bear market", "label": "negative", "split": "train"},
        ],
    )
    store = fill(store, [{"text": "UP we go", "label": "positive", "split": "train"}])
    store = fill(store, [{"text": "BULL run", "label": "positive", "split": "test"}])
    _, train, _ = frozen(store)
    assert train.ids == [3]


@pytest.fixture
def told_twice(make_store, fill):
    """A test tweet and some to learn from; a nearly equal text of the test tweet, to train on."""
    words = " ".join(f"word{n}" for n in range(40))
    rows = [{"text": words, "label": "positive", "split": "test"}]
    rows += [{"text": f"number {n}", "label": "negative", "split": "train"} for n in range(4)]
    return fill(make_store(), rows), {"text": f"{words} more", "label": "positive"}


@pytest.mark.parametrize(
    "where",
    [
        "workbench.evaluation.near_duplicate_groups.compare_new_tweets",
        "storage.runs.training_set.split_for_training",
        "storage.query.tweets.texts_passing",
    ],
)
def test_a_double_that_comes_in_while_a_run_is_frozen_is_not_trained_on(
    where, told_twice, fill, reopen, monkeypatch
):
    """An import ends after the comparing, or before anything that is read for the run."""
    store, double = told_twice
    module, name = where.rsplit(".", 1)
    step = getattr(importlib.import_module(module), name)
    files = [[double | {"split": "train"}]]

    def interrupted(*arguments):
        found = step(*arguments) if name == "compare_new_tweets" else None
        if files:
            fill(reopen(store, "ben"), files.pop())
        return step(*arguments) if found is None else found

    monkeypatch.setattr(where, interrupted)
    made, train, _ = frozen(store)
    assert not files
    assert train.ids == [2, 3, 4, 5]
    known = 6 if name == "compare_new_tweets" else 5
    assert tables.read_snapshot(made.path / "predict.parquet").ids == list(range(1, 1 + known))
    assert runs.get(store, made.job.id).state == "queued"
    assert frozen(store)[1].ids == [2, 3, 4, 5]


def test_imports_that_never_end_are_said(told_twice, fill, reopen, monkeypatch):
    store, _ = told_twice
    other, numbers = reopen(store, "ben"), iter(range(1_000))
    monkeypatch.setattr("workbench.evaluation.near_duplicate_groups.MOST_TRIES", 2)
    monkeypatch.setattr(
        "workbench.evaluation.near_duplicate_groups.compare_new_tweets",
        lambda store: fill(other, [{"text": f"one more {next(numbers)}"}]),
    )
    with pytest.raises(UserError, match="Tweets keep coming in; repeat this when the imports"):
        frozen(store)
    assert list(store.runs_folder.iterdir()) == []
    labels.assign(store, [1], "negative")


def test_a_run_that_cannot_be_recorded_leaves_no_folder(small, monkeypatch):
    def add(store, *arguments, **more):
        store.db.execute("PRAGMA defer_foreign_keys = ON")
        store.db.execute("INSERT INTO undone (action) VALUES (999)")  # what COMMIT refuses
        return added(store, *arguments, **more)

    added = runs.add
    with monkeypatch.context() as patch:
        patch.setattr(runs, "add", add)
        with pytest.raises(sqlite3.IntegrityError):
            snapshot_training(small, BASELINE, None, "")
    assert runs.every(small) == []
    assert list(small.runs_folder.iterdir()) == []
    assert snapshot_training(small, BASELINE, None, "").job.id == 1


def test_a_dev_text_is_not_trained_on(make_store, fill):
    store = fill(
        make_store(),
        [
            {"text": "up we go", "label": "positive", "split": "dev"},
            {"text": "UP we go", "label": "positive", "split": "train"},
            {"text": "bear market", "label": "negative", "split": "train"},
        ],
    )
    _, train, dev = frozen(store)
    assert (train.ids, dev.ids) == ([3], [1])


def test_excluded_ambiguous_and_unlabelled_tweets_are_left_out(small):
    labels.mark(small, [1], "excluded", True)
    labels.mark(small, [2], "ambiguous", True)
    labels.mark(small, [3], "review", True)
    labels.assign(small, [4], None)
    _, train, _ = frozen(small)
    assert train.ids == [3, 5]


def test_without_a_dev_split_a_share_of_the_groups_is_held_out(make_store, fill):
    rows = [
        {
            "text": f"{'Text' if copy else 'text'} {n * 7919} {n * 104729} {n * n}",
            "label": "positive",
            "split": "train",
        }
        for n in range(200)
        for copy in (0, 1)
    ]
    store = fill(make_store(), rows)
    recipe = recipes.load("fast", ["training.dev_share=0.3"])
    made, train, dev = frozen(store, recipe)
    assert not set(train.groups) & set(dev.groups)
    assert set(Counter(dev.groups).values()) == {2}
    assert 0.2 < len(dev.ids) / 400 < 0.4
    assert (made.train, made.dev) == (len(train.ids), len(dev.ids))
    again = frozen(store, recipe)[2]
    assert again.ids == dev.ids
    assert frozen(store, recipes.load("fast", ["training.dev_share=0"]))[2].ids == []


def test_the_data_hash_follows_texts_and_labels(small):
    first = frozen(small)[0].job.data_hash
    assert frozen(small)[0].job.data_hash == first
    labels.mark(small, [1], "review", True)
    assert frozen(small)[0].job.data_hash == first
    labels.assign(small, [1], "negative")
    changed = frozen(small)[0].job.data_hash
    assert changed != first
    labels.undo(small)
    assert frozen(small)[0].job.data_hash == first


def test_the_job_says_what_was_asked_for(small):
    recipe = recipes.load("seed", ["lora.r=8"])
    made = snapshot_training(small, recipe, "some/base", "label:positive")
    job = run_folder.read_job(made.path)
    assert job == made.job
    assert (job.recipe.lora.r, job.base, job.labels) == (8, "some/base", ("positive", "negative"))
    assert job.words == ("Positive", "Negative")
    assert job.versions["torch"]
    assert tables.read_snapshot(made.path / "predict.parquet").ids == [1, 2, 3]
    assert runs.get(small, job.id).state == "queued"
    assert run_folder.read_state(made.path).state == "queued"
    assert json.loads((made.path / "run.json").read_text())["uid"] == job.uid


def test_a_changed_label_does_not_reach_a_frozen_run(small):
    made, before, _ = frozen(small)
    labels.assign(small, [1, 2, 3], "negative")
    assert tables.read_snapshot(made.path / "train.parquet") == before


@pytest.mark.parametrize("query", ["label:nope", "(", "run:99"])
def test_a_refused_run_leaves_nothing_behind(query, small):
    with pytest.raises(UserError):
        snapshot_training(small, BASELINE, None, query)
    with pytest.raises(UserError):
        snapshot_prediction(small, recipes.load("fast"), "some/base", query, None)
    assert runs.every(small) == []
    assert list(small.runs_folder.iterdir()) == []


def test_a_prediction_of_nothing_is_refused_and_leaves_nothing(small):
    with pytest.raises(UserError, match="No tweet passes the filter"):
        snapshot_prediction(small, recipes.load("fast"), "some/base", "id:>99", None)
    assert runs.every(small) == []
    assert list(small.runs_folder.iterdir()) == []


def test_nothing_to_train_on_is_refused(make_store, fill):
    store = fill(make_store(), [{"text": "up we go", "split": "train"}])
    with pytest.raises(UserError, match="No training tweet carries a label"):
        snapshot_training(store, BASELINE, None, "")
    assert runs.every(store) == []


def test_fewer_than_two_labels_are_refused(make_store, fill):
    rows = [{"text": "up we go", "label": "positive", "split": "train"}]
    store = fill(make_store(labels=("positive",)), rows)
    with pytest.raises(UserError, match="fewer than two labels"):
        snapshot_training(store, BASELINE, None, "")
    assert runs.every(store) == []


def test_a_run_folder_of_another_life_is_left_alone(small):
    """A database restored from a backup may count its runs from an earlier number."""
    (small.runs_folder / "1").mkdir()
    (small.runs_folder / "1" / "precious").write_text("adapter")
    made = snapshot_training(small, BASELINE, None, "")
    assert made.path != small.runs_folder / "1"
    assert (small.runs_folder / "1" / "precious").read_text() == "adapter"


def test_labels_respelt_in_the_settings_are_still_trained_on(small, reopen):
    small.close()
    path = small.folder / "workbench.toml"
    path.write_text(path.read_text().replace('"positive"', '"Positive"'))
    _, train, _ = frozen(reopen(small))
    assert sorted(train.ids) == [1, 2, 3, 4, 5]
    assert set(train.labels) == {"Positive", "negative"}


def test_a_text_with_a_nul_is_frozen_whole(make_store, fill):
    rows = [
        {"text": "up \x00 we go", "label": "positive", "split": "train"},
        {"text": "down it goes", "label": "negative", "split": "train"},
    ]
    made, train, _ = frozen(fill(make_store(), rows))
    assert train.texts[0] == "up \x00 we go"
    assert tables.read_snapshot(made.path / "predict.parquet").texts[0] == "up \x00 we go"


def test_a_prediction_asks_as_its_adapter_was_trained_whatever_the_settings_are_now(small, reopen):
    made = snapshot_training(small, recipes.load("tiny"), "some/base", "")
    (made.path / run_folder.ADAPTER).mkdir()
    small.close()
    path = small.folder / "workbench.toml"
    changed = path.read_text().replace("### Human: {text}", "Text: {text}")
    path.write_text(
        changed.replace("[words]", '[words]\npositive = "Up"').replace('"negative"', '"NEGATIVE"')
    )
    store = reopen(small)
    assert (store.config.template, store.config.word("positive")) == (
        "Text: {text}\n### Assistant:",
        "Up",
    )
    asked = snapshot_prediction(
        store, made.job.recipe, "some/base", "", made.path / run_folder.ADAPTER
    ).job
    for name in ("words", "template", "prompt"):
        assert getattr(asked, name) == getattr(made.job, name)
    assert asked.labels == ("positive", "NEGATIVE")
    plain = snapshot_prediction(store, made.job.recipe, "some/base", "", None).job
    assert (plain.template, plain.words) == (store.config.template, ("Up", "NEGATIVE"))


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_clone_leaves_out_what_has_become_a_test_tweet(make_store, fill, elsewhere):
    """Also of a run that came from another workspace, where the tweets have other numbers."""
    texts = [f"{word} {n}" for n in range(6) for word in ("wonderful news", "terrible loss")]
    rows = [
        {"text": text, "label": ("positive", "negative")[n % 2], "split": "train"}
        for n, text in enumerate(texts)
    ]
    store = fill(make_store(), rows)
    source = snapshot_training(store, recipes.load("baseline"), None, "").path
    if elsewhere:
        path = source / run_folder.TRAIN
        table = pq.read_table(path)
        shifted = [number % 12 + 1 for number in table["id"].to_pylist()]
        pq.write_table(table.set_column(0, "id", [shifted]), path)
    again = snapshot_clone(store, source, recipes.load("baseline"), None)
    assert (again.train, again.now_test) == (12, 0)
    assert again.job.data_hash == run_folder.read_job(source).data_hash
    store = fill(store, [{"text": texts[3].upper(), "label": "negative", "split": "test"}])
    made = snapshot_clone(store, source, recipes.load("baseline"), None)
    trained_on = pq.read_table(made.path / run_folder.TRAIN)["text"].to_pylist()
    assert trained_on == [text for text in texts if text != texts[3]]
    assert (made.train, made.now_test) == (11, 1)
    assert made.job.data_hash != again.job.data_hash
    fill(store, [{"text": text.upper(), "split": "test"} for text in texts])
    with pytest.raises(UserError, match="All tweets that run 1 was trained on are test tweets"):
        snapshot_clone(store, source, recipes.load("baseline"), None)
