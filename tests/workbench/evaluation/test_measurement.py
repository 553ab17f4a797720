"""What labelling has brought, from events beside predictions of which the answers are known."""

from __future__ import annotations

import pytest

from storage.history import labels
from storage.history.events import EditContext
from storage.history.suggestions import changes_between
from storage.runs import runs
from storage.runs.predictions import Prediction, add_predictions
from workbench.commands.measure import agreement_lines
from workbench.evaluation.measurement import measure


@pytest.fixture
def store(make_store, fill):
    """Tweets 1 to 20 and 31 to 50 of train without labels; 21 to 30 of test, all positive."""
    rows = [{"text": f"tweet {n} says {n * 7}", "split": "train"} for n in range(20)]
    rows += [
        {"text": f"test {n} of {n * 3}", "label": "positive", "split": "test"} for n in range(10)
    ]
    rows += [{"text": f"other {n} is {n * 9}", "split": "train"} for n in range(20)]
    return fill(make_store(), rows)


def add_run(store, positive, in_sample=(), kind="qlora"):
    """A run that predicts these tweets as positive and all others as negative."""
    number = runs.add(store, f"run {runs.newest(store)}", kind, kind, None, store.config.labels)
    add_predictions(
        store,
        number,
        [
            Prediction(n, (0.9, 0.1) if n in positive else (0.1, 0.9), 0.8, 0.3, n in in_sample)
            for n in range(1, 31)
        ],
    )
    runs.update(store, number, state="done")
    return number


def test_agreement_is_compared_between_blind_and_seen(store):
    run = add_run(store, range(1, 21))
    for tweet in range(1, 11):  # all but one of those seen are as predicted
        seen = EditContext("mix", run, "random", False)
        labels.assign(store, [tweet], "negative" if tweet == 1 else "positive", seen)
    for tweet in range(11, 21):  # half of the blind ones are
        blind = EditContext("mix", run, "random", True)
        labels.assign(store, [tweet], "negative" if tweet % 2 else "positive", blind)
    told = measure(store)["agreement"]
    assert (told["blind"]["value"], told["blind"]["n"]) == (0.5, 10)
    assert (told["seen"]["value"], told["seen"]["n"]) == (0.9, 10)
    assert told["difference"]["value"] == pytest.approx(0.4)
    assert told["difference"]["low"] < 0.4 < told["difference"]["high"]


def test_blind_answers_are_told_by_queue_and_those_of_suspects_only_there(store):
    run = add_run(store, range(1, 21))
    for tweet, source in enumerate(("suspects", "suspects", "suspect", "margin"), start=1):
        label = "positive" if tweet == 1 else "negative"
        labels.assign(store, [tweet], label, EditContext(source, run, None, True))
    labels.assign(store, [5], "positive", EditContext("suspects", run, None, False))
    found = measure(store)
    told = found["agreement"]
    assert (told["blind"]["value"], told["blind"]["n"], told["seen"]["n"]) == (0.0, 1, 0)
    by_queue = {one["queue"]: (one["value"], one["n"]) for one in told["blind_by_queue"]}
    assert by_queue == {"margin": (0.0, 1), "suspects": (pytest.approx(1 / 3), 3)}
    line = next(line for line in agreement_lines(found) if "by queue" in line)
    assert "suspects 33.3 % [" in line
    assert line.endswith("of 3. Suspects count here only.")


def test_what_does_not_count(store):
    run = add_run(store, range(1, 21), in_sample=[2])
    seen = EditContext("margin", run)
    labels.assign(store, [1], "positive", seen)
    labels.undo(store)
    labels.assign(store, [2], "positive", seen)  # in-sample
    labels.assign(store, [3, 4], "positive", seen)  # in bulk
    labels.assign(store, [5], "positive")  # without a prediction on the screen
    labels.assign(store, [6], "positive", EditContext("suspects", run))
    assert measure(store)["agreement"]["seen"]["n"] == 0
    labels.assign(store, [7], "negative", seen)
    labels.assign(store, [7], "positive", seen)  # the last decision counts
    assert measure(store)["agreement"]["seen"] | {"low": 0, "high": 0} == {
        "value": 1.0,
        "low": 0,
        "high": 0,
        "n": 1,
    }


def test_suggestions_taken_are_those_that_were_another_label(store):
    first = add_run(store, range(1, 21))
    seen = EditContext("margin", first)
    labels.assign(store, [1], "positive", seen)
    labels.assign(store, [2], "negative", seen)
    second = add_run(store, range(1, 21))
    labels.assign(store, [1], "positive", EditContext("margin", second))  # kept: nothing to take
    labels.assign(store, [2], "positive", EditContext("margin", second))
    found = {one["run"]: one["taken"] for one in measure(store)["suggestions"]}
    assert (found[first]["value"], found[first]["n"]) == (0.5, 2)
    assert (found[second]["value"], found[second]["n"]) == (1.0, 1)


def test_accuracy_gained_by_a_hundred_labels_and_by_source(store):
    first = add_run(store, range(21, 26))  # right on 5 of 10
    margin = EditContext("mix", first, "margin", False)
    for tweet in range(31, 51):
        labels.assign(store, [tweet], "positive", margin)
    second = add_run(store, range(21, 28))  # on 7
    labels.assign(store, [11], "positive", margin)
    labels.assign(store, [12], "positive")
    third = add_run(store, range(21, 28))
    add_run(store, range(21, 28), kind="baseline")  # of another kind, so compared with none
    assert changes_between(store, first, second) == {"margin": 20}
    found = measure(store)
    one, two = found["gains"]
    assert (one["runs"], one["changes"], one["sources"]) == ([first, second], 20, {"margin": 20})
    assert one["accuracy"]["value"] == pytest.approx(0.2)
    assert one["per_100"]["value"] == pytest.approx(1.0)
    assert two["per_100"] == {"value": None, "low": None, "high": None, "n": 2}
    assert (two["runs"], two["sources"]) == ([second, third], {"list": 1, "margin": 1})
    assert {row["source"]: row["changes"] for row in found["by_source"]} == {
        "margin": 20,
        "mixed": 2,
    }


def test_with_nothing_there_is_an_answer_all_the_same(store, make_store):
    for empty in (store, make_store("empty")):
        found = measure(empty)
        assert found["agreement"]["blind"] == {"value": None, "low": 0.0, "high": 1.0, "n": 0}
        assert (found["suggestions"], found["gains"], found["by_source"]) == ([], [], [])
