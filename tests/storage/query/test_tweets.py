"""Reading tweets: every order, a window of a list, one tweet, the counts."""

from __future__ import annotations

import math
import random

import pytest

from storage.errors import UsageError, UserError
from storage.history import labels
from storage.query import tweets
from storage.runs import displayed_run, runs
from storage.runs.predictions import Prediction, add_predictions, predictions_for

LABEL = ("positive", "negative")


@pytest.fixture
def listed(make_store, fill):
    """Forty tweets of different lengths; two runs, each with predictions for most of them."""
    texts = [f"text {n} " + "x" * (n * 7 % 40) for n in range(1, 41)]
    rows = [{"text": text, "label": LABEL[n % 2]} for n, text in enumerate(texts)]
    store = fill(make_store(), rows)
    for number in (1, 2):
        random.seed(number)
        run = runs.add(store, str(number), "baseline", "baseline", None, LABEL)
        drawn = {n: random.random() for n in range(1, 41) if n % 5}
        add_predictions(
            store,
            run,
            [
                Prediction(n, (p, 1 - p), abs(2 * p - 1), entropy(p), n % 3 == 0)
                for n, p in drawn.items()
            ],
        )
    displayed_run.show(store, 2)
    for number in (9, 30, 12):
        labels.assign(store, [number], "negative")
    runs.save_queue(store, "suspects", [(n, 1 / n, "run 1 baseline") for n in (17, 3, 40)])
    return store


def entropy(p):
    return -sum(v * math.log(v) for v in (p, 1 - p) if v)


def rows_of(store, run=None):
    return [tweets.tweet(store, n, run) for n in range(1, 41)]


@pytest.mark.parametrize("run", [None, 1, 2])
def test_by_confidence_the_least_sure_come_first_and_the_unscored_last(run, listed):
    rows = rows_of(listed, run)
    expected = sorted(rows, key=lambda t: (t.confidence is None, t.confidence or 0, t.id))
    assert list(tweets.listing(listed, sort="confidence", run=run)) == [t.id for t in expected]


def test_by_margin_the_closest_calls_come_first(listed):
    values = dict(listed.db.execute("SELECT tweet, margin FROM predictions WHERE run = 2"))
    expected = sorted(range(1, 41), key=lambda n: (n not in values, values.get(n, 0), n))
    assert list(tweets.listing(listed, sort="margin")) == expected


def test_by_disagreement_the_surest_disagreements_come_first(listed):
    ids = list(tweets.listing(listed, sort="disagreement"))
    disagree = {t.id: t.confidence for t in rows_of(listed) if t.disagrees}
    assert ids[: len(disagree)] == sorted(disagree, key=lambda n: (-disagree[n], n))
    assert sorted(ids) == list(range(1, 41))


def test_by_change_the_newest_come_first(listed):
    ids = list(tweets.listing(listed, sort="changed"))
    assert ids[:3] == [12, 30, 9]
    assert ids[3:] == [n for n in range(1, 41) if n not in (12, 30, 9)]


def test_by_length_the_longest_come_first(listed):
    expected = sorted(rows_of(listed), key=lambda t: (-len(t.text), t.id))
    assert list(tweets.listing(listed, sort="length")) == [t.id for t in expected]


def test_by_suspicion_the_queue_comes_first(listed):
    ids = list(tweets.listing(listed, sort="suspect"))
    assert ids[:3] == [17, 3, 40]
    assert ids[3:] == [n for n in range(1, 41) if n not in (17, 3, 40)]


@pytest.mark.parametrize("sort", tweets.SORTS)
def test_every_order_keeps_the_filter(sort, listed):
    ids = tweets.listing(listed, "label:negative", sort)
    assert sorted(ids) == [t.id for t in rows_of(listed) if t.label == "negative"]


def test_an_unknown_order_names_the_known(listed):
    with pytest.raises(UsageError, match=r"'size' is not an order .*id, confidence"):
        tweets.listing(listed, sort="size")


def test_the_plain_list_takes_no_memory(listed):
    assert tweets.listing(listed) == range(1, 41)


def test_a_window_has_the_order_asked_for_and_leaves_out_what_is_not_there(listed):
    assert [t.id for t in tweets.window(listed, [7, 3, 99, 12], None)] == [7, 3, 12]
    assert tweets.window(listed, [], None) == []


def test_a_window_cuts_texts_and_each_does_not(listed):
    whole = tweets.tweet(listed, 5).text
    assert tweets.window(listed, [5], None, characters=4)[0].text == whole[:4]
    assert [t.text for t in tweets.each(listed, "id:5")] == [whole]


def test_the_predictions_shown_are_those_of_the_chosen_or_the_named_run(listed):
    first, second = tweets.tweet(listed, 1, 1), tweets.tweet(listed, 1)
    assert (first.run, second.run) == (1, 2)
    assert first.confidence != second.confidence
    assert next(tweets.each(listed, "id:1 run:1")) == first
    assert next(tweets.each(listed, "id:1", run=1)) == first
    unscored = tweets.tweet(listed, 5)
    assert (unscored.run, unscored.pred, unscored.in_sample) == (None, None, None)


def test_each_stops_at_the_limit_and_goes_over_many_windows(make_store, fill):
    store = fill(make_store(), [{"text": f"text {n}"} for n in range(1203)])
    assert [t.id for t in tweets.each(store)] == list(range(1, 1204))
    assert [t.id for t in tweets.each(store, limit=501)] == list(range(1, 502))
    assert list(tweets.each(store, limit=0)) == []


@pytest.mark.parametrize("number", [0, 41, -1, 2**63, -(2**63), 10**30])
def test_a_tweet_that_is_not_there_is_named(number, listed):
    with pytest.raises(UserError, match=f"no tweet {number}; the ids run from 1 to 40"):
        tweets.tweet(listed, number)


@pytest.mark.parametrize("number", [0, 3, -1, 2**63, 10**30])
def test_a_run_that_is_not_there_is_named(number, listed):
    with pytest.raises(UserError, match=f"no run {number}; see"):
        tweets.require_run(listed, number)
    with pytest.raises(UserError, match=f"no run {number}; see"):
        runs.get(listed, number)


def test_an_empty_workspace_says_so(make_store):
    store = make_store()
    assert list(tweets.each(store)) == []
    assert tweets.counts(store) == tweets.Counts()
    with pytest.raises(UserError, match="the workspace is empty"):
        tweets.tweet(store, 1)


def test_counts_per_label_and_split(listed):
    rows = rows_of(listed)
    assert tweets.label_counts(listed) == {
        name: sum(t.label == name for t in rows) for name in LABEL
    }
    assert tweets.label_counts(listed, "gold") == {"positive": 20, "negative": 20}
    splits = tweets.split_counts(listed)
    assert splits == {name: sum(t.split == name for t in rows) for name in splits}


def test_disagreements_among_some_tweets(listed):
    expected = {t.id for t in rows_of(listed) if t.disagrees and t.id <= 20}
    assert expected
    assert tweets.disagreeing(listed, range(1, 21), 2) == expected


def test_predictions_of_all_runs_for_one_tweet_newest_first(listed):
    found = predictions_for(listed, 1)
    assert [run.id for run, *_ in found] == [2, 1]
    for run, label, values, _ in found:
        assert label == run.labels[values.index(max(values))]
        assert sum(values) == pytest.approx(1)


def test_predictions_for_unknown_tweets_are_left_out(listed):
    taken = add_predictions(listed, 1, [Prediction(99, (1.0, 0.0), 1.0, 0.0, False)])
    assert taken == 0


def test_gold_current_and_predictions_are_never_written_over_one_another(listed):
    labels.assign(listed, [1], "negative")
    before = tweets.tweet(listed, 1)
    add_predictions(listed, 2, [Prediction(1, (0.9, 0.1), 0.8, 0.3, False)])
    after = tweets.tweet(listed, 1)
    assert (after.gold, after.label) == (before.gold, before.label) == ("positive", "negative")
    assert after.pred == "positive"
    other = tweets.tweet(listed, 1, 1)
    labels.assign(listed, [1], None)
    assert tweets.tweet(listed, 1).pred == "positive"
    assert tweets.tweet(listed, 1, 1).confidence == other.confidence


def test_a_text_is_cut_to_its_first_characters_and_never_at_a_nul(make_store, fill):
    store = fill(make_store(), [{"text": "a long text 🚀"}, {"text": "before\x00after"}])
    texts = [tweet.text for tweet in tweets.window(store, [1, 2], None, characters=8)]
    assert texts == ["a long t", "before\x00after"]
