"""The engine when things go wrong around it: a full disk, and a process with an old number."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from storage.errors import UserError
from workbench.modeling.base import library_imports
from workbench.recipes import recipes
from workbench.rundir import engine_queue, processes
from workbench.rundir import folder as run_folder
from workbench.rundir.folder import DONE, FAILED, QUEUED, RUNNING, State, read_state, write_state
from workbench.rundir.launch import ENGINE, Launch
from workbench.runs import engine_control, launching
from workbench.runs.snapshotting import snapshot_training
from workbench.worker.engine import EngineServer
from workbench.worker.failure_reasons import DISK_FULL
from workbench.worker.run import without_hub

OFFLINE = "HF_HUB_OFFLINE"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_ENGINE_DIR", str(tmp_path / "engine"))
    return engine_queue.make_private_folder()


class Disk:
    """Room for JSON files, as long as there is some."""

    def __init__(self, write):
        self.full, self.write = False, write

    def write_json(self, path, values):
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.write(path, values)


@pytest.fixture
def disk(monkeypatch):
    found = Disk(run_folder.write_json)
    monkeypatch.setattr(run_folder, "write_json", found.write_json)
    return found


@pytest.fixture
def engine(place, disk, monkeypatch):
    """An engine in this very process, which keeps no base and ends when nothing waits."""
    monkeypatch.setattr(EngineServer, "_base_cache", lambda self: None)
    monkeypatch.setattr(EngineServer, "_close", lambda self: True)
    lock = processes.acquire_lock(place)
    yield EngineServer(place, 0.0, lock)
    os.close(lock)


@pytest.fixture
def work(monkeypatch):
    """What the runs of the engine do, one after the other."""
    todo = []
    monkeypatch.setattr(
        "workbench.worker.baseline_job.run_baseline", lambda *about: todo.pop(0)(*about)
    )
    return todo


def handed_over(store):
    run = snapshot_training(store, recipes.load("baseline"), None, "").path
    launching.start_run(run, Launch(ENGINE))
    return run


def test_a_full_disk_ends_neither_the_engine_nor_its_next_run(filled, engine, disk, work):
    seen = []

    def fill_up(*about):
        disk.full = True
        raise OSError(errno.ENOSPC, "No space left on device")

    def make_space(job, run, reporter):
        seen.append((read_state(full).state, engine_queue.running_engine().run))
        reporter.phase("done")

    # The first cannot say that it failed, and the second not even that it begins.
    full, unbegun, last = (handed_over(filled) for _ in range(3))
    work += [fill_up, make_space]
    wait = engine._do

    def do(entry):
        disk.full = disk.full and entry.run != last
        wait(entry)

    engine._do = do
    engine.serve()
    assert [read_state(run).state for run in (full, unbegun, last)] == [FAILED, FAILED, DONE]
    assert {read_state(run).reason for run in (full, unbegun)} == {DISK_FULL}
    assert seen == [(FAILED, str(last))]
    assert engine_queue.running_engine().run is None and engine_queue.waiting_runs() == []


def test_the_end_of_a_run_does_not_wait_until_the_base_is_tidy(filled, engine, work, capsys):
    class Cache:
        key = SimpleNamespace(name="some/base")

        def tidy(self):
            seen.append((read_state(run).state, engine_queue.running_engine().run))
            raise RuntimeError("the GPU is gone")

        def clear(self):
            self.key = None

    seen, engine.cache, run = [], Cache(), handed_over(filled)
    work += [lambda job, run, reporter: reporter.phase("done")]
    engine._update(base="some/base")
    engine.serve()
    assert seen == [(DONE, None)] and "the GPU is gone" in capsys.readouterr().err
    assert engine_queue.running_engine().base is None, "it holds none any more"


def test_a_run_that_has_gone_on_elsewhere_is_not_failed_afterwards(baseline, engine):
    for state in (State(state=RUNNING, pid=os.getppid()), State(state=DONE)):
        write_state(baseline, state)
        engine.unwritten_failures[baseline] = DISK_FULL
        engine._write()
        assert read_state(baseline).state == state.state and engine.unwritten_failures == {}
    write_state(baseline, State(state=QUEUED))
    engine.unwritten_failures[baseline] = DISK_FULL
    with processes.folder_lock(baseline):
        engine._write()
    assert read_state(baseline).state == QUEUED


@pytest.fixture
def bystander():
    """A process that has nothing to do with engines."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_no_process_is_stopped_that_only_has_the_number_of_an_engine(engine, place, bystander):
    """The lock is held by a new engine, and the state is still that of one that was killed."""
    there = processes.identity(bystander.pid)
    right = replace(engine.state, pid=there.pid, pid_started=there.started, boot=there.boot)
    for wrong in (
        replace(right, pid_started=there.started - 1),
        replace(right, boot="another"),
        replace(right, pid_started=None, boot=None),
    ):
        engine_queue.write_engine_state(place, wrong)
        assert engine_queue.running_engine() is None and not engine_control.stop_engine()
    assert bystander.poll() is None
    engine_queue.write_engine_state(place, right)
    assert engine_control.stop_engine() and bystander.wait(10) == -signal.SIGTERM
    assert not engine_control.stop_engine()


def test_a_worker_gets_a_signal_only_if_it_is_still_the_one(baseline, bystander):
    there = processes.identity(bystander.pid)
    with processes.folder_lock(baseline):  # somebody is at work, of whom the state does not say
        for started in (there.started - 1, None):
            state = State(state=RUNNING, pid=there.pid, pid_started=started, boot=there.boot)
            write_state(baseline, state)
            launching.stop_run(baseline)
            assert (baseline / "stop").exists() and bystander.poll() is None
        write_state(baseline, state, pid_started=there.started)
        launching.stop_run(baseline)
    assert bystander.wait(10) == -signal.SIGTERM


def test_an_engine_that_is_about_to_end_takes_no_run(place, tmp_path):
    lock = processes.acquire_lock(place)  # which the system drops some time after its last deed
    with pytest.raises(UserError, match="The engine has ended"):
        engine_queue.submit(tmp_path)
    assert not engine_queue.waiting_runs()
    os.close(lock)


def test_it_gets_ready_for_a_base_and_begins_anew_for_one_that_is_elsewhere(
    engine, tmp_path, monkeypatch
):
    asked, begun = [], []
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv(processes.LOCK_FD, "")
    monkeypatch.setattr(os, "execve", lambda *given: begun.append(given))
    for name in ("import_torch", "import_libraries"):
        monkeypatch.setattr(
            library_imports, name, lambda name=name: asked.append((name, os.environ[OFFLINE]))
        )
    engine.prepare(None)
    assert asked == [("import_torch", "0")] and engine.offline is None
    engine.prepare(str(tmp_path))
    assert asked[1:] == [("import_libraries", "1")] and engine.offline is True
    engine._go_offline(without_hub(str(tmp_path)), str(tmp_path))
    assert not begun
    engine._go_offline(False, "owner/base")
    assert begun[0][1][-1] == "owner/base"
