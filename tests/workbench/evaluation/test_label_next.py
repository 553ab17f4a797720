"""Queues of tweets to label next: never empty, never a test tweet, with what came from where."""

from __future__ import annotations

import pytest

from storage.errors import UserError
from storage.history import labels
from storage.history.events import EditContext
from storage.history.queue_context import queue_context
from storage.runs import runs
from storage.runs.displayed_run import promote
from storage.runs.label_next import right_in_source, stale_queue
from storage.runs.predictions import Prediction, add_predictions
from workbench.evaluation.label_next import STRATEGIES, kept_queue, make_queue
from workbench.evaluation.label_pool import strongest_run
from workbench.evaluation.stopping import stop_signal

WORDS = tuple(f"{a}{b}" for a in "kmtrs" for b in ("ale", "ore", "ink", "oat"))


def rows(unlabelled=30, labelled=10, test=5):
    """Tweets 1 to 30 without labels, 31 to 40 with one, 41 to 45 of the test split."""
    texts = [f"{a} {b} {n}" for n, (a, b) in enumerate(zip(WORDS * 3, WORDS[3:] * 4, strict=False))]
    kinds = [(None, "train")] * unlabelled + [("p", "train")] * labelled + [(None, "test")] * test
    return [
        {"text": texts[n], "label": label and ("positive", "negative")[n % 2], "split": split}
        for n, (label, split) in enumerate(kinds)
    ]


@pytest.fixture
def half(make_store, fill):
    """A store of which most has no label."""
    return fill(make_store(), rows())


def add_run(store, leads, kind="qlora", accuracy=0.0):
    """A run that gives tweets the first label by a lead."""
    number = runs.add(store, f"run {runs.newest(store)}", kind, kind, None, store.config.labels)
    add_predictions(
        store,
        number,
        [
            Prediction(tweet, ((1 + lead) / 2, (1 - lead) / 2), abs(lead), 1 - abs(lead), False)
            for tweet, lead in sorted(leads.items())
        ],
    )
    runs.update(store, number, state="done")
    report = {"accuracy": accuracy, "accuracy_low": accuracy, "accuracy_high": 1.0}
    runs.save_evaluation(store, number, "test", report | {"macro_f1": accuracy, "n": 5})
    return number


def test_margin_begins_with_the_least_sure_and_leaves_out_test_tweets(half):
    run = add_run(half, {tweet: tweet / 100 for tweet in range(1, 46)})
    queue = make_queue(half, "margin", 5)
    assert [one.tweet for one in queue.tweets] == [1, 2, 3, 4, 5]
    assert [one.score for one in queue.tweets] == pytest.approx([0.99, 0.98, 0.97, 0.96, 0.95])
    assert (queue.run, queue.pool, queue.notes) == (run, 30, ())
    stored = runs.queue(half, "margin")
    assert [(entry.tweet, entry.source) for entry in stored][:2] == [(1, "margin"), (2, "margin")]


def test_every_strategy_has_tweets_that_are_to_be_labelled(half):
    add_run(half, {tweet: tweet / 100 for tweet in range(1, 46)})
    add_run(half, {tweet: -tweet / 100 for tweet in range(1, 46)})
    for strategy in set(STRATEGIES) - {"forgotten"}:
        found = [one.tweet for one in make_queue(half, strategy, 6).tweets]
        assert len(set(found)) == 6, strategy
        assert set(found) <= set(range(1, 31)), strategy
    forgotten = make_queue(half, "forgotten", 20).tweets
    assert [one.tweet for one in forgotten] == [39, 37, 35, 33, 31]  # positive; the last run errs


def test_a_tweet_with_a_label_or_a_mark_leaves_the_queue(half):
    add_run(half, {tweet: tweet / 100 for tweet in range(1, 46)})
    labels.assign(half, [1], "positive")
    labels.mark(half, [2], "excluded", True)
    labels.mark(half, [3], "ambiguous", True)
    assert make_queue(half, "margin", 1).tweets[0].tweet == 4


def test_of_nearly_equal_texts_one_is_queued(make_store, fill):
    base = "the same long text about a share that has gone up today by quite a lot"
    texts = [f"{base}{end}" for end in ("", "!", "!!", ".")] + ["something else"]
    store = fill(make_store(), [{"text": text, "split": "train"} for text in texts])
    assert len(make_queue(store, "random", 10).tweets) == 2


def test_without_any_label_a_first_batch_covers_the_clusters(make_store, fill):
    kinds = ["bulls buy the dip in oil", "rates and bonds are boring", "new phone sells out"]
    texts = [f"{kind} {WORDS[n]}" for kind in kinds for n in range(10)]
    store = fill(make_store(), [{"text": text, "split": "train"} for text in texts])
    queue = make_queue(store, "mix", 3, weights={"diverse": 1.0})
    assert sorted((one.tweet - 1) // 10 for one in queue.tweets) == [0, 1, 2]
    assert {one.source for one in queue.tweets} == {"cover"}
    assert "No run predicts tweets without a label" in queue.notes[0]


def test_without_predictions_a_baseline_is_fitted_and_said(half):
    queue = make_queue(half, "margin", 5)
    assert len(queue.tweets) == 5
    assert queue.run is None
    assert queue.notes == (
        "No run predicts tweets without a label; a baseline was fitted on 10 tweets for this.",
    )


def test_a_run_that_does_not_know_the_newest_labels_is_said_or_replaced(half):
    model = add_run(half, {tweet: tweet / 100 for tweet in range(1, 46)})
    labels.assign(half, [1, 2], "positive")
    queue = make_queue(half, "margin", 5)
    assert queue.run == model
    assert queue.notes[0].startswith(f"Run {model} does not know 2 tweets that were labelled since")
    cheap = add_run(half, dict.fromkeys(range(1, 46), 0.5), "baseline", 0.5)
    assert make_queue(half, "margin", 5).run == cheap
    labels.assign(half, [3], "negative")
    queue = make_queue(half, "margin", 5)
    assert queue.run is None
    assert "a baseline was fitted on 13 tweets" in queue.notes[0]
    assert make_queue(half, "margin", 5, number=cheap).run == cheap


def test_a_run_that_covers_half_of_the_pool_comes_first_with_what_it_has(half):
    run = add_run(half, dict.fromkeys(range(1, 16), 0.5))
    queue = make_queue(half, "margin", 30)
    assert {one.tweet for one in queue.tweets} == set(range(1, 16))
    assert queue.notes == (
        f"Run {run} has no prediction for 15 of 30 tweets without a label, which come last; "
        f"`workbench predict --run {run}` makes them.",
    )


def test_equal_predictions_are_ordered_by_lot_and_always_alike(half):
    add_run(half, dict.fromkeys(range(1, 46), 0.5))
    first = [one.tweet for one in make_queue(half, "margin", 30).tweets]
    assert sorted(first) == list(range(1, 31)) != first
    labels.assign(half, first[:3], "positive")
    assert [one.tweet for one in make_queue(half, "margin", 30).tweets] == first[3:]


def test_the_strongest_run_is_the_promoted_or_the_one_that_is_surely_most_accurate(half):
    everything = dict.fromkeys(range(1, 46), 0.5)
    weak = add_run(half, everything, accuracy=0.6)
    strong = add_run(half, everything, accuracy=0.8)
    add_run(half, everything, accuracy=0.7)
    add_run(half, {40: 0.5}, accuracy=0.9)  # of no tweet without a label
    assert strongest_run(half).id == strong
    promote(half, weak)
    assert strongest_run(half).id == weak


def test_a_mix_tags_each_tweet_and_takes_undecided_suspects(half):
    run = add_run(half, {tweet: tweet / 100 for tweet in range(1, 46)})
    runs.save_queue(half, "suspects", [(t, 0.5, f"run {run} qlora") for t in (31, 32, 41)], run)
    labels.assign(half, [31], "negative")
    queue = make_queue(half, "mix", 20)
    sources = {one.tweet: one.source for one in queue.tweets}
    assert [tweet for tweet, source in sources.items() if source == "suspects"] == [32]
    assert list(sources.values()).count("random") in (3, 4)
    assert list(sources.values()).count("diverse") >= 14


def test_no_two_of_a_batch_are_nearly_equal_wherever_they_come_from(make_store, fill):
    same = "the market goes up and up today says everybody {} in town"
    texts = [same.format("here") + "!" * n for n in range(3)] + [f"{w} {w[::-1]}" for w in WORDS]
    kinds = ["positive", "negative", None, *[None] * len(WORDS)]
    rows = [
        {"text": text, "label": label, "split": "train"}
        for text, label in zip(texts, kinds, strict=True)
    ]
    store = fill(make_store(), rows)
    run = add_run(store, {tweet: tweet / 100 for tweet in range(1, len(rows) + 1)})
    runs.save_queue(store, "suspects", [(n, 0.9, "run 1") for n in (1, 2)], run)
    queued = [one.tweet for one in make_queue(store, "mix", 20).tweets]
    assert len(queued) == 20 and len({1, 2, 3} & set(queued)) == 1
    labels.assign(store, [4], "positive")
    stale = "The ranking of the suspects is stale (labels have changed since)"
    assert any(note.startswith(stale) for note in make_queue(store).notes)


def test_where_all_is_labelled_suspects_remain_and_then_a_sentence(half):
    labels.assign(half, range(1, 31), "positive")
    with pytest.raises(UserError, match="Every tweet of train and dev has a label"):
        make_queue(half)
    runs.save_queue(half, "suspects", [(33, 0.5, "run 1 baseline")])
    queue = make_queue(half, "margin")
    assert [(one.tweet, one.source) for one in queue.tweets] == [(33, "suspects")]
    assert "these are the suspects" in queue.notes[-1]


def test_an_empty_workspace_says_what_to_do(make_store):
    with pytest.raises(UserError, match="import FILE"):
        make_queue(make_store())


def test_a_share_is_blind_by_lot_and_the_label_says_so(half):
    run = add_run(half, {tweet: tweet / 100 for tweet in range(1, 46)})
    queue = make_queue(half, "random", 30, blind_share=0.5)
    blind = [one.tweet for one in queue.tweets if one.blind]
    assert 8 <= len(blind) <= 22
    assert [
        one.tweet for one in make_queue(half, "random", 30, blind_share=0.5).tweets if one.blind
    ] == blind
    context = queue_context(half, "random", blind[0])
    assert context == EditContext("random", run, "random", True)
    labels.assign(half, [blind[0]], "positive", context)
    event = labels.history(half, blind[0])[-1]
    assert [event[name] for name in ("queue", "run", "source", "blind")] == [
        "random",
        run,
        "random",
        True,
    ]
    assert right_in_source(half, "random", run) == (1, 1)
    assert right_in_source(half, "diverse", run) == (0, 0)


def test_a_queue_is_stale_when_labels_change_or_a_run_is_newer(half):
    assert stale_queue(half, "margin") == "it was never made"
    add_run(half, dict.fromkeys(range(1, 46), 0.5))
    make_queue(half, "margin")
    assert stale_queue(half, "margin") == ""
    labels.assign(half, [1], "positive")
    assert stale_queue(half, "margin") == "labels have changed since"
    newer = add_run(half, dict.fromkeys(range(1, 46), 0.5))
    assert stale_queue(half, "margin") == f"run {newer} is newer"


def test_the_stop_signal_compares_the_two_newest_runs(half):
    assert "two runs" in stop_signal(half)["sentence"]
    leads = {tweet: 0.5 if tweet % 2 else -0.5 for tweet in range(1, 46)}
    add_run(half, leads)
    add_run(half, leads)
    found = stop_signal(half)
    assert found["agreement"]["value"] == 1
    assert found["agreement"]["n"] == 30
    assert "another batch will change little" in found["sentence"]
    add_run(half, leads | dict.fromkeys(range(1, 31), 0.5))
    assert "more labels still change the answers" in stop_signal(half)["sentence"]


def test_two_runs_with_one_answer_only_say_why_there_is_no_kappa(half):
    for _ in range(2):
        add_run(half, dict.fromkeys(range(1, 46), 0.5))
    assert "cannot be compared: Every label" in stop_signal(half)["sentence"]


def test_a_kept_queue_is_what_was_made_without_what_was_decided_since(half):
    with pytest.raises(UserError, match="never made"):
        kept_queue(half, "margin", 5)
    run = add_run(half, {tweet: tweet / 100 for tweet in range(1, 46)})
    made = make_queue(half, "margin", 5)
    assert kept_queue(half, "margin", 5) == made
    labels.assign(half, [1], "positive")
    labels.mark(half, [3], "ambiguous", True)
    kept = kept_queue(half, "margin", 5)
    assert [one.tweet for one in kept.tweets] == [2, 4, 5]
    assert (kept.run, kept.pool) == (run, 28)
    assert "stale (labels have changed since)" in kept.notes[0]


def test_a_run_with_embeddings_lends_them_to_batches(half, monkeypatch):
    """Two tweets that are equally unsure are told apart by vectors, not by their words."""
    import numpy as np

    from workbench.evaluation import queue_sources
    from workbench.rundir.embeddings import Embeddings

    add_run(half, dict.fromkeys(range(1, 46), 0.5))
    ids = np.arange(1, 46)
    vectors = np.repeat(np.eye(3), 15, axis=0).astype(np.float16)
    found = Embeddings(ids, vectors, np.zeros(45, bool))
    monkeypatch.setattr(queue_sources, "embeddings_of", lambda store, number: found)
    chosen = [one.tweet for one in make_queue(half, "diverse", 2).tweets]
    assert sorted((tweet - 1) // 15 for tweet in chosen) == [0, 1]


def test_embeddings_are_lent_where_a_baseline_is_fitted_for_the_queue_too(half, monkeypatch):
    from workbench.evaluation import queue_sources

    asked = []
    monkeypatch.setattr(queue_sources, "embeddings_of", lambda store, number: asked.append(number))
    run = add_run(half, dict.fromkeys(range(1, 46), 0.5), kind="baseline")
    labels.assign(half, [1], "positive")  # which that run does not know
    queue = make_queue(half, "diverse", 2)
    assert (queue.run, asked, len(queue.tweets)) == (None, [run], 2)


def test_disagreement_of_less_than_two_runs_is_by_margin_and_says_so(half):
    add_run(half, {tweet: tweet / 100 for tweet in range(1, 46)})
    queue = make_queue(half, "disagreement", 3)
    assert [(one.tweet, one.source) for one in queue.tweets] == [(n, "margin") for n in (1, 2, 3)]
    assert queue.notes == ("Less than two runs predict tweets without a label; this is by margin.",)


def test_a_queue_that_asks_no_model_has_no_baseline_fitted(half, monkeypatch):
    from workbench.evaluation import label_pool

    monkeypatch.setattr(label_pool, "baseline", None)
    for strategy in ("random", "novel", "cover"):
        assert make_queue(half, strategy, 3).notes == ()
