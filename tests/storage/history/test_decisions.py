"""A review is an answer: it holds until it is undone, the label changes, or another run ranks."""

from __future__ import annotations

import pytest

from storage.history import decisions, labels, snapshots
from storage.query import tweets
from storage.runs import runs, suspect_ranking
from storage.runs.predictions import Prediction, add_predictions

LABELS = ("positive", "negative")


@pytest.fixture
def ranked(small):
    """Tweets 1 to 5 are suspects in this order, and the run disagrees about 1 to 3."""
    labels.assign(small, [4], "negative")  # before the run: it is no answer to it
    rank(small)
    return small


def rank(store):
    run = runs.add(store, str(len(runs.every(store))), "baseline", "baseline", None, LABELS)
    rows = [Prediction(n, (0.2, 0.8), 0.6, 0.5, False) for n in range(1, 6)]
    add_predictions(store, run, rows)
    runs.save_queue(store, "suspects", [(n, 1 / n, f"run {run}") for n in range(1, 6)], run)
    return run


def disagreeing(store, run=1):
    return tweets.disagreeing(store, range(1, 7), run, undecided=True)


def order(store):
    return list(tweets.listing(store, sort="suspect"))


@pytest.mark.parametrize(
    ("decide", "word"),
    [
        (lambda s: labels.assign(s, [2], "positive"), "kept by ana"),
        (lambda s: labels.assign(s, [2], "negative"), "positive → negative by ana"),
        (lambda s: labels.assign(s, [2], None), "positive → none by ana"),
        (lambda s: labels.mark(s, [2], "ambiguous", True), "ambiguous"),
        (lambda s: labels.mark(s, [2], "excluded", True), "excluded"),
    ],
)
def test_what_is_decided_leaves_the_queue_and_comes_back_with_undo(ranked, decide, word):
    assert decisions.decided(ranked, 1) == set()
    assert order(ranked) == [1, 2, 3, 4, 5, 6]
    assert disagreeing(ranked) == {1, 2, 3}
    assert suspect_ranking.count_undecided(ranked) == 5
    decide(ranked)
    assert suspect_ranking.count_undecided(ranked) == 4
    assert decisions.decided(ranked, 1) == {2}
    assert decisions.describe(ranked, [1, 2, 3], 1) == {2: word}
    assert order(ranked) == [1, 3, 4, 5, 2, 6]
    assert disagreeing(ranked) == {1, 3}
    labels.undo(ranked)
    assert decisions.decided(ranked, 1) == set()
    assert order(ranked) == [1, 2, 3, 4, 5, 6]
    labels.redo(ranked)
    assert decisions.decided(ranked, 1) == {2}


def test_a_flag_or_a_note_decides_nothing(ranked):
    labels.mark(ranked, [2], "review", True)
    labels.annotate(ranked, 2, "look again")
    assert decisions.decided(ranked, 1) == set()


def test_what_was_decided_before_the_run_is_no_answer_to_it(ranked):
    labels.annotate(ranked, 4, "an event after the run")
    assert decisions.decided(ranked, 1) == set()
    assert decisions.describe(ranked, [4], 1) == {}
    labels.assign(ranked, [4], "negative")
    assert decisions.decided(ranked, 1) == {4}


def test_a_label_that_is_changed_without_a_review_is_open_again(ranked):
    snapshots.take(ranked, "before")
    labels.assign(ranked, [2], "negative")
    assert decisions.decided(ranked, 1) == {2}
    snapshots.restore_snapshot(ranked, "before")
    assert decisions.decided(ranked, 1) == set()
    assert 2 in disagreeing(ranked)


def test_the_review_of_somebody_else_counts(ranked, reopen):
    labels.assign(reopen(ranked, "ben"), [2], "positive")
    assert decisions.describe(ranked, [2], 1) == {2: "kept by ben"}
    labels.assign(ranked, [2], "positive")
    labels.undo(ranked)
    assert decisions.describe(ranked, [2], 1) == {2: "kept by ben"}


def test_a_new_ranking_by_the_same_run_asks_nothing_again_and_one_by_a_new_run_does(ranked):
    labels.assign(ranked, [1], "positive")
    runs.save_queue(ranked, "suspects", [(n, 1 / n, "run 1") for n in range(1, 6)], 1)
    assert order(ranked)[:4] == [2, 3, 4, 5]
    second = rank(ranked)
    assert order(ranked)[:3] == [1, 2, 3]
    assert disagreeing(ranked) == {2, 3}  # with what the first run said it was compared
    assert disagreeing(ranked, second) == {1, 2, 3}
    assert list(tweets.listing(ranked, "reviewed:yes")) == [1, 4]
