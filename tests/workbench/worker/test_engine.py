"""The engine: one process for many runs, its owner's alone, gone when it is not needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from driving import driven

from storage.errors import UserError
from workbench.rundir import engine_queue
from workbench.rundir.engine_queue import EngineState
from workbench.rundir.folder import DONE, FAILED, QUEUED, STOPPED, read_log, read_state
from workbench.rundir.launch import ENGINE, Launch
from workbench.rundir.liveness import reconcile_state
from workbench.runs import engine_control, launching
from workbench.runs.collecting import collect
from workbench.tui.app import WorkbenchApp

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A home for an engine of this test's own, which does not outlive it."""
    monkeypatch.setenv("WORKBENCH_ENGINE_DIR", str(tmp_path / "engine"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield tmp_path / "engine"
    for state in tmp_path.glob("engine/state.json"):
        with suppress(ProcessLookupError):
            os.kill(json.loads(state.read_text())["pid"], signal.SIGKILL)


def hand_over(run):
    launching.start_run(run, Launch(ENGINE))
    return run


@pytest.mark.usefixtures("forked")
def test_runs_of_several_workspaces_go_through_one_process(
    make_model_run, baseline, until, cli, filled
):
    assert cli("engine", "status", "--json").json == {"running": False, "waiting": []}
    engine = cli("engine", "start", "--json").json
    assert cli("engine", "start", "--json").json["pid"] == engine["pid"]
    runs = [hand_over(run) for run in (make_model_run(), baseline, make_model_run())]
    told = cli("-w", filled.folder, "runs").out
    assert "in the engine's queue" in told
    for run in runs:
        until(lambda run=run: reconcile_state(run).state == DONE, 120)
        assert read_state(run).pid == engine["pid"]
    collect(filled)
    alone = make_model_run()
    launching.start_run(alone)
    until(lambda: reconcile_state(alone).state == DONE, 120)
    assert read_state(alone).pid != engine["pid"]
    first, last, fresh = (
        pq.read_table(run / "predictions.parquet") for run in (runs[0], runs[2], alone)
    )
    assert first.equals(fresh) and last.equals(fresh)
    done = cli("engine", "stop", "--json")
    assert done.json == {"running": False, "waiting": []}


CLASSIFY = """
import json, sys
from workbench import cli
try:
    cli.run()
finally:
    libraries = {"torch", "transformers", "peft", "bitsandbytes"}
    heavy = (libraries | {"numpy", "asyncio", "http.client"}) & set(sys.modules)
    print(json.dumps(sorted(heavy)), file=sys.stderr)
"""
"""The program, which says on stderr in the end what it has imported of the libraries of models."""


@pytest.mark.usefixtures("forked")
def test_classify_and_predict_ask_the_engine_which_answers_like_a_process_of_its_own(
    make_model_run, until, cli, workbench, filled
):
    engine_control.start_engine()
    trained = hand_over(make_model_run("training.max_steps=2"))
    until(lambda: reconcile_state(trained).state == DONE, 120)
    collect(filled)  # or the command does, and reads predictions for it
    more = filled.folder / "more.txt"
    more.write_text("down\n\nsideways \u2028 \U0001f680\n", "utf-8")
    asked = ("-w", filled.folder, "classify", "up we go", "bull " * 300, "--file", more, "--json")
    done = subprocess.run(
        [sys.executable, "-c", CLASSIFY, *map(str, asked)], capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0 and json.loads(done.stderr) == [], done.stderr
    home = engine_queue.make_private_folder()
    assert not [*home.glob("questions/*"), *home.glob("answers/*")]

    said = cli("-w", filled.folder, "predict", "id:<=3")
    assert "Run 2: 3 tweets to score. The engine does it at once, on the base" in said.out
    scored = filled.run_folder(2)
    until(lambda: reconcile_state(scored).state == DONE, 120)
    assert read_state(scored).pid == engine_queue.running_engine().pid

    assert cli("engine", "stop").status == 0
    answers = json.loads(done.stdout)
    assert answers == workbench(*asked).json
    assert [answer["text"][:4] for answer in answers] == ["up w", "bull", "down", "side"]


@pytest.mark.usefixtures("forked")
def test_train_starts_the_engine_when_asked_to_and_then_uses_it(filled, cli, until, repository):
    base = str(repository / "sample_data" / "base")
    quick = ("--set", "training.max_steps=2")
    named = ("--launcher", "engine", "--base", base)
    run = cli("-w", filled.folder, "train", "--recipe", "tiny", *named, *quick, "--json")
    folder = filled.run_folder(run.json["id"])
    until(lambda: reconcile_state(folder).state == DONE, 120)
    assert read_state(folder).pid == engine_queue.running_engine().pid
    run = cli("-w", filled.folder, "train", "--recipe", "tiny", "--base", base, *quick, "--json")
    folder = filled.run_folder(run.json["id"])
    until(lambda: reconcile_state(folder).state == DONE, 120)
    assert read_state(folder).pid == engine_queue.running_engine().pid
    assert cli("-w", filled.folder, "train", "--recipe", "baseline", "--json").status == 0
    folder = filled.run_folder(3)
    until(lambda: reconcile_state(folder).state == DONE, 120)
    assert read_state(folder).pid != engine_queue.running_engine().pid, "a baseline needs no base"


@pytest.mark.usefixtures("forked")
def test_a_stop_is_about_one_run_and_the_engine_goes_on(make_model_run, baseline, until):
    engine_control.start_engine()
    long, waits = hand_over(make_model_run("training.max_steps=5000")), hand_over(baseline)
    until(lambda: read_state(long).step > 0)
    launching.stop_run(waits)
    assert (read_state(waits).state, engine_queue.waiting_runs()) == (STOPPED, [])
    launching.resume_run(waits)
    assert read_state(waits).state == QUEUED and len(engine_queue.waiting_runs()) == 1
    launching.stop_run(long)
    until(lambda: read_state(long).state == STOPPED)
    until(lambda: read_state(waits).state == DONE)
    assert engine_queue.running_engine() is not None


@pytest.mark.usefixtures("forked")
def test_an_engine_that_is_asked_to_end_saves_its_run(make_model_run, baseline, until, filled):
    engine = engine_control.start_engine()
    long, waits = hand_over(make_model_run("training.max_steps=5000")), hand_over(baseline)
    until(lambda: read_state(long).step > 0)
    assert engine_control.stop_engine()
    until(lambda: engine_queue.running_engine() is None)
    assert read_state(long).state == STOPPED
    assert list(long.glob("checkpoints/checkpoint-*/COMPLETE"))
    collect(filled)
    assert read_state(waits).state == FAILED and "workbench resume" in read_state(waits).reason
    at = read_state(long).step
    launching.resume_run(long)
    until(lambda: read_state(long).step > at)
    assert read_state(long).pid != engine.pid
    launching.stop_run(long)
    until(lambda: read_state(long).state == STOPPED)


@pytest.mark.usefixtures("forked")
def test_a_run_that_fails_does_not_end_the_engine(baseline, make_model_run, until):
    engine_control.start_engine()
    broken = make_model_run()
    (broken / "train.parquet").write_bytes(b"nothing")
    for run in (broken, baseline):
        hand_over(run)
    until(lambda: reconcile_state(baseline).state == DONE)
    assert read_state(broken).state == FAILED
    assert "train.parquet is damaged" in read_state(broken).reason


def test_an_engine_without_work_ends(until):
    """It is started in earnest."""
    engine_control.start_engine(idle_minutes=1 / 60)
    until(lambda: engine_queue.running_engine() is None)
    with pytest.raises(UserError, match="engine start"):
        engine_queue.submit(Path("/nowhere"))


@pytest.mark.usefixtures("forked")
def test_an_engine_that_died_is_no_engine(until, baseline):
    engine = engine_control.start_engine()
    os.kill(engine.pid, signal.SIGKILL)
    until(lambda: engine_queue.running_engine() is None)
    hand_over(baseline)
    until(lambda: reconcile_state(baseline).state == DONE)
    assert read_state(baseline).pid != engine.pid
    assert [v["phase"] for v, _ in read_log(baseline) if "phase" in v][-1] == "done"


def test_the_folder_of_an_engine_is_its_owners_alone(cache):
    folder = engine_queue.make_private_folder()
    assert {path.stat().st_mode & 0o777 for path in (folder, folder / "waiting")} == {0o700}
    folder.chmod(0o777)
    with pytest.raises(UserError, match="open to others"):
        engine_queue.make_private_folder()
    assert not engine_queue.engine_usable()
    folder.chmod(0o700)
    if os.getuid() == 0:
        os.chown(folder, 12345, 12345)
        with pytest.raises(UserError, match="not a folder of yours"):
            engine_queue.make_private_folder()
        os.chown(folder, 0, 0)
    folder.rename(folder.with_name("real"))
    folder.symlink_to("real")
    with pytest.raises(UserError, match="not a folder of yours"):
        engine_queue.make_private_folder()


@pytest.mark.usefixtures("forked")
def test_an_engine_of_another_version_gets_no_runs(monkeypatch):
    engine_control.start_engine()
    assert engine_queue.engine_usable()
    engine = engine_queue.running_engine()
    engine_queue.write_engine_state(
        engine_queue.make_private_folder(),
        EngineState(engine.pid, "0.0.1", 15.0, since=time.time()),
    )
    assert not engine_queue.engine_usable()


@pytest.mark.usefixtures("forked")
async def test_the_status_line_says_what_the_engine_does(filled):
    app = WorkbenchApp(filled.folder, "ana")
    async with driven(app) as driver:
        app.engine_status.turn("start")
        await driver.until_seen("engine idle, 15 min left")
        home = engine_queue.make_private_folder()
        for run, told in ((filled.run_folder(3), "with run 3"), (home / "7", "elsewhere")):
            engine_queue.write_engine_state(
                home, replace(engine_queue.running_engine(), run=str(run), since=time.time())
            )
            await driver.until_seen(f"engine busy {told}")
        engine_queue.write_engine_state(
            home, replace(engine_queue.running_engine(), run=None, since=time.time() - 190)
        )
        await driver.until_seen("engine idle, 12 min left")
        app.engine_status.turn("stop")
        await driver.until(lambda: not app.engine_status.word)
        assert engine_queue.running_engine() is None
