"""Import, baseline, suspects, correction, evaluation: the loop in real processes."""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress

import pytest

from workbench.rundir.folder import RUNNING, read_state


@pytest.mark.slow
def test_the_loop_without_a_neural_network(tmp_path, workbench, repository):
    home = tmp_path / "w"

    def run(*arguments):
        result = workbench("-w", home, *arguments, "--json")
        assert result.status == 0, result.err
        return result.json

    run("init", home, "--labels", "positive,negative")
    assert run("import", repository / "sample_data" / "tweets.csv")["added"] == 720
    done = run("train", "--recipe", "baseline", "--wait")
    assert (done["state"], done["kind"], done["predictions"]) == ("done", "baseline", 720)
    assert done["seconds"] > 0
    assert 0.5 < done["metrics"]["test"]["accuracy"] < 1
    (listed,) = run("runs")
    assert listed == done
    first = run("suspects", "--limit", "1")[0]
    run("label", first["id"], first["pred"])
    corrected = run("list", "changed:yes")
    assert [tweet["id"] for tweet in corrected] == [first["id"]]
    assert run("suspects", "--limit", "1")[0]["id"] != first["id"]
    again = workbench("-w", home, "train", "--recipe", "baseline", "--wait").out
    assert "The list goes on showing run 1; `workbench shown 2` shows this one." in again
    assert {tweet["run"] for tweet in run("list", "--limit", "5")} == {1}
    assert {tweet["run"] for tweet in run("list", "--run", "2", "--limit", "5")} == {2}
    assert run("shown") == {"shown": 1, "promoted": None, "offered": 2}
    assert run("suspects", "--limit", "1")[0]["source"] == "run 2 baseline"
    assert run("status")["runs"] == 2
    assert run("check")["ok"]


@pytest.mark.slow
def test_a_run_goes_on_without_the_command_that_started_it(trained, workbench):
    started = workbench("train", "--recipe", "baseline", "--json").json
    assert started["state"] in ("queued", "running")
    followed = workbench("logs", started["id"], "-f")
    assert followed.status == 0
    assert re.search(r"Run \d+: done after \d:\d\d\n$", followed.out)
    assert "tweets to learn from in 5 folds" in followed.out
    run = workbench("runs", "--json").json[0]
    assert (run["id"], run["state"]) == (started["id"], "done")


@pytest.mark.slow
def test_a_killed_run_is_seen_as_failed_and_can_be_resumed(trained, workbench, until):
    for _ in range(9):  # as a run may end before this process has its turn
        number = workbench("train", "--recipe", "baseline", "--json").json["id"]
        folder = trained / "runs" / str(number)
        pid = until(lambda folder=folder: read_state(folder).pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            if read_state(folder).state == RUNNING:
                break
            os.kill(pid, signal.SIGCONT)
    os.kill(pid, signal.SIGKILL)

    def ended():
        run = next(run for run in workbench("runs", "--json").json if run["id"] == number)
        return run if run["state"] != RUNNING else None

    run = until(ended)
    assert run["state"] == "failed"
    assert "resume" in run["reason"]
    resumed = workbench("resume", run["id"], "--wait", "--json")
    assert resumed.status == 0, resumed.err
    assert (resumed.json["state"], resumed.json["predictions"]) == ("done", 720)
