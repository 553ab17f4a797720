"""What in the labels speaks against training is said before a run starts, and in the card."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq
import pytest

from storage.history import labels
from storage.runs import training_set
from storage.transactions import transaction
from workbench.modeling.export.model_card import model_card
from workbench.planning.class_balance import balance_warnings
from workbench.recipes import recipes
from workbench.rundir import folder as run_folder
from workbench.runs.snapshotting import snapshot_training

LABELS = ("up", "down", "flat")
EVEN = dict.fromkeys(LABELS, 100)


@pytest.mark.parametrize(
    ("splits", "told"),
    [
        ({"train": EVEN, "dev": EVEN, "test": EVEN}, ()),
        ({"train": EVEN}, ()),
        ({}, ()),
        ({"train": {"up": 1_200}}, ("All 1,200 tweets to train on are labelled up",)),
        (
            {"train": {"up": 100, "down": 19}},
            ("Fewer than 20 tweets to train on are labelled down (19), flat (0)",),
        ),
        (
            {"train": EVEN, "test": {"up": 200, "down": 200, "flat": 400}},
            (
                "The 800 labelled test tweets have other shares than those to train on: "
                "up 25.0 % instead of 33.3 %, down 25.0 % instead of 33.3 %, flat 50.0 %",
            ),
        ),
        ({"train": EVEN, "dev": {"up": 350, "down": 350, "flat": 300}}, ()),
    ],
)
def test_each_warning_is_one_sentence(splits, told):
    found = balance_warnings(splits, LABELS)
    assert len(found) == len(told)
    for (_, sentence), begin in zip(found, told, strict=True):
        assert sentence.startswith(begin) and sentence.endswith(".") and "chance" not in sentence


def test_a_difference_of_few_tweets_may_be_chance():
    [(_, told)] = balance_warnings({"train": EVEN, "dev": {"up": 5, "down": 2, "flat": 3}}, LABELS)
    assert told.startswith("The 10 labelled dev tweets") and told.endswith("that can be chance.")


def test_what_is_counted_is_what_is_trained_on(make_store, fill):
    rows = [
        {"text": f"{split} {n}", "label": ("positive", "negative")[n % 2], "split": split}
        for split in ("train", "dev", "test")
        for n in range(6)
    ]
    rows += [{"text": "DEV 0", "label": "positive", "split": "train"}]  # is not trained on
    store = fill(make_store(), rows)
    labels.mark(store, [1], "excluded", True)
    train, dev = training_set.training(store)
    counts = training_set.label_counts(store)
    assert counts["train"] == {"positive": 2, "negative": 3} and len(train) == 5
    assert sum(counts["dev"].values()) == len(dev) == 6
    assert counts["test"] == {"positive": 3, "negative": 3}
    store.db.execute("PRAGMA foreign_keys = OFF")
    unfinished = 1_000  # a row of an import that goes on, which nobody sees yet
    with transaction(store.db) as db:
        db.execute(
            "INSERT INTO current (tweet, gold, label, split, group_id, length) "
            "VALUES (?, 1, 1, 'test', 1000, 4)",
            [unfinished],
        )
    assert training_set.label_counts(store) == counts


def test_tweets_that_are_held_out_are_not_counted_as_trained_on(make_store, fill):
    rows = [
        {"text": f"text {n}", "label": ("positive", "negative")[n % 2], "split": "train"}
        for n in range(40)
    ]
    store = fill(make_store(), rows)
    recipe = recipes.load("tiny", ["training.dev_share=0.3"])
    made = snapshot_training(store, recipe, "some/base", "")
    told = " ".join(run_folder.read_job(made.path).warnings)
    train = Counter(pq.read_table(made.path / run_folder.TRAIN)["label"].to_pylist())
    assert 0 < train["positive"] < 20 and f"positive ({train['positive']})" in told


def test_a_run_its_dry_run_and_its_card_hold_the_warnings(small, cli):
    [(_, told)] = balance_warnings(training_set.label_counts(small), small.config.labels)
    made = snapshot_training(small, recipes.load("tiny"), "some/base", "")
    assert run_folder.read_job(made.path).warnings == (told,)
    arguments = ("train", "--dry-run", "--recipe", "baseline", "-w", small.folder)
    assert f"! {told}" in cli(*arguments).out
    assert cli(*arguments, "--json").json["warnings"] == [told]
    details = {
        "base": "some/base",
        "recipe": recipes.load("tiny").as_json(),
        "max_length": 64,
        "labels": ["positive", "negative"],
        "words": ["Positive", "Negative"],
        "label_token_ids": [[1], [2]],
        "end_token_id": 0,
        "template": "{text}:",
    }
    assert f"\n{told}\n" in model_card(details | {"warnings": [told]}, merged=False)
    assert "\n\n\n" not in model_card(details, merged=False).partition("```python")[0]
