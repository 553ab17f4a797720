"""Run folders of earlier versions are read, taken in, and gone on with.

`tests/fixtures/run-folders` holds a baseline run and a short fine-tuning run (a LoRA of rank 1) on
the first sixty tweets of the demo, as version 0.1.0 left them behind.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from storage.query import tweets
from storage.runs import runs
from workbench.rundir import tables
from workbench.rundir.folder import DONE, QUEUED, STOPPED, read_job, read_log, read_state
from workbench.rundir.launch import Launch, read_launch
from workbench.rundir.liveness import reconcile_state
from workbench.runs.collecting import collect

OLD = Path(__file__).parents[2] / "fixtures" / "run-folders"
KINDS = ("baseline", "qlora")
SCORED, TRAINED_ON = 60, {"baseline": 44, "qlora": 35}
MADE_ON = "/srv/label-workbench/sample_data/base"
"""Where the base lay on the machine that the runs were made on."""


@pytest.fixture(params=KINDS)
def old(request, tmp_path):
    """A copy of an old run folder."""
    return Path(shutil.copytree(OLD / request.param, tmp_path / request.param))


@pytest.fixture
def demo(make_store, fill, repository):
    """A workspace with tweets of the demo under other numbers."""
    with (repository / "sample_data" / "tweets.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"]][: SCORED + 20]
    return fill(make_store(), [{"text": r["text"], "label": r["label"]} for r in reversed(rows)])


def test_its_job_state_launch_and_log_are_read(old):
    job, state = read_job(old), reconcile_state(old)
    assert (job.kind, job.labels, job.words) == (
        old.name,
        ("positive", "negative"),
        ("Positive", "Negative"),
    )
    assert (state.state, read_launch(old)) == (DONE, Launch())
    phases = [values["phase"] for values, _ in read_log(old) if values["event"] == "phase"]
    assert (phases[0], phases[-1]) == ("starting", "done")
    if old.name == "qlora":
        assert (job.base, job.recipe.name, job.recipe.lora.r) == (MADE_ON, "tiny", 1)
        assert (state.step, state.linear4bit, state.linear_total) == (6, 16, 16)
        steps = [values["step"] for values, _ in read_log(old) if values["event"] == "step"]
        assert steps == [2, 4, 6]
    else:
        assert (job.base, job.recipe.logistic.folds, state.step) == (None, 5, 0)


def test_its_job_and_state_are_written_as_they_were(old):
    """Other versions, on other machines, read what this one writes."""
    written = {name: json.loads((old / name).read_text()) for name in ("run.json", "launch.json")}
    read_job(old).save(old)
    read_launch(old).save(old)
    for name, values in written.items():
        assert json.loads((old / name).read_text()) == values
    assert vars(read_state(old)) == json.loads((old / "state.json").read_text())


def test_its_tables_are_read(old):
    labels = read_job(old).labels
    trained_on, numbers = tables.read_examples(old / "train.parquet", labels)
    assert len(trained_on.ids) == len(numbers) == TRAINED_ON[old.name]
    assert {labels[number] for number in numbers} == set(labels)
    wanted = tables.read_snapshot(old / "predict.parquet")
    assert len(wanted.texts) == tables.count_rows(old / "predict.parquet") == SCORED
    if old.name == "qlora":
        assert len(tables.read_snapshot(old / "dev.parquet").ids) == 9


def test_it_becomes_a_run_with_its_predictions_and_metrics(old, demo):
    shutil.copytree(old, demo.runs_folder / "from-elsewhere")
    (run,) = collect(demo)
    assert (run.state, run.kind, run.predictions) == (DONE, old.name, SCORED)
    written = pq.read_table(old / "predictions.parquet").to_pydict()
    texts = tables.read_snapshot(old / "predict.parquet").texts
    said = {text: max(row) for text, row in zip(texts, written["probabilities"], strict=True)}
    found = [tweet for tweet in tweets.each(demo, "", run=run.id) if tweet.pred is not None]
    assert {tweet.text: tweet.confidence for tweet in found} == said
    trained_on = set(tables.read_snapshot(old / "train.parquet").texts)
    in_sample = trained_on if old.name == "qlora" else set()  # a baseline predicts out of fold
    assert {tweet.text for tweet in found if tweet.in_sample} == in_sample
    assert run.metrics["test"]["n"] == 16
    if old.name == "qlora":
        assert [step for step, _ in runs.metrics(demo, run.id, "loss")] == [2, 4, 6]
        assert [step for step, _ in runs.metrics(demo, run.id, "dev_accuracy")] == [3, 6]


@pytest.mark.slow
def test_its_adapter_says_what_it_said(tmp_path, repository):
    from workbench.modeling.classify import classify_texts

    old = Path(shutil.copytree(OLD / "qlora", tmp_path / "qlora"))
    for path in old.rglob("*.json"):
        path.write_text(path.read_text().replace(MADE_ON, str(repository / "sample_data/base")))
    texts = tables.read_snapshot(old / "predict.parquet").texts[:8]
    rows = pq.read_table(old / "predictions.parquet")["probabilities"].to_pylist()[:8]
    for found, written in zip(classify_texts(old / "adapter", texts), rows, strict=True):
        assert found == pytest.approx(written, abs=1e-3)


def test_job_scripts_start_the_worker_by_its_earlier_name(old):
    """They were copied into workspaces, where their owners may have edited them."""
    done = python("workbench.runs.worker", old)
    assert done.returncode == 1 and "is done; there is nothing to do." in done.stderr


def test_job_scripts_put_a_stopped_run_back_into_the_queue(old):
    state = json.loads((old / "state.json").read_text()) | {"state": STOPPED}
    (old / "state.json").write_text(json.dumps(state))
    assert python("workbench.runs.launchers.requeue", old).returncode == 0
    assert read_state(old).state == QUEUED


def python(module, folder):
    """Run a module as job scripts do."""
    return subprocess.run(
        [sys.executable, "-P", "-m", module, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
