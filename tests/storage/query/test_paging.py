"""Pages of lists: in every order and with every kind of filter, the list cut into pieces."""

from __future__ import annotations

import random

import pytest

from storage.history import labels
from storage.query import paging, tweets
from storage.runs import runs
from storage.runs.predictions import Prediction, add_predictions

LABEL = ("positive", "negative", "neutral")
FILTERS = (
    "",
    "label:positive",
    "gold:none",
    "pred:negative",
    "conf:>0.6",
    "margin:<=0.3",
    "entropy:>0.9",
    "len:>40",
    "id:>50",
    "split:test",
    "flag:review",
    "changed:yes",
    "disagree:yes",
    "disagree:no",
    "insample:yes",
    "note:yes",
    "reviewed:yes",
    "reviewed:no",
    "duplicate:yes",
    "duplicate:no",
    "by:ben",
    "moon",
    "mo*",
    "🚀",
    "moon or 🚀",
    "label:positive moon -🚀",
    "pred:positive (split:test or flag:review)",
    "run:1 conf:>0.5",
    "group:3",
    "nothingatall",
    '"to the"',
    "airline:A",
    "-airline:A stars:>2",
    'col."Odd name":x',
    "airline:A or 🚀",
    "label:positive or label:neutral",
)


@pytest.fixture(scope="module")
def listed(tmp_path_factory, fill):
    """A hundred and twenty tweets, some equal, many changed; two runs, one of them with gaps."""
    from storage.config import Config
    from storage.store import create_store, open_store

    rng = random.Random(7)
    store = create_store(tmp_path_factory.mktemp("pages") / "w", Config(labels=LABEL), "ana")
    words = ["to the moon", "down", "🚀🚀", "bull", "$TSLA", "x" * 30]
    texts = [" ".join(rng.choices(words, k=rng.randint(1, 4))) + f" {n % 100}" for n in range(120)]
    texts[50:53] = ["the same text"] * 3
    rows = [
        {
            "text": text,
            "label": rng.choice([*LABEL, None]),
            "airline": "AB"[n % 2],
            "stars": n % 5,
            **({} if n % 40 else {"Odd name": "X"}),
        }
        for n, text in enumerate(texts)
    ]
    store = fill(store, rows)
    for number in (1, 2):
        run = runs.add(store, str(number), "baseline", "baseline", None, LABEL)
        drawn = []
        for tweet in range(1, 121):
            first = rng.choice([0.5, 0.6, 0.7, 0.9])  # with ties
            values = [(1 - first) / 2] * 3
            values[rng.randrange(3)] = first
            if number == 1 or tweet % 7:
                margin = first - (1 - first) / 2
                drawn.append(Prediction(tweet, tuple(values), margin, 1 - margin, tweet % 3 == 0))
        add_predictions(store, run, drawn)
    for tweet in rng.sample(range(1, 121), 30):
        labels.assign(store, [tweet], rng.choice(LABEL))
    labels.mark(store, [4, 70, 71], "review", True)
    labels.annotate(store, 9, "look again")
    ben = open_store(store.folder, "Ben")
    labels.assign(ben, [80, 3], "neutral")
    ben.close()
    ranked = [(n, 1 / n, "run 1") for n in rng.sample(range(1, 121), 50)]
    runs.save_queue(store, "suspects", ranked, run=1)
    yield store
    store.close()


@pytest.fixture(params=[0, paging.FEW_ROWS], ids=["walked", "looked up"])
def rare(request, monkeypatch):
    """Both ways to answer a filter: as if all conditions gave many tweets, and as it is."""
    monkeypatch.setattr(paging, "FEW_ROWS", request.param)


@pytest.mark.parametrize("sort", tweets.SORTS)
def test_pages_are_the_list_cut_into_pieces(sort, listed, rare):
    for query in FILTERS:
        asked = paging.list_query(listed, query, sort)
        whole = list(paging.ids(listed, asked))
        assert paging.count(listed, asked) == len(whole), query
        assert paging.page(listed, asked, 7) == whole[:7], query
        assert paging.page(listed, asked, 7, before=0) == whole[-7:], query
        for place, tweet in enumerate(whole):
            following = paging.page(listed, asked, 7, after=tweet)
            assert following == whole[place + 1 : place + 8], (query, tweet)
            preceding = paging.page(listed, asked, 7, before=tweet)
            assert preceding == whole[max(0, place - 7) : place], (query, tweet)


@pytest.mark.parametrize("sort", tweets.SORTS)
def test_both_ways_to_answer_agree(sort, listed, monkeypatch):
    for query in FILTERS:
        looked_up = list(tweets.listing(listed, query, sort))
        monkeypatch.setattr(paging, "FEW_ROWS", 0)
        assert list(tweets.listing(listed, query, sort)) == looked_up, query
        monkeypatch.undo()


def test_every_tweet_is_in_every_order_once(listed):
    for sort in tweets.SORTS:
        for run in (1, 2, None):
            assert sorted(tweets.listing(listed, "", sort, run)) == list(range(1, 121))


def test_a_page_can_begin_after_a_tweet_that_the_filter_leaves_out(listed, rare):
    asked = paging.list_query(listed, "label:positive")
    whole = list(paging.ids(listed, asked))
    outside = next(n for n in range(2, 121) if n not in whole)
    assert paging.page(listed, asked, 3, after=outside) == [n for n in whole if n > outside][:3]
    assert paging.page(listed, asked, 3, before=outside) == [n for n in whole if n < outside][-3:]


def test_a_new_label_moves_a_tweet_in_the_order_of_disagreements(listed, rare):
    first = tweets.listing(listed, "", "disagreement")[0]
    tweet = tweets.tweet(listed, first)
    labels.assign(listed, [first], tweet.pred)
    assert first not in tweets.listing(listed, "disagree:yes", "disagreement")
    labels.undo(listed)
    assert tweets.listing(listed, "disagree:yes", "disagreement")[0] == first
