"""The run folder: whole files only, and no run that looks alive when its worker is gone."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import replace

import psutil
import pytest

from storage.errors import UserError
from workbench import recipes
from workbench.runs import folder as run_folder
from workbench.runs import launching
from workbench.runs.folder import (
    DONE,
    FAILED,
    QUEUED,
    RUNNING,
    STOPPED,
    STOPPING,
    Job,
    State,
    alive,
    append_log,
    read_job,
    read_log,
    read_state,
    settle,
    write_json,
    write_state,
)  # fmt: skip


@pytest.fixture
def dead_pid():
    """The number and start of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(process.pid).create_time()
    process.communicate(b"\n")
    return process.pid, started


def me(**changes):
    process = psutil.Process()
    return State(state=RUNNING, pid=process.pid, pid_started=process.create_time(), **changes)


# state.json


def test_a_state_comes_back_as_it_was_written(tmp_path):
    written = write_state(tmp_path, me(phase="training", step=3, steps=10, linear4bit=8))
    assert read_state(tmp_path) == written
    assert time.time() - written.heartbeat < 5


def test_a_folder_without_a_state_has_not_begun(tmp_path):
    assert read_state(tmp_path) == State(state=QUEUED)


def test_a_reader_never_sees_half_a_state(tmp_path):
    write_state(tmp_path, State(reason="x" * 50_000))
    stop = threading.Event()

    def rewrite():
        size = 0
        while not stop.is_set():
            size = (size + 7919) % 60_000
            write_state(tmp_path, State(reason="x" * size))

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for _ in range(300):
            assert set(read_state(tmp_path).reason) <= {"x"}
    finally:
        stop.set()
        writer.join()
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_signal_in_the_middle_of_writing_does_no_harm(tmp_path):
    """The handler of SIGTERM writes the state too, from the same process."""

    class Interrupted(dict):
        def items(self):
            write_json(tmp_path / "state.json", {"state": STOPPING})
            return super().items()

    write_json(tmp_path / "state.json", Interrupted(state=RUNNING, reason="x" * 100))
    assert read_state(tmp_path).state in (RUNNING, STOPPING)
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": "done", "colour": 3}', "\udcff"])
def test_a_damaged_state_is_one_sentence(content, tmp_path):
    (tmp_path / "state.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"state\.json"):
        read_state(tmp_path)


# log.jsonl


def test_log_lines_come_in_order_with_their_places(tmp_path):
    append_log(tmp_path, "phase", phase="training")
    append_log(tmp_path, "step", step=1, loss=0.7, text="ü 🚀\nx")
    lines = list(read_log(tmp_path))
    assert [values["event"] for values, _ in lines] == ["phase", "step"]
    assert lines[1][0]["text"] == "ü 🚀\nx"
    assert list(read_log(tmp_path, lines[0][1])) == lines[1:]
    assert list(read_log(tmp_path, lines[1][1])) == []


def test_no_log_is_no_error(tmp_path):
    assert list(read_log(tmp_path)) == []


def test_a_line_that_is_still_being_written_is_left_for_later(tmp_path):
    append_log(tmp_path, "step", step=1)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"event": "step", "st')
    (_, offset), *rest = read_log(tmp_path)
    assert rest == []
    assert list(read_log(tmp_path, offset)) == []
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('ep": 2}\n')
    assert [values["step"] for values, _ in read_log(tmp_path, offset)] == [2]


def test_lines_that_are_no_objects_are_passed_over(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(b'\xff\xfe\n[1]\nnull\n\n{"event": "step", "step": 5}\n')
    ((values, offset),) = read_log(tmp_path)
    assert values["step"] == 5
    assert offset == (tmp_path / "log.jsonl").stat().st_size


# Who is alive


def test_this_process_is_alive():
    assert alive(me())


def test_a_process_that_ended_is_not(dead_pid):
    assert not alive(State(state=RUNNING, pid=dead_pid[0], pid_started=dead_pid[1]))
    assert not alive(State(state=RUNNING))


def test_another_process_with_the_same_number_is_not(tmp_path):
    state = me()
    reused = State(state=RUNNING, pid=state.pid, pid_started=state.pid_started - 3600)
    assert not alive(reused)
    write_state(tmp_path, reused)
    assert settle(tmp_path).state == FAILED


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_clock_that_is_set_ends_no_run(step_s, monkeypatch):
    me = psutil.Process()
    state = State(
        state=RUNNING, pid=me.pid, pid_started=me.create_time(), booted=psutil.boot_time()
    )
    earlier = psutil.boot_time()
    monkeypatch.setattr(psutil._psplatform, "boot_time", lambda: earlier + step_s)
    assert psutil.boot_time() == earlier + step_s
    assert alive(state)
    assert not alive(replace(state, pid_started=state.pid_started - 60))


def test_a_zombie_is_not():
    process = subprocess.Popen([sys.executable, "-c", ""])
    started = psutil.Process(process.pid).create_time()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert not alive(State(state=RUNNING, pid=process.pid, pid_started=started))
    process.wait()


# Settling


@pytest.mark.parametrize("state", [RUNNING, STOPPING, QUEUED])
def test_a_run_whose_worker_died_has_failed(state, dead_pid, tmp_path):
    write_state(tmp_path, State(state=state, pid=dead_pid[0], pid_started=dead_pid[1], step=7))
    settled = settle(tmp_path)
    assert settled.state == FAILED
    assert "workbench resume" in settled.reason
    assert settled.step == 7
    assert read_state(tmp_path) == settled


@pytest.mark.parametrize("state", [DONE, FAILED, STOPPED])
def test_a_run_that_ended_stays_as_it_is(state, dead_pid, tmp_path):
    written = write_state(
        tmp_path, State(state=state, pid=dead_pid[0], pid_started=dead_pid[1], reason="so")
    )
    assert settle(tmp_path) == written


def test_a_run_with_a_live_worker_goes_on(tmp_path):
    written = write_state(tmp_path, me())
    assert settle(tmp_path) == written


def test_a_run_that_was_just_launched_may_still_start(tmp_path):
    write_state(tmp_path, State())
    assert settle(tmp_path).state == QUEUED


def test_a_run_that_never_started_has_failed(tmp_path):
    write_json(tmp_path / "state.json", {"state": QUEUED, "heartbeat": time.time() - 3600})
    assert settle(tmp_path).state == FAILED


def test_a_worker_that_ends_while_it_is_looked_for_is_done(tmp_path, monkeypatch):
    """Between the reading of the state and the look at the process the worker may finish."""
    write_state(tmp_path, me())

    def ends(state):
        write_state(tmp_path, state, state=DONE)
        return False

    monkeypatch.setattr(run_folder, "alive", ends)
    assert settle(tmp_path).state == DONE
    assert read_state(tmp_path).state == DONE


def test_a_resumed_run_is_queued_and_not_failed(tmp_path, dead_pid, monkeypatch):
    """Its new worker needs seconds to start; until then the number of the old one is on file."""
    write_state(tmp_path, State(state=STOPPED, pid=dead_pid[0], pid_started=dead_pid[1]))
    monkeypatch.setattr(launching, "launch", lambda folder: 0)
    launching.resume(tmp_path)
    assert settle(tmp_path).state == QUEUED


def test_the_time_between_a_stop_and_a_resume_is_no_work(dead_pid, tmp_path):
    start = time.time() - 86_400
    state = State(
        state=RUNNING, pid=dead_pid[0], pid_started=dead_pid[1], started=start, heartbeat=start + 60
    )
    write_json(tmp_path / "state.json", state.__dict__)
    assert settle(tmp_path).seconds == pytest.approx(60, abs=1)


# Stopping and resuming what cannot be


def test_only_a_running_run_can_be_stopped(tmp_path, dead_pid):
    write_state(tmp_path, State(state=RUNNING, pid=dead_pid[0], pid_started=dead_pid[1]))
    with pytest.raises(UserError, match="is not running"):
        launching.stop(tmp_path)


def test_a_run_that_is_done_or_going_on_cannot_be_resumed(tmp_path):
    write_state(tmp_path, State(state=DONE))
    with pytest.raises(UserError, match="is done"):
        launching.resume(tmp_path)
    write_state(tmp_path, me())
    with pytest.raises(UserError, match="running already"):
        launching.resume(tmp_path)


# run.json


def job(**changes):
    values = {
        "id": 1, "uid": "u", "kind": "qlora", "recipe": recipes.load("seed"), "base": "/models/b",
        "labels": ("positive", "very good"), "words": ("Positive", "Very good"),
        "template": "{text}:", "data_hash": "abc", "created": 1, "versions": {"python": "3.11"},
    }  # fmt: skip
    return Job(**(values | changes))


@pytest.mark.parametrize("recipe", recipes.names())
def test_a_job_comes_back_as_it_was_saved(recipe, tmp_path):
    saved = job(recipe=recipes.load(recipe))
    saved.save(tmp_path)
    assert read_job(tmp_path) == saved


DAMAGES = {
    "no recipe": lambda v: v.pop("recipe"),
    "no labels": lambda v: v.pop("labels"),
    "another field": lambda v: v.update(colour=3),
    "another setting": lambda v: v["recipe"].update(colour=3),
    "a wrong setting": lambda v: v["recipe"]["lora"].update(r="many"),
    "a setting missing": lambda v: v["recipe"]["lora"].pop("r"),
    "recipe is a number": lambda v: v.update(recipe=3),
    "labels is a number": lambda v: v.update(labels=3),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_job_that_is_not_right_is_one_sentence(damage, tmp_path):
    job().save(tmp_path)
    values = json.loads((tmp_path / "run.json").read_text())
    DAMAGES[damage](values)
    (tmp_path / "run.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"run\.json"):
        read_job(tmp_path)


def test_a_folder_without_a_job_is_named(tmp_path):
    with pytest.raises(UserError, match=r"run\.json is missing"):
        read_job(tmp_path)


def test_writing_a_job_leaves_no_other_file(tmp_path):
    job().save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
