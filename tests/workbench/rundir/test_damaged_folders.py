"""Four hundred run folders of which half are damaged: a sentence each, and all else goes on."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from driving import driven

from storage.errors import UserError
from storage.runs import runs
from storage.store import open_store
from storage.transactions import transaction
from workbench.rundir import tables
from workbench.rundir.folder import DONE, FAILED, STOPPED, read_state, write_state
from workbench.runs.collecting import collect
from workbench.tui import run_progress
from workbench.tui.app import WorkbenchApp
from workbench.tui.run_folder_reader import RunFolderReader

pytestmark = pytest.mark.slow

MANY = 400
TWEETS = 40
NOBODY = 65534


def cut(name):
    def damage(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return damage


def put(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def change(name, **values):
    def damage(folder):
        there = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(there | values))

    return damage


def without(name):
    return lambda folder: (folder / name).unlink()


def folder_for(name):
    def damage(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


UNKNOWABLE = {
    "run.json cut off": cut("run.json"),
    "no run.json": without("run.json"),
    "run.json a list": put("run.json", b"[1]"),
    "run.json a folder": folder_for("run.json"),
    "run.json binary": put("run.json", bytes(range(256))),
    "a recipe that is a text": change("run.json", recipe="fast"),
    "labels that are numbers": change("run.json", labels=[1, 2]),
    "another protocol": change("run.json", protocol=9),
}
"""Of these folders nobody can say what the run is."""
UNKNOWN_STATE = {
    "state.json cut off": cut("state.json"),
    "state.json empty": put("state.json", b""),
    "state.json a folder": folder_for("state.json"),
    "a step that is a text": change("state.json", step="3"),
    "a state that is none": change("state.json", state="asleep"),
}
"""Of these nobody can say how far it is."""
UNUSABLE = {
    "predictions cut off": cut("predictions.parquet"),
    "predictions of nothing": put("predictions.parquet", b""),
    "predictions a folder": folder_for("predictions.parquet"),
    "no texts": without("predict.parquet"),
    "texts cut off": cut("predict.parquet"),
}
HARMLESS = {
    "launch.json cut off": put("launch.json", b'{"launcher": "sl'),
    "launch.json a folder": lambda folder: (folder / "launch.json").mkdir(),
    "a binary log": put("log.jsonl", bytes(range(256)) * 9),
    "a log that is a folder": lambda folder: (folder / "log.jsonl").mkdir(),
    "a worker's log that is a folder": lambda folder: (folder / "worker.log").mkdir(),
}
UNCLEAR = UNKNOWABLE | UNKNOWN_STATE
DAMAGES = UNCLEAR | UNUSABLE | HARMLESS


@pytest.fixture
def workspace(filled, baseline):
    """Folders by what is wrong with them, which is nothing with every second one.

    Half of them are runs of the store, of which it has not yet heard that they have ended, and
    the others were copied in.
    """
    first = np.linspace(0.1, 0.9, TWEETS)
    chances = np.column_stack([first, 1 - first])
    tables.write_predictions(baseline, list(range(1, TWEETS + 1)), chances, set())
    write_state(baseline, read_state(baseline), state=DONE, started=1.0, finished=2.0)
    job, names, made = json.loads((baseline / "run.json").read_text()), list(DAMAGES), {}
    with transaction(filled.db):
        for number in range(2, MANY + 1):
            known = number <= MANY // 2
            name = str(number) if known else f"from-elsewhere-{number}"
            folder = Path(shutil.copytree(baseline, filled.runs_folder / name))
            change("run.json", id=number, uid=f"u{number}")(folder)
            if known:
                runs.add(filled, f"u{number}", job["kind"], "baseline", None, job["labels"])
            wrong = names[number // 2 % len(names)] if number % 2 else ""
            DAMAGES.get(wrong, lambda folder: None)(folder)
            if not wrong or wrong in HARMLESS:
                ended = DONE if number in (2, MANY) else STOPPED
                write_state(folder, read_state(folder), state=ended)
            made[folder] = wrong
    return filled.folder, made


def test_the_list_of_runs_has_a_sentence_for_each_and_the_rest_as_ever(workspace, cli, reopen):
    folder, made = workspace
    wrong = Counter(
        "left alone"
        if path.name.startswith("from") and kind in UNCLEAR
        else FAILED
        if kind in UNCLEAR | UNUSABLE
        else "well"
        for path, kind in made.items()
    )
    told = cli("-w", folder, "runs", "--json")
    assert told.status == 0
    said = told.err.splitlines()
    assert len(said) == len(set(said)) == wrong["left alone"] > 30
    assert all(" was left alone: " in line and line.endswith(".") for line in said)
    listed = told.json
    assert len(listed) == MANY - wrong["left alone"]
    assert sum(run["state"] == FAILED for run in listed) == wrong[FAILED] > 100
    assert all(run["reason"].endswith(".") for run in listed if run["state"] == FAILED)
    assert sum(run["state"] == DONE and run["predictions"] == TWEETS for run in listed) == 3
    again = cli("-w", folder, "runs", "--json")
    assert (again.status, again.json, again.err) == (0, listed, told.err)
    table = cli("-w", folder, "runs")
    assert table.status == 0 and table.out.count("\nRun ") == wrong[FAILED]


async def test_the_screen_counts_them_and_goes_on(workspace):
    app = WorkbenchApp(workspace[0], "ana")
    asked, command = [], app.command

    def counted(*arguments, **more):
        asked.append(arguments[0])
        return command(*arguments, **more)

    app.command = counted
    async with driven(app, (100, 30)) as driver:
        await driver.until_seen("text number 0")
        await driver.press("2")
        await driver.until_seen(" runs are over (")
        assert "R lists them" in driver.text and "is damaged" not in driver.text
        await driver.press("R")
        listed = MANY - sum(
            path.name.startswith("from") and kind in UNCLEAR for path, kind in workspace[1].items()
        )
        await driver.until(lambda: len(app.screen._table.runs) == listed)
        await driver.press("j", "j")
        await driver.pilot.pause(3)  # longer than between two looks
        assert [name for name in asked if name != "compare"] == ["runs"]


LOCKED = {
    2: ".",
    3: "run.json",
    4: "state.json",
    5: "launch.json",
    6: "log.jsonl",
    7: "predictions.parquet",
    8: "predict.parquet",
}
"""What may not be read of which run; the first is as it should be."""


@pytest.fixture
def theirs(workspace):
    """The first runs of the workspace as somebody's who may not read all of it."""
    folder, _ = workspace
    outside = Path(tempfile.mkdtemp())
    outside.chmod(0o755)
    copy = Path(shutil.copytree(folder, outside / "workspace"))
    for path in (copy / "runs").iterdir():
        if path.name not in map(str, (1, *LOCKED)):
            shutil.rmtree(path)
    for number in LOCKED:
        run = copy / "runs" / str(number)
        shutil.rmtree(run)
        shutil.copytree(copy / "runs" / "1", run)
        change("run.json", id=number, uid=f"u{number}")(run)
        (run / "launch.json").write_text("{}")
        (run / "log.jsonl").touch()
    for path in (copy, *copy.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    for number, name in LOCKED.items():
        (copy / "runs" / str(number) / name).chmod(0)
    yield copy
    shutil.rmtree(outside)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_what_may_not_be_read_is_one_sentence(theirs, workspace, cli):
    cli("-w", workspace[0], "runs")  # loads what somebody else may not read
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setuid(NOBODY)
            store = open_store(theirs, "ben")
            for number in (1, *LOCKED):
                with suppress(UserError):
                    RunFolderReader(store.run_folder(number), number).read()
            assert set(run_progress.live_runs(theirs)) >= {1, *LOCKED}
            told = {run.id: run for run in collect(store)}
            for number in (1, 5, 6):
                assert told[number].state == DONE, told[number]
            for number in (2, 3, 4, 7, 8):
                run = told[number]
                assert run.state == FAILED and "\n" not in run.reason, run
                assert "(Permission denied)." in run.reason or "not open to you" in run.reason, run
            for number in (7, 8):
                (store.run_folder(number) / LOCKED[number]).chmod(0o600)
            assert [run.state for run in collect(store)] == [DONE, DONE], "nothing was damaged"
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
