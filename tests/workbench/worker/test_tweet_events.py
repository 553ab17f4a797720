"""What the log of a training says of its tweets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workbench.rundir import folder as run_folder
from workbench.rundir.hard_tweets import HardTweet, hardest_tweets
from workbench.rundir.log_format import format_event
from workbench.rundir.tables import SnapshotTable
from workbench.worker.reporter import Reporter
from workbench.worker.run import do_run
from workbench.worker.tweet_events import SHOWN, report_counts, report_cut, with_tweets

SNAPSHOT = SnapshotTable([11, 12, 13], ["long " * 99, "b", "c"], ["x", "y", "x"], [1, 2, 3])


def read(folder):
    return [values for values, _ in run_folder.read_log(folder)]


def writes(folder):
    return lambda event, **values: run_folder.append_log(folder, event, **values)


def test_the_hardest_examples_become_tweets_that_are_known_without_the_snapshot(tmp_path):
    report = with_tweets(writes(tmp_path), SNAPSHOT)
    report("hardest", step=50, examples=[(2, 0.04), (0, 0.25)])
    report("step", step=50, loss=0.5)
    hardest, step = read(tmp_path)
    assert hardest_tweets(hardest) == (
        HardTweet(13, "x", "c", 0.04),
        HardTweet(11, "x", ("long " * 99)[:SHOWN], 0.25),
    )
    assert format_event(hardest | {"at": "-"}).endswith("given label: #13 .04, #11 .25")
    assert (step["step"], step["loss"]) == (50, 0.5)


@pytest.mark.parametrize(
    "tweets",
    [
        None,
        {"id": 1},
        [1, "x", None],
        [{"id": True, "label": "x", "text": "y", "probability": 0.5}],
        [{"id": 1, "label": "x", "text": "y", "probability": float("nan")}],
        [{"id": 1, "label": "x", "text": "y", "probability": 7}],
        [{"id": 1, "label": ["x"], "text": "y", "probability": 0.5}],
    ],
)
def test_what_is_no_tweet_in_a_log_of_elsewhere_is_left_out(tweets):
    assert hardest_tweets({"event": "hardest", "tweets": tweets}) == ()


@pytest.mark.parametrize(
    ("dev", "told"),
    [
        ([0, 0, 1], "3 train tweets, 3 dev tweets, 66.7 % of them of one label"),
        ([], "3 train tweets, 0 dev tweets"),
    ],
)
def test_the_log_says_how_many_tweets_there_are_and_what_a_guess_would_reach(tmp_path, dev, told):
    report_counts(writes(tmp_path), [0, 1, 0], dev)
    assert format_event(read(tmp_path)[0]).endswith(f"  {told}")


def test_the_log_says_how_many_tweets_are_longer_than_a_run_reads(tmp_path):
    for cut in (0, 2):
        report_cut(writes(tmp_path), cut, 128)
    [said] = read(tmp_path)
    assert format_event(said).endswith(
        "the end of 2 tweets to train on is left out: with the prompt that is more than "
        "training.max_length, 128 tokens"
    )


@pytest.mark.slow
def test_a_run_counts_the_tweets_that_it_trains_on_and_cuts(make_model_run):
    run = make_model_run("training.max_length=20", "training.max_steps=1")
    job = replace(run_folder.read_job(run), template="{text}, {text}, {text}, {text}\nLabel:")
    do_run(job, run, Reporter(run))
    told = [values.get("text", "") for values in read(run)]
    assert [text for text in told if "training.max_length, 20 tokens" in text]
