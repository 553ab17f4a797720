"""Which run is shown, promoted and offered, and orders that nothing can be made of."""

from __future__ import annotations

import pytest

from storage.errors import MissingPrerequisite, UserError
from storage.history import labels
from storage.query import order_validity, tweets
from storage.runs import displayed_run, runs, suspect_ranking
from storage.runs.predictions import Prediction, add_predictions, remove_predictions

LABELS = ("positive", "negative")
BY_PREDICTION = ("confidence", "margin", "disagreement")
ABOUT_PREDICTIONS = (
    "pred:positive",
    "conf:>0.5",
    "margin:<0.5",
    "entropy:>0",
    "disagree:no",
    "insample:no",
    "moon or -pred:negative",
)


def add(store, kind="baseline", scored=6):
    """A run that is done, with predictions for the first tweets."""
    run = runs.add(store, f"{kind} {len(runs.every(store))}", kind, kind, None, LABELS)
    rows = [Prediction(n, (0.2, 0.8), 0.6, 0.5, False) for n in range(1, scored + 1)]
    add_predictions(store, run, rows)
    runs.update(store, run, state="done")
    return run


def test_the_first_run_is_shown_and_the_next_is_offered(small, reopen):
    assert displayed_run.shown_run(small) is None
    assert add(small) == displayed_run.shown_run(small) == 1
    assert displayed_run.offered(small) is None
    assert add(small, "qlora") == displayed_run.offered(small) == 2
    again = reopen(small)
    assert (displayed_run.shown_run(again), displayed_run.offered(again)) == (1, 2)
    displayed_run.show(again, 2)
    assert (displayed_run.shown_run(small), displayed_run.offered(small)) == (2, None)
    assert tweets.tweet(small, 1).run == 2


def test_an_offer_that_is_left_does_not_come_back_and_the_next_does(small):
    add(small), add(small)
    displayed_run.dismiss(small)
    assert (displayed_run.shown_run(small), displayed_run.offered(small)) == (1, None)
    assert add(small) == displayed_run.offered(small) == 3


def test_a_run_that_scored_a_few_tweets_stands_behind_one_that_scored_many(small):
    add(small), add(small, "qlora"), add(small, "few", scored=1)
    assert displayed_run.offered(small) == 2, "the newest is of one tweet"
    assert [run.id for run in runs.comparable(runs.every(small))] == [2, 1]
    displayed_run.show(small, 2)
    assert displayed_run.offered(small) is None
    add(small, "few", scored=1)
    assert displayed_run.offered(small) == 4, "there is no other"


def test_the_suspects_are_ranked_by_the_newest_run_of_a_recipe_that_scored_as_many(small):
    add(small), add(small, "qlora"), add(small, "qlora", scored=1), add(small, "few", scored=1)
    assert suspect_ranking.voting_runs(small) == [1, 4, 2], "run 3 scored one tweet, run 2 all"
    add(small, "qlora", scored=5)
    assert suspect_ranking.voting_runs(small) == [1, 5, 4]
    displayed_run.promote(small, 3)
    assert suspect_ranking.voting_runs(small) == [3, 4, 1], "somebody has chosen that one"


def test_the_choice_of_an_older_run_answers_the_offers(small):
    add(small), add(small), add(small)
    displayed_run.show(small, 2)
    assert (displayed_run.shown_run(small), displayed_run.offered(small)) == (2, None)


def test_a_run_without_predictions_cannot_be_shown(small):
    waiting = runs.add(small, "uid", "qlora", "fast", None, LABELS)
    with pytest.raises(UserError, match=r"Run 1 \(queued\) has no predictions"):
        displayed_run.show(small, waiting)
    with pytest.raises(UserError, match="no run 9"):
        displayed_run.show(small, 9)


def test_a_deleted_run_gives_way_to_the_promoted_one_or_to_none(small):
    add(small), add(small), add(small)
    displayed_run.promote(small, 1)
    displayed_run.show(small, 3)
    runs.delete(small, 3)
    assert (displayed_run.shown_run(small), displayed_run.promoted_run(small)) == (1, 1)
    runs.delete(small, 1)
    assert (displayed_run.shown_run(small), displayed_run.promoted_run(small)) == (None, None)
    with pytest.raises(
        MissingPrerequisite, match=r"No run is shown, .*; `workbench shown 2` shows run"
    ):
        tweets.listing(small, sort="margin")
    assert tweets.listing(small, sort="margin", run=2)


@pytest.mark.parametrize(
    ("meanwhile", "shown", "promoted"),
    [
        (lambda store: None, 2, 2),
        (lambda store: displayed_run.show(store, 1), 1, 2),
        (lambda store: displayed_run.promote(store, 1), 2, 1),
        (lambda store: displayed_run.promote(store, None), 2, None),
        (lambda store: runs.delete(store, 1), 2, 2),
        (lambda store: (add(store, "qlora"), displayed_run.promote(store, 4)), 4, 4),
    ],
)
def test_a_run_that_comes_back_is_what_it_was_unless_another_is(small, meanwhile, shown, promoted):
    add(small), add(small), add(small)
    displayed_run.show(small, 2)
    displayed_run.promote(small, 2)
    runs.delete(small, 2)
    remove_predictions(small, 2)
    assert (displayed_run.shown_run(small), displayed_run.promoted_run(small)) == (None, None)
    meanwhile(small)
    was_shown = displayed_run.shown_run(small)
    runs.update(small, 2, state="queued")
    assert displayed_run.shown_run(small) == was_shown
    add_predictions(small, 2, [Prediction(1, (0.2, 0.8), 0.6, 0.5, False)])
    runs.update(small, 2, state="done")
    found = runs.get(small, 2)
    now = displayed_run.shown_run(small), displayed_run.promoted_run(small)
    assert now == (shown, promoted)
    assert (found.shown, found.promoted) == (shown == 2, promoted == 2)
    assert displayed_run.offered(small) != 2


def test_what_is_shown_for_a_deleted_run_stays_when_another_is_promoted(small):
    add(small), add(small), add(small)
    displayed_run.promote(small, 1)
    displayed_run.show(small, 3)
    runs.delete(small, 3)
    displayed_run.promote(small, 2)
    assert (displayed_run.shown_run(small), displayed_run.promoted_run(small)) == (1, 2)


def test_only_a_run_that_is_done_is_promoted(small):
    runs.add(small, "uid", "qlora", "fast", None, LABELS)
    with pytest.raises(UserError, match="Run 1 is queued; only a run that is done"):
        displayed_run.promote(small, 1)
    add(small)
    displayed_run.promote(small, 2)
    assert [run.promoted for run in runs.every(small)] == [True, False]
    displayed_run.promote(small, None)
    assert displayed_run.promoted_run(small) is None


# Orders and filters that rest on what is not there


@pytest.mark.parametrize("sort", BY_PREDICTION)
def test_an_order_by_predictions_is_refused_without_any(small, sort):
    with pytest.raises(
        MissingPrerequisite,
        match=f"sorted by {sort}; `workbench train --recipe baseline --wait` makes",
    ):
        tweets.listing(small, sort=sort)
    waiting = runs.add(small, "uid", "qlora", "fast", None, LABELS)
    with pytest.raises(
        MissingPrerequisite, match=r"Run 1 \(queued\) has no predictions, so the list"
    ):
        tweets.listing(small, sort=sort, run=waiting)
    runs.delete(small, waiting)
    add(small)
    assert len(tweets.listing(small, sort=sort)) == 6
    runs.delete(small, 2)
    with pytest.raises(MissingPrerequisite, match="no predictions yet"):
        tweets.listing(small, sort=sort)


@pytest.mark.parametrize("query", ABOUT_PREDICTIONS)
def test_a_filter_about_predictions_is_refused_without_any(small, query):
    with pytest.raises(
        MissingPrerequisite, match=r"There are no predictions yet, so [a-z]+: finds"
    ):
        tweets.listing(small, query)
    add(small)
    tweets.listing(small, query)


def test_a_filter_that_names_a_run_without_predictions_is_refused(small):
    runs.add(small, "uid", "qlora", "fast", None, LABELS)
    with pytest.raises(MissingPrerequisite, match=r"Run 1 \(queued\) has no predictions"):
        tweets.listing(small, "run:1")


def test_that_a_tweet_has_no_prediction_is_true_without_any(small):
    assert list(tweets.listing(small, "pred:none")) == [1, 2, 3, 4, 5, 6]


def test_the_order_of_suspects_is_refused_until_they_are_ranked(small):
    with pytest.raises(MissingPrerequisite, match="yet; `workbench suspects` ranks them"):
        tweets.listing(small, sort="suspect")
    run = runs.add(small, "uid", "baseline", "baseline", None, LABELS)
    with pytest.raises(MissingPrerequisite, match="No suspects are ranked yet, run 1 is at it"):
        tweets.listing(small, sort="suspect")
    add_predictions(small, run, [Prediction(2, (0.2, 0.8), 0.6, 0.5, False)])
    with pytest.raises(MissingPrerequisite, match="; `workbench suspects` ranks them"):
        tweets.listing(small, sort="suspect")
    runs.save_queue(small, "suspects", [(2, 0.5, "run 1 baseline")], run)
    assert list(tweets.listing(small, sort="suspect")) == [2, 1, 3, 4, 5, 6]
    runs.delete(small, run)
    with pytest.raises(MissingPrerequisite, match="No suspects are ranked yet"):
        tweets.listing(small, sort="suspect")


# What no longer stands


def test_a_ranking_is_stale_once_labels_change_or_another_run_would_rank(small):
    runs.save_queue(small, "suspects", [(2, 0.5, "run 1 baseline")], add(small))
    assert suspect_ranking.stale(small) == ""
    labels.assign(small, [1], "positive")  # as it was
    labels.mark(small, [2], "review", True)
    assert suspect_ranking.stale(small) == ""
    labels.assign(small, [1], "negative")
    assert suspect_ranking.stale(small) == "labels have changed since"
    runs.save_queue(small, "suspects", [(2, 0.5, "run 1 baseline")], 1)
    assert suspect_ranking.stale(small) == ""
    labels.mark(small, [3], "excluded", True)
    assert suspect_ranking.stale(small)
    runs.save_queue(small, "suspects", [(2, 0.5, "run 1 baseline")], 1)
    add(small)
    assert suspect_ranking.stale(small) == "run 2 has not ranked them"
    displayed_run.promote(small, 1)
    assert suspect_ranking.stale(small) == ""


@pytest.mark.parametrize(
    ("query", "sort", "edit", "stale"),
    [
        ("", "disagreement", lambda s: labels.assign(s, [1], "negative"), True),
        ("", "disagreement", lambda s: labels.assign(s, [1], "positive"), False),
        ("", "disagreement", lambda s: labels.annotate(s, 1, "note"), False),
        ("", "changed", lambda s: labels.annotate(s, 1, "note"), True),
        ("", "length", lambda s: labels.assign(s, [1], "negative"), False),
        ("", "margin", lambda s: labels.assign(s, [1], "negative"), False),
        ("pred:positive len:>3", "id", lambda s: labels.assign(s, [1], "negative"), False),
        ("label:positive", "id", lambda s: labels.assign(s, [1], "negative"), True),
        ("reviewed:no", "margin", lambda s: labels.assign(s, [1], "positive"), True),
        ("moon or flag:review", "id", lambda s: labels.mark(s, [1], "review", True), True),
    ],
)
def test_a_list_is_stale_once_an_edit_may_have_moved_a_tweet(small, query, sort, edit, stale):
    add(small)
    made_from = order_validity.basis(small, query, sort)
    assert not order_validity.stale(small, query, sort, made_from)
    edit(small)
    assert order_validity.stale(small, query, sort, made_from) == stale


def test_an_accuracy_is_stale_once_labels_of_its_split_change(small):
    report = {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9, "macro_f1": 0.7, "n": 5}
    run = add(small)
    for split in ("train", "test"):
        runs.save_evaluation(small, run, split, report)
    labels.assign(small, [1], "positive")  # as it was
    assert not any(r["stale"] for r in runs.get(small, run).metrics.values())
    labels.assign(small, [1], "negative")
    found = runs.get(small, run).metrics
    assert (found["train"]["stale"], found["test"]["stale"]) == (True, False)
    runs.save_evaluation(small, run, "train", report)
    assert not runs.get(small, run).metrics["train"]["stale"]
    labels.undo(small)
    assert runs.get(small, run).metrics["train"]["stale"]
