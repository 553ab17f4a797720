"""The run folder: whole files only, and no run that looks alive when its worker is gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import psutil
import pytest

from storage.errors import UserError
from workbench.recipes import recipes
from workbench.rundir import liveness, processes
from workbench.rundir.folder import (
    DONE,
    FAILED,
    QUEUED,
    RUNNING,
    STOPPED,
    STOPPING,
    Job,
    State,
    append_log,
    complete_last_line,
    read_job,
    read_log,
    read_state,
    write_json,
    write_state,
)
from workbench.rundir.liveness import reconcile_state, worker_alive
from workbench.rundir.log_format import format_event
from workbench.runs import launching


def worker(found, **changes):
    """The state that a process writes as a worker."""
    values = {"pid": found.pid, "pid_started": found.started, "boot": found.boot}
    return State(**({"state": RUNNING, "host": found.host} | values | changes))


@pytest.fixture
def dead(tmp_path):
    """The states of a worker that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = processes.identity(process.pid)
    process.communicate(b"\n")
    return lambda **changes: worker(found, **changes)


def me(**changes):
    return worker(processes.identity(), **changes)


# state.json


def test_a_state_comes_back_as_it_was_written(tmp_path):
    before = time.time()
    written = write_state(tmp_path, me(phase="training", step=3, steps=10, linear4bit=8))
    assert read_state(tmp_path) == written
    assert before <= written.heartbeat <= time.time()


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


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"state": "done", "colour": 3}',
        "\udcff",
        '{"state": "eating"}',
        '{"pid": -1}',
        '{"pid": 0}',
        '{"pid": 1e400}',
        '{"step": "7"}',
        '{"step": -1}',
        '{"heartbeat": NaN}',
        '{"steps": 1' + "0" * 400 + "}",
        "[" * 100_000,
        '{"reason": "' + "x" * 5_000_000 + '"}',
        '{"reason": ["a"]}',
        '{"phase": "cut o',
    ],
)
def test_a_damaged_state_is_one_sentence(content, tmp_path):
    (tmp_path / "state.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"state\.json"):
        read_state(tmp_path)
    assert (tmp_path / "state.json").read_bytes().decode("utf-8", "surrogateescape") == content


@pytest.mark.parametrize("name", ["run.json", "state.json"])
def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(name, tmp_path):
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match="plain file"):
        read_job(tmp_path) if name == "run.json" else read_state(tmp_path)


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


def test_hostile_lines_tell_nothing_and_hold_nobody_up(tmp_path):
    lines = [
        "[" * 50_000,
        '{"event": "note", "text": "' + "x" * 10**6 + '"}',
        '{"no": "event"}',
        '{"event": 3}',
        '{"event": "step", "step": "7", "loss": 1' + "0" * 300 + "}",
        '{"event": "step", "step": -5, "steps": 1e3, "at": "noon", "loss": 0.5}',
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n")
    events = [values for values, _ in read_log(tmp_path)]
    assert events == [{"event": "step"}, {"event": "step", "loss": 0.5}]
    assert [format_event(values) for values in events]


def test_a_log_that_became_shorter_is_read_from_its_start(tmp_path):
    append_log(tmp_path, "step", step=1)
    assert [values["step"] for values, _ in read_log(tmp_path, 10_000)] == [1]


def test_a_log_is_not_written_through_a_link(tmp_path):
    (tmp_path / "mine").write_text("keep")
    (tmp_path / "log.jsonl").symlink_to(tmp_path / "mine")
    with pytest.raises(OSError, match="symbolic"):
        append_log(tmp_path, "step", step=1)
    assert (tmp_path / "mine").read_text() == "keep"


def test_what_follows_a_torn_line_is_whole(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"event": "step", "st')
    complete_last_line(tmp_path)
    append_log(tmp_path, "step", step=2)
    assert [values["step"] for values, _ in read_log(tmp_path)] == [2]


# Who is alive


def test_this_process_is_alive(tmp_path):
    assert worker_alive(tmp_path, me())


def test_a_process_that_ended_is_not(dead, tmp_path):
    assert not worker_alive(tmp_path, dead())
    assert not worker_alive(tmp_path, State(state=RUNNING))


@pytest.mark.parametrize("change", [{"pid_started": 1.0}, {"boot": "another"}])
def test_another_process_with_the_same_number_is_not(change, tmp_path):
    reused = replace(me(), **change)
    assert not worker_alive(tmp_path, reused)
    write_state(tmp_path, reused)
    assert reconcile_state(tmp_path).state == FAILED
    with pytest.raises(UserError, match="is not running"):
        launching.stop_run(tmp_path)


def test_a_zombie_is_not(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    state = worker(processes.identity(process.pid))
    process.stdin.close()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert not worker_alive(tmp_path, state)
    process.wait()


def test_who_holds_the_lock_is_at_work_whatever_the_state_says(tmp_path):
    write_state(tmp_path, State(), heartbeat=1.0)
    with processes.folder_lock(tmp_path):
        assert reconcile_state(tmp_path).state == QUEUED
    assert reconcile_state(tmp_path).state == FAILED


@pytest.mark.parametrize("jump", [-(10**7), -3600, 3600, 10**7])
def test_a_clock_that_jumps_kills_no_run(jump, tmp_path, monkeypatch):
    now = time.time
    write_state(tmp_path, me())
    (queued := tmp_path / "queued").mkdir()
    with processes.folder_lock(queued):
        write_state(queued, State())
        monkeypatch.setattr(time, "time", lambda: now() + jump)
        assert reconcile_state(tmp_path).state == RUNNING
        assert reconcile_state(queued).state == QUEUED


@pytest.fixture
def made_here(monkeypatch):
    """Runs whose run.json nobody looks at: what they are at is all in state.json."""
    monkeypatch.setattr("workbench.rundir.folder.require_made_here", lambda folder, wanted: None)


@pytest.mark.usefixtures("made_here")
def test_a_run_on_another_machine_is_believed(dead, tmp_path):
    written = write_state(tmp_path, dead(host="gpu-box"))
    assert reconcile_state(tmp_path) == written
    with pytest.raises(UserError, match="is running on gpu-box"):
        launching.resume_run(tmp_path)
    launching.stop_run(tmp_path)
    assert (tmp_path / "stop").exists()


# Settling


@pytest.mark.parametrize("state", [RUNNING, STOPPING, QUEUED])
def test_a_run_whose_worker_died_has_failed(state, dead, tmp_path):
    write_state(tmp_path, dead(state=state, step=7))
    settled = reconcile_state(tmp_path)
    assert settled.state == FAILED
    assert "workbench resume" in settled.reason
    assert settled.step == 7
    assert read_state(tmp_path) == settled


@pytest.mark.parametrize("state", [DONE, FAILED, STOPPED])
def test_a_run_that_ended_stays_as_it_is(state, dead, tmp_path):
    written = write_state(tmp_path, dead(state=state, reason="so"))
    assert reconcile_state(tmp_path) == written


def test_a_run_with_a_live_worker_goes_on(tmp_path):
    written = write_state(tmp_path, me())
    assert reconcile_state(tmp_path) == written


def test_a_run_that_was_just_launched_may_still_start(tmp_path):
    write_state(tmp_path, State())
    assert reconcile_state(tmp_path).state == QUEUED


def test_a_run_that_never_started_has_failed(tmp_path):
    write_json(tmp_path / "state.json", {"state": QUEUED, "heartbeat": time.time() - 3600})
    assert reconcile_state(tmp_path).state == FAILED


def test_a_worker_that_ends_while_it_is_looked_for_is_done(tmp_path, monkeypatch):
    """Between the reading of the state and the look at the process the worker may finish."""
    write_state(tmp_path, me())

    def ends(folder, state):
        write_state(tmp_path, state, state=DONE)
        return False

    monkeypatch.setattr(liveness, "worker_alive", ends)
    assert reconcile_state(tmp_path).state == DONE
    assert read_state(tmp_path).state == DONE


def test_a_resumed_run_is_queued_and_not_failed(tmp_path, dead, monkeypatch):
    """Its new worker needs seconds to start; until then the number of the old one is on file."""
    write_state(tmp_path, dead(state=STOPPED))
    monkeypatch.setattr(launching, "_start", lambda folder, how, lock: 0)
    (tmp_path / "run.json").write_text('{"id": 1, "ki')
    with pytest.raises(UserError, match=r"is damaged .* remove the run with `workbench delete`"):
        launching.resume_run(tmp_path)
    job().save(tmp_path)
    launching.resume_run(tmp_path)
    assert reconcile_state(tmp_path).state == QUEUED
    (tmp_path / "state.json").write_text('{"state": "que')
    with pytest.raises(UserError, match="remove that file and go on with `workbench resume`"):
        launching.resume_run(tmp_path)
    (tmp_path / "state.json").unlink()
    launching.resume_run(tmp_path)
    assert reconcile_state(tmp_path).state == QUEUED


def test_the_time_between_a_stop_and_a_resume_is_no_work(dead, tmp_path):
    start = time.time() - 86_400
    state = dead(started=start, heartbeat=start + 60)
    write_json(tmp_path / "state.json", state.__dict__)
    assert reconcile_state(tmp_path).seconds == pytest.approx(60, abs=1)


# Stopping and resuming what cannot be


def test_only_a_running_run_can_be_stopped(tmp_path, dead):
    write_state(tmp_path, dead())
    with pytest.raises(UserError, match="is not running"):
        launching.stop_run(tmp_path)


@pytest.mark.usefixtures("made_here")
def test_a_run_that_is_done_or_going_on_cannot_be_resumed(tmp_path):
    write_state(tmp_path, State(state=DONE))
    with pytest.raises(UserError, match="is done"):
        launching.resume_run(tmp_path)
    write_state(tmp_path, me())
    with pytest.raises(UserError, match="running already"):
        launching.resume_run(tmp_path)


# run.json


def job(**changes):
    values = {
        "id": 1,
        "uid": "u",
        "kind": "qlora",
        "recipe": recipes.load("seed"),
        "base": "/models/b",
        "labels": ("positive", "very good"),
        "words": ("Positive", "Very good"),
        "template": "{text}:",
        "data_hash": "abc",
        "created": 1,
        "versions": {"python": "3.11"},
    }
    return Job(**(values | changes))


@pytest.mark.parametrize("recipe", recipes.descriptions())
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
    "one label": lambda v: v.update(labels=["a"], words=["a"]),
    "a word missing": lambda v: v.update(words=["a"]),
    "a label is a number": lambda v: v.update(labels=["a", 3]),
    "another kind": lambda v: v.update(kind="magic"),
    "no base": lambda v: v.update(base=None),
    "no uid": lambda v: v.update(uid=""),
    "id is true": lambda v: v.update(id=True),
    "a later protocol": lambda v: v.update(protocol=2),
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
