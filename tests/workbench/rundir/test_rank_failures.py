"""What another process of a run said of its failure counts for that start of the run only."""

from __future__ import annotations

import json
import time

import pytest

from workbench.rundir import rank_failures
from workbench.rundir.folder import DONE, FAILED, QUEUED, STOPPED, read_state, write_state
from workbench.rundir.liveness import reconcile_state
from workbench.runs import launching
from workbench.runs.launchers import local
from workbench.worker.reporter import Reporter

SAID = "Process 1 failed: no memory"


@pytest.fixture
def folder(baseline):
    """The folder of a run of several processes, one of which has failed."""
    rank_failures.write_failure(baseline, 1, "no memory")
    assert rank_failures.read_failure(baseline) == SAID
    return baseline


@pytest.mark.parametrize("start", [launching.start_run, launching.resume_run])
def test_a_new_start_knows_nothing_of_it(start, folder, monkeypatch):
    monkeypatch.setattr(local, "start_detached", lambda *arguments: None)
    if start is launching.resume_run:
        write_state(folder, read_state(folder), state=STOPPED)
    start(folder)
    assert rank_failures.read_failure(folder) is None


def test_a_run_whose_processes_are_gone_failed_for_this_reason_once(folder):
    gone = {"state": QUEUED, "heartbeat": time.time() - 999, "pid": 2**22 + 1, "pid_started": 1.0}
    write_state(folder, read_state(folder), **gone)
    state = reconcile_state(folder)
    assert (state.state, state.reason) == (FAILED, SAID)
    write_state(folder, state, **gone)
    state = reconcile_state(folder)
    assert state.state == FAILED
    assert state.reason.startswith("The worker ended without a word")


@pytest.mark.parametrize("state", [DONE, STOPPED, FAILED])
def test_the_end_of_a_run_is_the_end_of_it(state, folder):
    Reporter(folder).end(state)
    assert rank_failures.read_failure(folder) is None


def test_one_process_takes_back_its_own_word_alone(folder):
    rank_failures.write_failure(folder, 11, "no memory")
    rank_failures.remove_failures(folder, 1)
    assert rank_failures.read_failure(folder) == "Process 11 failed: no memory"


def test_half_a_word_and_other_files_are_none(baseline):
    (baseline / rank_failures.FILE_NAME.format(1)).write_text(
        json.dumps({"reason": "no memory"})[:-2]
    )
    (baseline / rank_failures.FILE_NAME.format("x")).write_text(json.dumps({"reason": "no"}))
    assert rank_failures.read_failure(baseline) is None
    rank_failures.remove_failures(baseline)
    assert (baseline / rank_failures.FILE_NAME.format("x")).exists()
