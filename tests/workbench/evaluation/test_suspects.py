"""Suspects: who votes, what is kept of it and when it is stale, and the reasons in words."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from storage import interpreter
from storage.config import save
from storage.errors import MissingPrerequisite
from storage.history import labels
from storage.history.events import EditContext
from storage.runs import displayed_run, runs, suspect_ranking
from storage.runs.predictions import Prediction, add_predictions
from workbench.evaluation import suspects
from workbench.evaluation.review_precision import review_precision
from workbench.evaluation.suspect_reasons import suspect_reasons
from workbench.evaluation.suspects import rank_suspects
from workbench.rundir import tables
from workbench.rundir.embeddings import embeddings_writer
from workbench.runs import ranking

N = 40
WRONG = (7, 20)
"""Tweets about gains (the odd ones) and losses, but for these the label says so."""


def is_gain(tweet):
    return tweet % 2 == 1


@pytest.fixture
def store(make_store, fill):
    """Forty labelled tweets about gains and losses, two of them labelled wrong."""
    verbs = ("gains", "profit"), ("losses", "default")
    return fill(
        make_store(),
        [
            {
                "text": f"{verbs[n % 2 == 0][n % 3 == 0]} at company {n}",
                "label": ("positive", "negative")[is_gain(n) == (n in WRONG)],
                "split": "test" if n > 32 else "train",
            }
            for n in range(1, N + 1)
        ],
    )


def add_run(store, kind="baseline", recipe=None, right=0.8, tweets=range(1, N + 1), seen=()):
    """A run that finds what is true of some tweets with a probability."""
    number = runs.add(
        store, f"run {runs.newest(store)}", kind, recipe or kind, None, store.config.labels
    )
    rows = ((right, 1 - right), (1 - right, right))
    add_predictions(
        store,
        number,
        [Prediction(n, rows[not is_gain(n)], 0.6, 0.5, n in seen) for n in tweets],
    )
    runs.update(store, number, state="done")
    store.run_folder(number).mkdir()
    return number


def add_embeddings(store, run, in_sample=False):
    ids = list(range(1, N + 1))
    vectors = np.array([[1 if is_gain(n) else -1, n / 100] for n in ids], np.float16)
    with embeddings_writer(store.run_folder(run), N) as write:
        write(ids, vectors, [in_sample] * N)


def voters(found):
    return [voter["name"] for voter in found.details["voters"]]


def test_runs_texts_and_embeddings_vote_together_and_find_what_is_wrong(store):
    add_run(store)
    fast = add_run(store, "qlora", "fast", 0.7, range(1, N + 1), seen=range(1, 33))
    add_embeddings(store, fast)
    found = rank_suspects(store)
    assert voters(found) == [
        "run 1 baseline",
        "run 2 fast",  # of its test tweets
        "similar texts",
        "embeddings of run 2",
        "neighbours by embeddings of run 2",
    ]
    assert {place.tweet for place in found.tweets[:2]} == set(WRONG)
    assert {place.source for place in found.tweets} == {"run 1 baseline, run 2 fast"}
    assert (found.run, len(found.tweets)) == (1, N)


def test_embeddings_that_learnt_the_labels_do_not_vote_and_few_predictions_neither(store):
    add_run(store)
    add_embeddings(store, add_run(store, "qlora", "fast", seen=range(1, N + 1)), in_sample=True)
    add_run(store, "imported", "some", tweets=[1, 2])
    assert voters(rank_suspects(store)) == ["run 1 baseline", "similar texts"]


def test_words_vote_where_no_baseline_does(store):
    displayed_run.promote(store, add_run(store, "qlora", "fast", seen=range(1, 33)))
    found = rank_suspects(store)
    assert voters(found) == ["run 1 fast", "similar texts", "words"]
    assert {place.tweet for place in found.tweets[:2]} == set(WRONG)


def test_the_course_of_a_training_votes_on_labels_that_are_as_it_learnt_them(store):
    add_run(store)
    fast = add_run(store, "qlora", "fast", seen=range(1, 33))
    given = [("positive", "negative")[is_gain(n) == (n in WRONG)] for n in range(1, 33)]
    folder = store.run_folder(fast)
    write_examples(folder, store, given)
    curve = {True: (0.3, 0.1), False: (0.6, 0.9)}
    tables.write_dynamics(
        folder,
        [n for n in range(1, 33) for _ in "12"],
        [1, 2] * 32,
        [value for n in range(1, 33) for value in curve[n in WRONG]],
    )
    found = rank_suspects(store)
    assert voters(found)[-1] == "training of run 2"
    assert {place.tweet for place in found.tweets[:2]} == set(WRONG)
    why = suspect_reasons(store, [7])[7]
    assert [one.given for one in why.opinions if one.voter == "training of run 2"] == [0.2]
    assert why.slope == pytest.approx(-0.2)
    assert "believed less from epoch to epoch" in why.sentence
    labels.assign(store, [7], "positive")
    why = suspect_reasons(store, [7], rank_suspects(store).details)[7]
    assert "training of run 2" not in [one.voter for one in why.opinions]


def write_examples(folder, store, given):
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = dict(store.db.execute("SELECT id, text FROM tweets"))
    ids = list(range(1, len(given) + 1))
    columns = {"id": ids, "text": [texts[n] for n in ids], "label": given, "group": ids}
    pq.write_table(pa.table(columns), folder / "train.parquet")


def test_a_base_as_it_is_has_a_small_voice(store):
    add_run(store)
    add_run(store, "predict", "fast", right=0.8)
    weights = {v["name"]: v["weight"] for v in rank_suspects(store).details["voters"]}
    assert weights["run 2 fast"] == pytest.approx(weights["run 1 baseline"] / 3, abs=1e-3)


# What is kept


def test_a_ranking_that_stands_is_not_made_again_and_one_that_does_not_is(store, monkeypatch):
    def made(*arguments):
        collected.append(arguments)
        return collect(*arguments)

    collect, collected = suspects.collect_votes, []
    monkeypatch.setattr(suspects, "collect_votes", made)
    first = add_run(store)
    before = rank_suspects(store)
    assert suspect_ranking.stale(store) == ""
    assert rank_suspects(store) == before and len(collected) == 1
    labels.assign(store, [7], "positive")
    assert suspect_ranking.stale(store) == "labels have changed since"
    assert rank_suspects(store).tweets != before.tweets and len(collected) == 2
    second = add_run(store, "qlora", "fast")
    assert suspect_ranking.stale(store) == f"run {second} has not ranked them"
    assert rank_suspects(store, first).details["alone"] and len(collected) == 3
    assert suspect_ranking.stale(store) == f"run {second} has not ranked them"
    rank_suspects(store)
    assert rank_suspects(store).details["alone"] is False and len(collected) == 4
    displayed_run.promote(store, second)
    assert suspect_ranking.stale(store) == f"run {second} has not ranked them"
    assert rank_suspects(store).run == second and len(collected) == 5


def test_a_promoted_run_that_cannot_vote_does_not_make_the_ranking_stale_for_ever(store):
    displayed_run.promote(store, add_run(store, "qlora", "fast", seen=range(1, N + 1)))
    with pytest.raises(MissingPrerequisite, match="no out-of-sample predictions"):
        rank_suspects(store)
    second = add_run(store)
    assert rank_suspects(store).run == second
    assert suspect_ranking.stale(store) == ""


def test_many_tweets_are_ranked_by_a_process_of_its_own(store, monkeypatch):
    add_run(store)
    started, yielding = [], []
    monkeypatch.setattr(interpreter, "give_way", yielding.append)

    def start(command, **how):
        started.append((command, how))
        return SimpleNamespace(pid=17)

    monkeypatch.setattr(interpreter, "start", start)
    monkeypatch.setattr(ranking, "AT_ONCE", N - 1)
    ranking.rank_again(store)
    ((command, how),) = started
    assert yielding == [17]
    assert command[command.index("--workspace") + 1 :] == [
        str(store.folder),
        "suspects",
        "--no-baseline",  # which nobody has asked for
    ]
    assert how["start_new_session"]
    assert suspect_ranking.ranking(store) is None
    monkeypatch.setattr(ranking, "AT_ONCE", N)
    ranking.rank_again(store)
    assert suspect_ranking.ranking(store).run == 1
    monkeypatch.setattr(suspects, "collect_votes", None)
    ranking.rank_again(store)  # it stands
    assert len(started) == 1


# In words


def test_the_reasons_name_the_voters_and_the_neighbours_with_their_labels(store):
    add_run(store)
    rank_suspects(store)
    why = suspect_reasons(store, [7, 8, 99])
    assert sorted(why) == [7, 8]
    one = why[7]
    assert (one.given, one.opinions[0].voter) == ("negative", "run 1 baseline")
    assert (one.opinions[0].label, one.opinions[0].probability) == ("positive", 0.8)
    assert one.sentence.startswith("positive by similar texts (.9")
    assert "run 1 baseline (.80); nearest: #" in one.sentence
    assert [is_gain(near.tweet) for near in one.neighbours] == [True] * 4
    assert f"nearest: #{one.neighbours[0].tweet} positive, #" in one.sentence
    assert why[8].sentence.startswith("negative, as given, by similar texts")
    labels.assign(store, [one.neighbours[0].tweet], "negative")
    assert suspect_reasons(store, [7])[7].neighbours[0].label == "negative"


def test_the_precision_of_the_last_reviews_has_its_interval(store):
    assert review_precision(store)["sentence"].startswith("None has been reviewed yet")
    run = add_run(store)
    rank_suspects(store)
    for tweet in (*WRONG, 3, 4):
        now = ("negative", "positive")[is_gain(tweet)]
        labels.assign(store, [tweet], now, EditContext("suspects", run))
    found = review_precision(store)
    assert (found["wrong"], found["reviewed"], found["share"]) == (2, 4, 0.5)
    assert found["low"] == pytest.approx(0.15, abs=0.001)  # Wilson
    assert found["sentence"] == (
        "2 of the last 4 that were reviewed were wrong: 50.0 % [15.0, 85.0]."
    )


# Rubbish


@pytest.mark.parametrize(
    ("texts", "given"),
    [
        (["up", "down", "flat"], ["positive", "negative", "positive"]),
        (["...", "!", "?", "-"] * 5, ["positive", "negative"] * 10),
        (["same words"] * 20, ["positive", "negative"] * 10),
        ([f"text {n}" for n in range(20)], ["positive"] * 20),
    ],
    ids=["three", "no words", "all equal", "one label"],
)
def test_what_there_is_little_of_is_ranked_all_the_same(make_store, fill, texts, given):
    rows = [
        {"text": text, "label": label, "split": "train"}
        for text, label in zip(texts, given, strict=True)
    ]
    store = fill(make_store(), rows)
    number = runs.add(store, "uid", "baseline", "baseline", None, store.config.labels)
    add_predictions(
        store, number, [Prediction(n + 1, (0.5, 0.5), 0.0, 0.69, False) for n in range(len(texts))]
    )
    runs.update(store, number, state="done")
    found = rank_suspects(store)
    assert len(found.tweets) == len(texts)
    assert all(0 <= place.score <= 1 for place in found.tweets)
    assert suspect_reasons(store, [1])[1].given == given[0]


def test_a_label_that_no_run_knows_is_refused_by_name_of_the_run(store, reopen):
    add_run(store)
    save(store.folder, store.config.__class__(labels=("positive", "negative", "odd")))
    again = reopen(store)
    labels.assign(again, [1], "odd")
    with pytest.raises(MissingPrerequisite, match="Run 1 has no out-of-sample predictions"):
        rank_suspects(again)
