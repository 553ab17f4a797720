"""Run folders that were copied in are collected as if they had been made here."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.query import tweets
from storage.runs import runs
from workbench.recipes import recipes
from workbench.rundir import tables
from workbench.rundir.folder import (
    DONE,
    FAILED,
    RUNNING,
    State,
    append_log,
    read_job,
    read_state,
    write_state,
)
from workbench.runs.collecting import collect
from workbench.runs.snapshotting import snapshot_training

N = 30


def rows(order=range(N)):
    return [
        {
            "text": f"text number {n}",
            "label": ("positive", "negative")[n % 3 == 0],
            "split": "test" if n < 10 else "train",
        }
        for n in order
    ]


def sure(n):
    """How sure the run is that text n is positive: different for each."""
    return (n + 1) / 102


def work(folder, state=DONE):
    """Do what a worker does: learn from the frozen tweets and score the wanted ones."""
    wanted = tables.read_snapshot(folder / "predict.parquet")
    numbers = [int(text.rpartition(" ")[2]) for text in wanted.texts]
    chances = np.array([[sure(n), 1 - sure(n)] for n in numbers])
    trained_on = set(tables.read_snapshot(folder / "train.parquet").ids)
    tables.write_predictions(folder, wanted.ids, chances, trained_on)
    append_log(folder, "step", step=3, loss=0.5)
    write_state(folder, State(started=1.0, finished=2.0), state=state, step=3, host="gpu-box")


@pytest.fixture
def home(make_store, fill):
    return fill(make_store(), rows())


@pytest.fixture
def away(make_store, fill):
    """Another workspace with some of the same tweets under other numbers, and a run of its own."""
    store = fill(make_store("away"), [*rows(reversed(range(5, N))), {"text": "text number 99"}])
    run = snapshot_training(store, recipes.load("baseline"), None, "")
    work(run.path)
    return run.path


def shown(store, run):
    return {
        t.text: (t.confidence, t.in_sample)
        for t in tweets.each(store, "", run=run)
        if t.pred is not None
    }


@pytest.mark.parametrize("name", ["1", "7", "from-gpu-box"])
def test_a_run_copied_in_becomes_a_run_with_its_predictions_at_the_right_texts(name, home, away):
    shutil.copytree(away, home.runs_folder / name)
    (run,) = collect(home)
    assert run.id == (7 if name == "7" else 1)
    assert (run.state, run.uid, run.predictions) == (DONE, read_job(away).uid, N - 5)
    assert [path.name for path in home.runs_folder.iterdir() if path.is_dir()] == [str(run.id)]
    told = shown(home, run.id)
    assert set(told) == {f"text number {n}" for n in range(5, N)}
    for n in range(5, N):
        confidence, in_sample = told[f"text number {n}"]
        assert confidence == pytest.approx(max(sure(n), 1 - sure(n)))
        assert in_sample == (n >= 10)
    assert runs.metrics(home, run.id, "loss") == [(3, 0.5)]
    assert collect(home) == []
    assert len(runs.every(home)) == 1


def test_out_of_fold_predictions_stay_so_in_another_workspace(home, away):
    wanted = tables.read_snapshot(away / "predict.parquet")
    chances = [[0.5, 0.5]] * len(wanted.ids)
    tables.write_predictions(away, wanted.ids, chances, set())
    shutil.copytree(away, home.runs_folder / "1")
    collect(home)
    assert {in_sample for _, in_sample in shown(home, 1).values()} == {False}
    assert set(runs.get(home, 1).metrics) == {"train", "test"}


def test_what_was_trained_on_is_known_by_its_text(away):
    train = tables.read_snapshot(away / "train.parquet")
    moved = pq.read_table(away / "train.parquet").set_column(
        0, "id", pa.array([number + 3 for number in train.ids], pa.int64())
    )
    pq.write_table(moved, away / "train.parquet")
    assert tables.in_sample_ids(away) == set(train.ids)


def test_a_number_that_is_taken_gives_way_and_loses_nothing(home, away):
    own = snapshot_training(home, recipes.load("baseline"), None, "")
    work(own.path)
    collect(home)
    before = shown(home, 1)
    shutil.move(own.path, own.path.with_name("aside"))
    shutil.copytree(away, own.path)
    shutil.move(own.path.with_name("aside"), own.path.with_name("1.mine"))
    collect(home)
    assert [(run.id, run.state, run.uid) for run in runs.every(home)] == [
        (2, DONE, read_job(away).uid),
        (1, DONE, own.job.uid),
    ]
    assert read_job(home.run_folder(1)).uid == own.job.uid
    assert shown(home, 1) == before


def test_a_run_worked_on_elsewhere_and_copied_back_is_collected(home):
    own = snapshot_training(home, recipes.load("baseline"), None, "")
    away = shutil.copytree(own.path, home.folder.parent / "gpu-box")
    write_state(away, State(), state=RUNNING, step=1, host="gpu-box", pid=77, pid_started=1.0)
    append_log(away, "step", step=1, loss=0.9)
    shutil.copytree(away, own.path, dirs_exist_ok=True)
    assert [run.state for run in collect(home)] == [RUNNING]
    assert collect(home) == [], "a worker on another machine is not looked for here"
    work(away)
    shutil.copytree(away, own.path, dirs_exist_ok=True)
    (run,) = collect(home)
    assert (run.state, run.predictions) == (DONE, N)
    assert runs.metrics(home, 1, "loss") == [(1, 0.9), (3, 0.5)]


def test_a_copy_that_is_further_takes_the_place_of_the_folder(home):
    own = snapshot_training(home, recipes.load("baseline"), None, "")
    copy = shutil.copytree(own.path, own.path.with_name("1-from-gpu-box"))
    work(copy)
    (run,) = collect(home)
    assert (run.id, run.state, run.predictions) == (1, DONE, N)
    assert read_state(own.path.parent / ".trash" / "1").state == "queued"
    work(shutil.copytree(own.path, own.path.with_name("again")), state=FAILED)
    assert collect(home) == []
    assert (own.path.parent / "again").is_dir(), "an older copy is left alone"


def test_a_run_with_labels_that_are_not_here_is_left_alone(home, away):
    there = shutil.copytree(away, home.runs_folder / "other")
    values = json.loads((there / "run.json").read_text())
    values |= {"labels": ["red", "blue"], "words": ["Red", "Blue"]}
    (there / "run.json").write_text(json.dumps(values))
    assert collect(home) == []
    assert runs.every(home) == [] and there.is_dir()


PREDICTIONS = {
    "cut off": lambda path, table: path.write_bytes(path.read_bytes()[:-100]),
    "empty": lambda path, table: path.write_bytes(b""),
    "a text": lambda path, table: path.write_text("hello"),
    "no ids": lambda path, table: pq.write_table(table.drop_columns("id"), path),
    "three labels": lambda path, table: pq.write_table(
        table.set_column(1, "probabilities", pa.array([[0.2, 0.3, 0.5]] * len(table))), path
    ),
    "beyond one": lambda path, table: pq.write_table(
        table.set_column(1, "probabilities", pa.array([[7.0, -6.0]] * len(table))), path
    ),
    "null": lambda path, table: pq.write_table(
        table.set_column(1, "probabilities", pa.array([None] * len(table), pa.list_(pa.float64()))),
        path,
    ),
    "words": lambda path, table: pq.write_table(
        table.set_column(0, "id", pa.array(["a"] * len(table))), path
    ),
}


@pytest.mark.parametrize("damage", PREDICTIONS)
def test_damaged_predictions_are_one_sentence(damage, home):
    own = snapshot_training(home, recipes.load("baseline"), None, "")
    work(own.path)
    path = own.path / "predictions.parquet"
    PREDICTIONS[damage](path, pq.read_table(path))
    content = path.read_bytes()
    (run,) = collect(home)
    assert (run.state, run.predictions) == (FAILED, 0)
    assert "predictions.parquet" in run.reason and "\n" not in run.reason
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["run.json", "predict.parquet"])
def test_a_file_that_is_missing_is_named(name, home):
    own = snapshot_training(home, recipes.load("baseline"), None, "")
    work(own.path)
    (own.path / name).unlink()
    (run,) = collect(home)
    assert run.state == FAILED and f"{name} is missing" in run.reason


def test_things_in_runs_that_are_no_runs_stop_nothing(home):
    (home.runs_folder / "notes.txt").write_text("mine")
    (home.runs_folder / "empty").mkdir()
    (home.runs_folder / "link").symlink_to("/etc")
    (bad := home.runs_folder / "4").mkdir()
    (bad / "run.json").write_text("{")
    os.mkfifo(home.runs_folder / "pipe")
    assert collect(home) == []
    assert len(list(home.runs_folder.iterdir())) >= 5
