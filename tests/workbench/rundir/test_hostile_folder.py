"""Run folders that somebody made to do harm: refused in one sentence, and nothing written."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import HOSTILE, acting

from storage.errors import UsageError, UserError
from storage.query import tweets
from storage.runs import runs
from workbench.recipes import recipes
from workbench.rundir import tables
from workbench.rundir.folder import (
    DONE,
    QUEUED,
    State,
    append_log,
    read_job,
    read_state,
    require_no_links,
    write_state,
)
from workbench.runs import launching
from workbench.runs.collecting import collect
from workbench.runs.snapshotting import snapshot_clone
from workbench.worker.baseline_job import run_baseline
from workbench.worker.reporter import Reporter


@pytest.fixture
def outside(tmp_path):
    """A file of the user that a link could lead to."""
    (folder := tmp_path / "outside").mkdir()
    (folder / "diary").write_text("mine")
    return folder


LINKS = {
    ".predictions.parquet": "diary",
    "predictions.parquet": "diary",
    "worker.log": "diary",
    "log.jsonl": "diary",
    "state.json": "diary",
    ".reserve": "diary",
    "lock": "diary",
    "stop": "diary",
    "checkpoints": ".",
    "adapter": ".",
    "adapter/adapter_model.safetensors": "diary",
    "checkpoints/checkpoint-4": ".",
    "train.parquet": "diary",
}


def unchanged(outside):
    return [path.name for path in outside.iterdir()] == ["diary"] and (
        (outside / "diary").read_text() == "mine"
    )


@pytest.mark.parametrize("name", LINKS)
def test_a_run_with_a_link_is_not_started_and_writes_nothing(name, baseline, outside, filled):
    place = baseline / name
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(outside / LINKS[name])
    for act in (launching.start_run, launching.resume_run, require_no_links):
        with pytest.raises(UserError, match="is a link, and a run stays in its folder"):
            act(baseline)
    with pytest.raises(UserError, match="is a link"):
        snapshot_clone(filled, baseline, recipes.load("baseline"), None)
    assert unchanged(outside)


@pytest.mark.slow
def test_a_worker_refuses_a_folder_with_a_link(baseline, outside, work):
    (baseline / ".predictions.parquet").symlink_to(outside / "diary")
    process = work(baseline)
    assert process.returncode == 1 and process.err.count("\n") == 1
    assert ".predictions.parquet is a link" in process.err
    assert read_state(baseline).state == QUEUED and unchanged(outside)


def test_a_folder_with_a_link_that_was_copied_in_is_left_alone_and_told_of(
    make_store, fill, outside, baseline, cli
):
    other = fill(
        make_store("other"),
        [{"text": "up", "label": "positive"}, {"text": "down", "label": "negative"}],
    )
    copied = shutil.copytree(baseline, other.runs_folder / "5")
    (copied / "adapter").symlink_to(outside)
    done = cli("-w", other.folder, "runs", "--json")
    assert (done.status, done.json) == (0, [])
    assert done.err.count("\n") == 1 and "5 was left alone" in done.err and "is a link" in done.err
    assert copied.is_dir() and unchanged(outside)


COLUMNS = {
    "no text": lambda t: t.drop_columns("text"),
    "no id": lambda t: t.drop_columns("id"),
    "no label": lambda t: t.drop_columns("label"),
    "another label": lambda t: t.set_column(2, "label", pa.array(["red"] * len(t))),
    "labels that are numbers": lambda t: t.set_column(2, "label", pa.array([1] * len(t))),
    "labels that are lists": lambda t: t.set_column(2, "label", pa.array([["a"]] * len(t))),
    "a label missing": lambda t: t.set_column(2, "label", pa.array([None] * len(t), pa.string())),
    "texts that are numbers": lambda t: t.set_column(1, "text", pa.array([1.5] * len(t))),
    "texts missing": lambda t: t.set_column(1, "text", pa.array([None] * len(t), pa.string())),
    "ids that are words": lambda t: t.set_column(0, "id", pa.array(["one"] * len(t))),
    "ids beyond all": lambda t: t.set_column(0, "id", pa.array([2**63] * len(t), pa.uint64())),
}


@pytest.mark.parametrize("damage", COLUMNS)
def test_columns_that_are_not_right_are_one_sentence(damage, baseline):
    table = pq.read_table(baseline / "train.parquet")
    pq.write_table(COLUMNS[damage](table), baseline / "train.parquet")
    reporter = Reporter(baseline)
    with pytest.raises(UserError, match=r"train\.parquet is damaged") as told:
        run_baseline(read_job(baseline), baseline, reporter)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("damage", [name for name in COLUMNS if "label" not in name])
def test_so_are_those_of_the_tweets_to_score(damage, baseline):
    table = pq.read_table(baseline / "predict.parquet")
    pq.write_table(COLUMNS[damage](table), baseline / "predict.parquet")
    with pytest.raises(UserError, match=r"predict\.parquet is damaged"):
        list(tables.read_windows(baseline / "predict.parquet"))
    (baseline / "predict.parquet").write_bytes(b"PAR1")
    for read in (tables.count_rows, lambda path: list(tables.read_windows(path))):
        with pytest.raises(UserError, match=r"predict\.parquet is damaged"):
            read(baseline / "predict.parquet")


def test_predictions_for_tweets_that_are_not_here_are_left_out(baseline, filled):
    ids = [1, 2, 3, 10**15, -4, 0]
    rows = np.array([[0.9, 0.1]] * len(ids))
    tables.write_predictions(baseline, ids, rows, set())
    write_state(baseline, State(started=1.0, finished=2.0), state=DONE)
    (run,) = collect(filled)
    assert (run.state, run.predictions) == (DONE, 3)
    assert [t.id for t in tweets.each(filled, "", run=run.id) if t.pred is not None] == [1, 2, 3]


@pytest.mark.parametrize(
    "setting",
    [
        "training.seed=-1",
        "training.batch_size=1000000000",
        "training.batch_size=0",
        "training.accumulation=99999999",
        "training.patience=-1",
        "training.learning_rate=nan",
        "training.warmup=inf",
        "lora.dropout=nan",
        "training.keep_best=3",
    ],
)
def test_settings_beyond_reason_are_refused(setting, baseline):
    with pytest.raises(UsageError):
        recipes.load("fast", [setting])


def test_names_and_reasons_act_on_no_terminal(make_store, fill, baseline, cli):
    """What a run.json, a state.json and a log.jsonl from elsewhere say is shown inert."""
    odd = " ".join(HOSTILE)
    other = fill(
        make_store("other"),
        [{"text": f"text number {i}", "split": "test", "label": "positive"} for i in range(10)],
    )
    for name in ("1", "2"):
        copied = shutil.copytree(baseline, other.runs_folder / name)
        values = json.loads((copied / "run.json").read_text())
        values["recipe"] |= {"name": f"{name} {odd}", "description": odd}
        values |= {"uid": f"u{name}", "template": f"{name} {odd} {{text}}:", "base": odd}
        (copied / "run.json").write_text(json.dumps(values))
        tables.write_predictions(copied, list(range(1, 11)), [[0.5, 0.5]] * 10, set())
        for event in ("phase", "note", "step", "dev", odd):
            append_log(copied, event, phase=odd, text=odd, step=1, loss=odd, best_step=odd)
        write_state(copied, State(started=1.0, finished=2.0), state=DONE, reason=odd, phase=odd)
    assert [run.state for run in collect(other)] == [DONE, DONE]
    assert len(runs.every(other)) == 2
    for command in (
        ("runs",),
        ("logs", 1),
        ("compare", 1, 2),
        ("evaluate", 1),
        ("runs", "--json"),
        ("delete", 1, "--yes"),
        ("undelete",),
    ):
        done = cli("-w", other.folder, *command)
        assert done.status == 0, done.err
        assert acting(done.out + done.err) == [], command


def test_a_run_from_elsewhere_brings_no_permission_to_run_code(make_store, fill, baseline, cli):
    other = fill(make_store("other"), [{"text": "up", "label": "positive"}])
    copied = shutil.copytree(baseline, other.runs_folder / "1")
    values = json.loads((copied / "run.json").read_text())
    before = json.dumps(values | {"trust_remote_code": True})
    (copied / "run.json").write_text(before)
    told = cli("-w", other.folder, "runs").err
    assert "1 was left alone: its run.json lets the base bring code" in told
    assert runs.every(other) == [] and (copied / "run.json").read_text() == before


DETAILS = {
    "nothing": "",
    "cut off": '{"base": "b", "labe',
    "a list": "[1]",
    "deep": "[" * 100_000,
    "empty": "{}",
    "a base that is a number": {"base": 3},
    "one label": {"labels": ["a"]},
    "a recipe that is a text": {"recipe": "fast"},
    "tokens that are texts": {"label_token_ids": [["1"], ["2"]]},
    "a length that is a text": {"max_length": "5"},
}


@pytest.mark.models
@pytest.mark.parametrize("damage", DETAILS)
def test_details_of_an_adapter_that_are_not_right_are_one_sentence(damage, tmp_path):
    from workbench.modeling.classify import classify_texts
    from workbench.modeling.export.export import export_model

    right = {
        "base": "b",
        "template": "{text}:",
        "labels": ["p", "n"],
        "words": ["P", "N"],
        "label_token_ids": [[1], [2]],
        "max_length": 64,
        "recipe": recipes.load("fast").as_json(),
    }
    wrong = DETAILS[damage]
    content = wrong if isinstance(wrong, str) else json.dumps(right | wrong)
    (tmp_path / "workbench.json").write_text(content)
    for use in (
        lambda: classify_texts(tmp_path, ["up"]),
        lambda: export_model(tmp_path, tmp_path / "to", True),
    ):
        with pytest.raises(UserError, match=r"workbench\.json cannot be used") as told:
            use()
        assert "\n" not in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == ["workbench.json"]
