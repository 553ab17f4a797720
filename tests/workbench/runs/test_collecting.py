"""Reading runs back: the same however often, and nothing that flatters."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from storage.errors import UserError
from storage.history import labels
from storage.query import tweets
from storage.runs import displayed_run, runs, suspect_ranking
from workbench.analysis.measures.metrics import evaluate
from workbench.evaluation.run_evaluation import evaluate_run
from workbench.evaluation.suspects import rank_suspects
from workbench.recipes import recipes
from workbench.rundir import tables
from workbench.rundir.folder import DONE, FAILED, RUNNING, State, append_log, write_state
from workbench.runs import collecting, incoming_predictions, launching
from workbench.runs.collecting import collect
from workbench.runs.snapshotting import snapshot_training

N = 40


@pytest.fixture
def store(make_store, fill):
    """Forty labelled tweets in all splits; the first ten are test tweets."""
    rows = [
        {
            "text": f"text number {n}",
            "label": ("positive", "negative")[n % 3 == 0],
            "split": "test" if n < 10 else "dev" if n < 20 else "train",
        }
        for n in range(N)
    ]
    return fill(make_store(), rows)


@pytest.fixture
def run(store):
    return snapshot_training(store, recipes.load("baseline"), None, "")


def probabilities(seed=0):
    rng = np.random.default_rng(seed)
    first = rng.random(N)
    return np.column_stack([first, 1 - first])


def finish(run, rows=None, in_sample=(), state=DONE, tweets=N, **values):
    rows = probabilities() if rows is None else rows
    tables.write_predictions(run.path, list(range(1, tweets + 1)), rows, set(in_sample))
    write_state(run.path, State(started=1.0, finished=3.5), state=state, **values)


def everything(store):
    tables_read = ("runs", "predictions", "metrics", "evaluations")
    return {name: store.db.execute(f"SELECT * FROM {name}").fetchall() for name in tables_read}


def test_a_finished_run_is_taken_in(store, run):
    append_log(run.path, "step", step=5, loss=0.7, lr=1e-4)
    append_log(run.path, "dev", step=5, accuracy=0.9)
    append_log(run.path, "note", text="hello")
    finish(run, step=5, peak_gib=1.5, linear4bit=8, linear_total=8)
    (changed,) = collect(store)
    assert (changed.state, changed.steps, changed.seconds) == (DONE, 5, 2.5)
    assert (changed.peak_gib, changed.linear4bit, changed.predictions) == (1.5, 8, N)
    assert runs.metrics(store, changed.id, "loss") == [(5, 0.7)]
    assert runs.metrics(store, changed.id, "dev_accuracy") == [(5, 0.9)]
    tweet = tweets.tweet(store, 3)
    row = probabilities()[2]
    assert tweet.pred == ("positive", "negative")[row.argmax()]
    assert tweet.confidence == pytest.approx(row.max())
    assert set(changed.metrics) == {"train", "dev", "test"}


def test_collecting_again_changes_nothing(store, run):
    append_log(run.path, "step", step=5, loss=0.7)
    finish(run)
    collect(store)
    before = everything(store)
    assert collect(store) == []
    assert everything(store) == before


def test_a_log_of_any_length_is_taken_in_some_lines_at_a_time(store, run, monkeypatch):
    write_state(run.path, State(state=RUNNING), pid=None)
    for step in range(1, 8):
        append_log(run.path, "step", step=step, loss=1 / step, learning_rate=1e-4)
    taken, add = [], runs.add_metrics
    monkeypatch.setattr(collecting, "MOST_ROWS", 4)
    monkeypatch.setattr(runs, "add_metrics", lambda *a: (taken.append(len(a[2])), add(*a)))
    collect(store)
    assert taken == [4, 4, 4, 2]
    assert runs.get(store, 1).log_offset == (run.path / "log.jsonl").stat().st_size
    assert [step for step, _ in runs.metrics(store, 1, "loss")] == list(range(1, 8))


def test_the_log_is_read_on_from_where_it_ended(store, run):
    write_state(run.path, State(state=RUNNING), pid=None)
    for step in (1, 2, 3):
        append_log(run.path, "step", step=step, loss=1 / step)
        collect(store)
    offset = runs.get(store, 1).log_offset
    assert offset == (run.path / "log.jsonl").stat().st_size
    assert [step for step, _ in runs.metrics(store, 1, "loss")] == [1, 2, 3]


def test_predictions_are_taken_in_once(store, run):
    finish(run)
    collect(store)
    finish(run, rows=probabilities(seed=9))
    collect(store)
    assert tweets.tweet(store, 3).confidence == pytest.approx(probabilities()[2].max())


def test_predictions_of_a_run_that_failed_are_not_taken_in(store, run):
    finish(run, state=FAILED, reason="no memory")
    collect(store)
    assert runs.get(store, 1).predictions == 0
    assert runs.get(store, 1).reason == "no memory"


def test_a_run_watched_and_a_run_not_watched_look_the_same(store):
    def steps(run, watched):
        for step in (1, 2, 3):
            append_log(run.path, "step", step=step, loss=1 / step)
            write_state(run.path, State(state=RUNNING), step=step)
            if watched:
                collect(store)
        finish(run, step=3)
        collect(store)

    for watched in (True, False):
        steps(snapshot_training(store, recipes.load("baseline"), None, ""), watched)
    first, second = (
        {
            k: v
            for k, v in runs.get(store, n).as_json().items()
            if k not in ("id", "created", "shown")
        }
        for n in (1, 2)
    )
    assert first == second
    assert runs.metrics(store, 1, "loss") == runs.metrics(store, 2, "loss")


def test_a_run_folder_that_is_gone_stops_nothing(store, run):
    shutil.rmtree(run.path)
    [failed] = collect(store)
    assert failed.state == FAILED and f"{run.path} is missing" in failed.reason
    assert collect(store) == []
    for act in (launching.stop_run, launching.resume_run):
        with pytest.raises(UserError, match=r"missing; put it back, or start another run"):
            act(run.path)


def test_a_damaged_state_fails_its_run_and_no_other(store, run):
    other = snapshot_training(store, recipes.load("baseline"), None, "")
    finish(other)
    (run.path / "state.json").write_text("{")
    collect(store)
    assert runs.get(store, 1).state == FAILED
    assert "damaged" in runs.get(store, 1).reason
    assert runs.get(store, 2).state == DONE


def test_damaged_predictions_fail_their_run_and_no_other(store, run):
    other = snapshot_training(store, recipes.load("baseline"), None, "")
    finish(other)
    finish(run)
    (run.path / "predictions.parquet").write_bytes(b"PAR1 nothing")
    collect(store)
    assert runs.get(store, 1).state == FAILED
    assert "damaged" in runs.get(store, 1).reason
    assert runs.get(store, 2).state == DONE


def test_a_run_with_damaged_predictions_can_be_resumed_as_it_says(store, run, monkeypatch):
    finish(run)
    (run.path / "predictions.parquet").write_bytes(b"PAR1 nothing")
    collect(store)
    assert "resume the run" in runs.get(store, 1).reason
    monkeypatch.setattr(launching, "_start", lambda folder, how, lock: 0)
    launching.resume_run(run.path)


def test_a_loss_that_is_no_number_stops_nothing(store, run):
    append_log(run.path, "step", step=1, loss=float("nan"), lr=1e-4)
    append_log(run.path, "step", step=2, loss=float("inf"), lr=1e-4)
    append_log(run.path, "step", step=3, loss=0.5, lr=1e-4)
    finish(run)
    collect(store)
    assert runs.metrics(store, 1, "loss")[-1] == (3, 0.5)
    assert len(runs.metrics(store, 1, "lr")) == 3


def test_probabilities_that_are_no_numbers_fail_their_run(store, run):
    finish(run, rows=np.full((N, 2), np.nan))
    collect(store)
    assert runs.get(store, 1).state == FAILED
    assert runs.get(store, 1).predictions == 0


def test_collecting_that_was_cut_off_is_done_again_whole(store, run, monkeypatch):
    """As if killed between two batches of predictions."""
    finish(run)
    monkeypatch.setattr("storage.runs.predictions.PREDICTIONS_AT_ONCE", 10)
    taken = []

    def cut_off(*about, read=incoming_predictions.read_predictions):
        for prediction in read(*about):
            taken.append(prediction)
            if len(taken) == 25:
                raise KeyboardInterrupt
            yield prediction

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(incoming_predictions, "read_predictions", cut_off)
        collect(store)
    collect(store)
    assert runs.get(store, 1).predictions == N


def test_looking_for_what_has_ended_imports_no_library_of_numbers():
    code = (
        "import sys, workbench.runs.collecting\n"
        "sys.exit(sorted({'numpy', 'pyarrow', 'sklearn'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


def test_the_folder_of_another_run_is_not_taken_in(store, run):
    """A database restored from a backup may meet the folder of a later run of the same number."""
    values = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(values | {"uid": "of another life"}))
    finish(run)
    collect(store)
    assert runs.get(store, 1).predictions == 0


# Evaluation


def expected(store, split, rows, leave_out=()):
    pairs = [
        (("positive", "negative").index(tweet.label), int(rows[tweet.id - 1].argmax()))
        for tweet in tweets.each(store, f"split:{split}")
        if tweet.label and not tweet.excluded and tweet.id not in leave_out
    ]
    return evaluate(*zip(*pairs, strict=True), ("positive", "negative"))


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_an_evaluation_is_about_one_split(split, store, run):
    finish(run)
    collect(store)
    assert evaluate_run(store, 1, split) == {split: expected(store, split, probabilities())}


def test_in_sample_predictions_do_not_count(store, run):
    finish(run, in_sample=[21, 22, 23])
    collect(store)
    assert evaluate_run(store, 1)["train"] == expected(
        store, "train", probabilities(), leave_out=(21, 22, 23)
    )
    assert tweets.tweet(store, 21).in_sample is True
    assert tweets.tweet(store, 24).in_sample is False


def test_a_split_that_was_trained_on_whole_has_no_figures(store, run):
    finish(run, in_sample=range(21, N + 1))
    collect(store)
    assert set(evaluate_run(store, 1)) == {"dev", "test"}
    assert set(runs.get(store, 1).metrics) == {"dev", "test"}


def test_an_evaluation_follows_the_labels(store, run):
    finish(run)
    collect(store)
    before = evaluate_run(store, 1)["test"]
    predicted = tweets.tweet(store, 1).pred
    other = "negative" if predicted == "positive" else "positive"
    for label in (predicted, other):
        labels.assign(store, [1], label)
        report = evaluate_run(store, 1)["test"]
        assert report == expected(store, "test", probabilities())
    labels.mark(store, [1], "excluded", True)
    assert evaluate_run(store, 1)["test"]["n"] == before["n"] - 1


# Suspects


def test_suspects_are_ranked_and_kept_as_a_queue(store, run):
    finish(run)
    collect(store)
    ranked = rank_suspects(store).tweets
    assert len(ranked) == N
    assert [score for _, score, _ in ranked] == sorted((s for _, s, _ in ranked), reverse=True)
    assert list(tweets.listing(store, sort="suspect")) == [tweet for tweet, *_ in ranked]
    assert rank_suspects(store).tweets == ranked


def test_the_newest_baseline_ranks_in_whatever_order_they_are_collected(store, run):
    later = snapshot_training(store, recipes.load("baseline"), None, "")
    finish(run)
    finish(later, probabilities(seed=5))
    assert [changed.id for changed in collect(store)] == [2, 1]
    assert suspect_ranking.ranking(store).run == 2 == displayed_run.shown_run(store)
    assert displayed_run.offered(store) == 1
    displayed_run.promote(store, 1)
    finish(snapshot_training(store, recipes.load("baseline"), None, ""), probabilities(seed=6))
    rank_suspects(store)
    collect(store)
    assert suspect_ranking.ranking(store).run == 1


def test_of_runs_that_ended_unseen_the_newest_that_scored_as_many_is_shown(store, run):
    second, few = (snapshot_training(store, recipes.load("baseline"), None, "") for _ in range(2))
    finish(run), finish(second)
    finish(few, probabilities()[:3], tweets=3)
    assert [changed.id for changed in collect(store, ranks=False)] == [3, 2, 1]
    assert displayed_run.shown_run(store) == 2
    assert displayed_run.offered(store) == 1
    displayed_run.promote(store, 1)
    finish(snapshot_training(store, recipes.load("baseline"), None, ""))
    collect(store, ranks=False)
    assert (displayed_run.shown_run(store), displayed_run.promoted_run(store)) == (2, 1)
    assert displayed_run.offered(store) == 4


def test_who_ranks_the_suspects_itself_collects_without_that(store, run):
    finish(run)
    assert [changed.id for changed in collect(store, ranks=False)] == [1]
    assert suspect_ranking.ranking(store) is None
    finish(snapshot_training(store, recipes.load("baseline"), None, ""))
    collect(store)
    assert suspect_ranking.ranking(store).run == 2


def test_suspects_leave_out_in_sample_excluded_and_unlabelled_tweets(store, run):
    finish(run, in_sample=[30])
    collect(store)
    labels.mark(store, [31], "excluded", True)
    labels.assign(store, [32], None)
    alone = {tweet for tweet, *_ in rank_suspects(store, 1).tweets}
    assert alone == set(range(1, N + 1)) - {30, 31, 32}
    ranked = {tweet for tweet, *_ in rank_suspects(store).tweets}  # by similar texts too
    assert ranked == set(range(1, N + 1)) - {31, 32}


def test_a_corrected_tweet_is_no_suspect_any_more(store, run):
    finish(run)
    collect(store)
    first = rank_suspects(store).tweets[0][0]
    labels.assign(store, [first], tweets.tweet(store, first).pred)
    assert rank_suspects(store).tweets[0][0] != first
    assert [tweet for tweet, *_ in rank_suspects(store).tweets].index(first) > N // 2


def test_suspects_without_a_run_are_refused(store, run):
    with pytest.raises(UserError, match="no finished baseline run"):
        rank_suspects(store)
    finish(run, in_sample=range(1, N + 1))
    collect(store)
    with pytest.raises(UserError, match="no out-of-sample predictions"):
        rank_suspects(store)
