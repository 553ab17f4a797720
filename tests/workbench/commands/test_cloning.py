"""Runs taken up again: compared, cloned, deleted and brought back."""

from __future__ import annotations

import asyncio
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from driving import driven
from terminals import terminal

from storage.history import labels
from storage.history.events import EditContext
from storage.query import tweets
from storage.runs import displayed_run
from storage.store import open_store
from workbench.tui.app import WorkbenchApp

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]


@pytest.fixture(scope="module")
def template(trained_template, tmp_path_factory, workbench):
    """A workspace with a run and a clone of it that learns much less."""
    folder = shutil.copytree(trained_template, tmp_path_factory.mktemp("again") / "two")
    less = ("--set", "logistic.regularisation=0.001", "--set", "logistic.folds=2")
    done = workbench("-w", folder, "clone", 1, *less, "--wait")
    assert done.status == 0, done.err
    return folder


@pytest.fixture
def two(template, tmp_path, monkeypatch):
    folder = shutil.copytree(template, tmp_path / "two")
    monkeypatch.setenv("WORKBENCH_HOME", str(folder))
    return folder


@pytest.fixture
def store(two):
    opened = open_store(two, "ana")
    yield opened
    opened.close()


def test_a_clone_learns_from_the_same_data_whatever_was_corrected_since(two, store, cli):
    before = pq.read_table(two / "runs" / "1" / "train.parquet")
    first = before["id"].to_pylist()[0]
    other = "negative" if tweets.tweet(store, first).label == "positive" else "positive"
    labels.assign(store, [first], other)
    run = cli("clone", 2, "--set", "logistic.folds=3", "--wait", "--json").json
    assert (run["id"], run["state"], run["predictions"]) == (3, "done", 720)
    assert pq.read_table(two / "runs" / "3" / "train.parquet").equals(before)
    jobs = [json.loads((two / "runs" / n / "run.json").read_text()) for n in "13"]
    assert jobs[0]["data_hash"] == jobs[1]["data_hash"] and jobs[0]["uid"] != jobs[1]["uid"]
    assert jobs[1]["recipe"]["logistic"] == {"folds": 3, "regularisation": 0.001, "seed": 42}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("clone", 9), "no run 9"),
        (("clone", 1, "--set", "lora.r=8"), "not a setting"),
        (("clone", 1, "--recipe", "tiny"), "cannot be cloned"),
        (("compare", 1, 9), "no run 9"),
        (("compare", 1, 2, "--split", "dev"), "no labelled dev tweet"),
        (("compare", 1, 1), "Name two different runs"),
        (("delete",), "Name the runs"),
        (("delete", 1), "add --yes"),
        (("undelete", 1), "is not deleted"),
    ],
)
def test_what_cannot_be_is_one_sentence(two, cli, arguments, complaint):
    done = cli(*arguments)
    assert done.status in (1, 2) and complaint in done.err and done.err.count("\n") == 1


def test_two_runs_side_by_side(two, store, cli):
    found = cli("compare", 1, 2, "--json").json
    said = [{t.id: t for t in tweets.each(store, "split:test", run=n)} for n in (1, 2)]
    right = [{t.id for t in side.values() if t.pred == t.label} for side in said]
    assert found["n"] == 136 == len(said[0])
    for side, figures in zip(right, found["figures"], strict=True):
        assert figures["accuracy"] == pytest.approx(len(side) / 136)
    assert found["mcnemar"]["fixed"] == len(right[1] - right[0])
    assert found["mcnemar"]["broken"] == len(right[0] - right[1])
    change = found["difference"]
    assert change["accuracy"] == pytest.approx((len(right[1]) - len(right[0])) / 136)
    assert change["low"] < change["accuracy"] < change["high"]
    assert [(row["setting"], row["second"]) for row in found["settings"]] == [
        ("logistic.folds", 2),
        ("logistic.regularisation", 0.001),
    ]
    assert found["data"] == {
        "first": 584,
        "second": 584,
        "unknown": [0, 0],
        "added": [],
        "removed": [],
        "relabelled": [],
    }
    flipped = {n for n in said[0] if said[0][n].pred != said[1][n].pred}
    assert {row["id"] for row in found["flips"]} == flipped != set()
    for row in found["flips"]:
        assert (row["label"] == row["second"]) == (row["kind"] == "fixed")
        assert row["text"] == said[0][row["id"]].text
    told = cli("compare", 1, 2, "--limit", 3)
    assert "McNemar's exact test: p" in told.out and "logistic.regularisation" in told.out
    assert f"and {len(flipped) - 3} more" in told.out


def test_what_was_corrected_between_two_runs_is_told(two, store, cli):
    path = two / "runs" / "1" / "train.parquet"
    first, second = pq.read_table(path)["id"].to_pylist()[:2]
    other = "negative" if tweets.tweet(store, first).label == "positive" else "positive"
    labels.assign(store, [first], other)
    labels.mark(store, [second], "excluded", True)
    quick = ("--set", "logistic.folds=2")
    assert cli("train", "--recipe", "baseline", *quick, "--wait").status == 0
    data = cli("compare", 1, 3, "--json").json["data"]
    assert [row["id"] for row in data["relabelled"]] == [first]
    assert (data["removed"], data["added"]) == ([second], [])


def shown(store):
    return [(t.id, t.pred, t.confidence, t.run) for t in tweets.each(store, "", run=2)]


def test_a_deleted_run_is_out_of_sight_and_comes_back_whole(two, store, cli):
    displayed_run.promote(store, 2)
    before = shown(store), cli("compare", 1, 2, "--json").out
    assert cli("delete", 2, "--yes").status == 0
    assert [run["id"] for run in cli("runs", "--json").json] == [1]
    assert "undelete 2" in cli("evaluate", 2).err
    assert {t.run for t in tweets.each(store)} == {1}
    for table in ("predictions", "orders", "metrics", "evaluations"):
        assert store.db.execute(f"SELECT count(*) FROM {table} WHERE run = 2").fetchone() == (0,)
    assert cli("check").status == 0
    assert [run["id"] for run in cli("undelete", "--json").json] == [2]
    assert cli("undelete", 2).out.endswith("predictions); it is promoted again.\n")
    assert (shown(store), cli("compare", 1, 2, "--json").out) == before
    assert cli("undelete", "--json").json == []


def test_the_number_of_a_deleted_run_is_not_given_again(two, cli):
    cli("delete", 2, "--yes")
    assert cli("train", "--recipe", "baseline", "--json").json["id"] == 3
    assert cli("delete", "--empty-trash", "--yes").status == 0
    assert list((two / "runs" / ".trash").iterdir()) == []
    assert "not in the trash" in cli("undelete", 2).err


def test_a_run_without_its_folder_is_not_said_to_be_in_the_trash(two, cli):
    shutil.rmtree(two / "runs" / "2")
    assert "its folder was gone already" in cli("delete", 2, "--yes").out


def test_a_clone_of_damaged_data_names_the_file_of_the_run(two, cli):
    path = two / "runs" / "1" / "train.parquet"
    path.write_bytes(b"PAR1, cut off")
    done = cli("clone", 1)
    assert done.status == 1 and f"{path} is damaged (Parquet magic bytes" in done.err
    path.unlink()
    assert f"{path} is missing; start another run." in cli("clone", 1).err


def test_labels_given_beside_a_deleted_run_keep_their_history(two, store, cli):
    with_run = tweets.tweet(store, 5, run=2)
    labels.assign(store, [5], with_run.pred, EditContext(run=2))
    history = labels.history(store, 5)
    cli("delete", 2, "--yes")
    assert labels.history(store, 5) == history


def test_a_run_at_work_is_not_deleted(two, cli):
    started = cli("train", "--recipe", "baseline", "--json").json
    done = cli("delete", started["id"], "--yes")
    assert done.status == 1 and "stop it first" in done.err
    assert (two / "runs" / str(started["id"])).is_dir()


def test_a_run_from_elsewhere_is_compared_by_its_texts(two, store, cli):
    """Its workspace numbered the tweets the other way round, and had some that are not here."""
    path = two / "runs" / "2" / "train.parquet"
    table = pq.read_table(path)
    ids = table["id"].to_pylist()[::-1]
    texts = [*table["text"].to_pylist()[:-2], "not here", "nor this one"]
    table = table.set_column(0, "id", pa.array(ids)).set_column(1, "text", pa.array(texts))
    pq.write_table(table, path)
    data = cli("compare", 1, 2, "--json").json["data"]
    assert (data["first"], data["second"], data["unknown"]) == (584, 584, [0, 2])
    assert (len(data["removed"]), data["added"], data["relabelled"]) == (2, [], [])


def test_deleting_asks_on_a_terminal(two):
    for answer, gone in ((b"n\r", False), (b"y\r", True)):
        with terminal("-m", "workbench", "-w", two, "delete", 2) as shell:
            shell.until("Delete this run?")
            shell.press(answer)
            shell.until("in the trash" if gone else "Nothing was changed")
            assert shell.wait() == 0
        assert (two / "runs" / "2").exists() != gone
    assert (two / "runs" / ".trash" / "2").is_dir()


async def test_runs_are_compared_and_deleted_on_the_screen(two):
    async with driven(WorkbenchApp(two, "ana"), (110, 40)) as driver:
        await driver.press("r")
        await driver.until_seen("baseline")
        await driver.press("c")
        await driver.until_seen("McNemar's exact test")
        await driver.until_seen("logistic.regularisation")
        await driver.press("escape", "C")
        await driver.until_seen("Train again on the tweets and labels of run 2 (baseline)")
        await driver.until_seen("logistic.regularisation=0.001")
        await driver.press(*"logistic.folds=1", "enter", "enter")
        await driver.until_seen("logistic.folds is 2 or more")
        await driver.press("shift+tab", "backspace", "3", "enter", "enter")
        await driver.until_seen("run 3 · baseline")
        assert json.loads((two / "runs" / "3" / "run.json").read_text())["recipe"]["logistic"] == {
            "folds": 3,
            "regularisation": 0.001,
            "seed": 42,
        }
        await driver.until_seen("run 3 is done")
        await driver.press("r", "g", "j")
        await driver.until_seen("▌      2")
        await driver.press("D")
        await driver.until_seen("Delete run 2 (baseline, done)?")
        await driver.press("escape", "D", "down", "enter")
        await driver.until_seen("Run 2 is deleted; U brings it back")
        assert (two / "runs" / ".trash" / "2").is_dir() and not (two / "runs" / "2").exists()


async def test_a_run_started_from_a_command_line_shows_up_on_the_screen(two, workbench):
    app = WorkbenchApp(two, "ana")
    async with driven(app, (110, 40)) as driver:
        await driver.press("r")
        started = await asyncio.to_thread(workbench, "-w", two, "clone", 2, "--json")
        assert started.json["id"] == 3

        def listed():
            return [run.state for run in app.screen._table.runs if run.id == 3]

        await driver.until(lambda: listed() == ["done"])
        assert not app.run_watcher.progress[3].live
