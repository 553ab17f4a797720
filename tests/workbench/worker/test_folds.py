"""A run with folds: predictions of its training tweets are out of sample, others of its adapter."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq
import pytest
from bases_by_code import save_base

from storage.runs import runs
from workbench.rundir import fold_tables
from workbench.rundir.folder import DONE, read_job, read_log, read_state
from workbench.runs.collecting import collect
from workbench.worker.reporter import Reporter
from workbench.worker.run import do_run

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.usefixtures("forked")]

FOLDS = ("training.folds=3", "training.learning_rate=1e-2")


@pytest.fixture
def fold_run(make_model_run, tmp_path):
    """Makes the folder of a run with three folds on a small base."""
    base = save_base("llama", tmp_path / "base")
    return lambda *overrides: make_model_run(*FOLDS, *overrides, base=base)


def predictions(run):
    """Probabilities and the mark of in-sample by tweet."""
    rows = pq.read_table(run / "predictions.parquet").to_pylist()
    return {row["id"]: (row["probabilities"], row["in_sample"]) for row in rows}


def test_each_training_tweet_is_predicted_out_of_its_fold(fold_run, filled):
    run = fold_run()
    assert do_run(read_job(run), run, Reporter(run)), read_state(run).reason
    found, train = predictions(run), pq.read_table(run / "train.parquet").to_pydict()
    assert len(found) == 40 and not any(inside for _, inside in found.values())
    folds = fold_tables.read_folds(run)
    assert list(folds) == train["id"]
    of_group = {(group, folds[n]) for n, group in zip(train["id"], train["group"], strict=True)}
    assert len(of_group) == len(set(train["group"]))
    counts = Counter(zip(train["label"], folds.values(), strict=True))
    assert len(counts) == 6, "each fold holds out each label"
    state = read_state(run)
    assert (state.state, state.step) == (DONE, 16)
    phases = [values["phase"] for values, _ in read_log(run) if "phase" in values]
    for phase in ("fold 2 of 3: training", "fold 2 of 3: scoring it", "all tweets: training"):
        assert phases.count(phase) == 1
    collect(filled)
    assert runs.get(filled, 1).metrics["train"]["n"] == 30, "and its dev tweets"
    assert not (run / "checkpoints").exists()

    marked = dict(found)
    (run / "state.json").unlink()
    (run / fold_tables.FOLDS).unlink()
    assert do_run(read_job(run), run, Reporter(run)), "the adapter is there: it only scores again"
    again = predictions(run)
    for number, (row, inside) in again.items():
        if number in folds:
            assert inside and row != marked[number][0], "now it says what the adapter says"
        else:
            assert row == pytest.approx(marked[number][0], abs=1e-4)


def test_a_fold_that_is_done_is_not_trained_again(fold_run, until, work):
    run = fold_run("training.max_steps=60")
    process = work(run, wait=False)
    until(lambda: fold_tables.read_fold_scores(run, 0, members(run, 0)))
    process.kill()
    process.wait()
    before = predictions_of_fold(run, 0)
    assert work(run).returncode == 0, read_state(run).reason
    phases = [values["phase"] for values, _ in read_log(run) if "phase" in values]
    assert phases.count("fold 1 of 3: training") == 1
    assert phases.count("fold 3 of 3: training") == 1
    found = predictions(run)
    assert {number: found[number][0] for number in before} == before
    notes = [values["text"] for values, _ in read_log(run) if "text" in values]
    assert any("1 of which are done" in note or "2 of which are done" in note for note in notes)


def test_without_a_last_fit_only_training_tweets_are_predicted(fold_run, filled):
    run = fold_run("training.final_fit=false")
    assert do_run(read_job(run), run, Reporter(run)), read_state(run).reason
    found = predictions(run)
    assert sorted(found) == sorted(fold_tables.read_folds(run))
    assert not any(inside for _, inside in found.values())
    assert not (run / "adapter").exists()


def members(run, fold):
    """The tweets of a fold."""
    return [number for number, own in fold_tables.read_folds(run).items() if own == fold]


def predictions_of_fold(run, fold):
    """What a finished fold has scored."""
    return fold_tables.read_fold_scores(run, fold, members(run, fold))
