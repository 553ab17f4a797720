"""Folders with files named like our modules: nothing in them is ever imported.

A run folder may come from anybody, and the user's own project may happen to have a `storage/`.
Each test starts Python in one of the ways in which the program does, from such a folder.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage import interpreter
from storage.query import tweets
from storage.safety import backups
from storage.transfer import importing, parsing
from storage.transfer.importing import ImportOptions
from workbench import daily_backup
from workbench.rundir import engine_queue, processes
from workbench.rundir.folder import DONE, QUEUED, RUNNING, read_state, write_state
from workbench.rundir.launch import LOCAL, SLURM, TORCHRUN, Launch
from workbench.runs import engine_control, launching
from workbench.runs.launchers import slurm_commands
from workbench.tui.command_process import WORKBENCH, run_command
from workbench.worker.engine import EngineServer

NAMES = (
    "json.py",
    "random.py",
    "storage/__init__.py",
    "workbench/__init__.py",
    "torch/__init__.py",
)


@pytest.fixture
def ran(tmp_path):
    """Where foreign modules note that they were imported."""
    return tmp_path / "ran"


@pytest.fixture
def spoil(ran):
    """Puts foreign modules into a folder."""

    def put(folder):
        for name in NAMES:
            (folder / name).parent.mkdir(exist_ok=True, parents=True)
            (folder / name).write_text(f"open({str(ran)!r}, 'a').write(__file__ + '\\n')\n")
        return folder

    return put


@pytest.fixture
def here(tmp_path, spoil, monkeypatch):
    """The user is in a folder with foreign modules, and has the usual slip in PYTHONPATH."""
    monkeypatch.delenv(interpreter.SAFE_PATH, raising=False)
    monkeypatch.setenv("PYTHONPATH", f"{os.environ.get('PYTHONPATH', '')}{os.pathsep}")
    monkeypatch.setenv("WORKBENCH_ENGINE_DIR", "engine")  # which lies in that folder
    folder = spoil(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(baseline, spoil, here):
    """A run folder with foreign modules; its worker has nothing to do but say so."""
    write_state(baseline, read_state(baseline), state=DONE)
    return spoil(baseline)


def said(run, until, word="nothing to do"):
    until(lambda: (run / "worker.log").exists() and word in (run / "worker.log").read_text())
    until(lambda: not processes.is_locked(run))


def test_a_folder_with_foreign_modules_does_run_code_when_it_comes_first(here, ran):
    """The traps of this file work."""
    subprocess.run([sys.executable, "-m", "workbench", "--version"], check=False)
    assert ran.exists()


@pytest.mark.parametrize("how", [LOCAL, pytest.param(TORCHRUN, marks=pytest.mark.slow)])
def test_a_worker(how, run, until, ran):
    launching.start_run(run, Launch(how, gpus=1 if how == LOCAL else 2))
    said(run, until)
    assert not ran.exists(), ran.read_text()


PROGRAMS = {
    "sinfo": "exit 0",
    "squeue": "echo RUNNING",
    "scontrol": '[ "$1" = show ] && echo localhost || exit 0',
    "srun": '[ -z "$AT_LIMIT" ] || { kill -TERM $PPID; exec sleep 0.2; }\nshift; exec "$@"',
    "sbatch": 'for word do case $word in --chdir=*) cd "${word#*=}" ;; '
    "--output=*) log=${word#*=} ;; -*) ;; *) break ;; esac; shift; done\n"
    "export SLURM_JOB_ID=17 SLURM_JOB_NODELIST=here SLURM_JOB_NUM_NODES=1\n"
    'bash "$@" > "$log" 2>&1 &\necho 17',
}
"""A SLURM that does each job at once."""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    for name, text in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)


@pytest.mark.slow
@pytest.mark.parametrize("age", ["new", "old"])
def test_a_job_of_slurm(age, run, until, cluster, ran):
    """Also with a job script that an earlier version has put into the workspace."""
    if age == "old":
        script = slurm_commands.job_script(run.parent.parent)
        text = script.read_text()
        script.write_text(text.replace("export PYTHONSAFEPATH=1", "").replace('" -P -m', '" -m'))
    launching.start_run(run, Launch(SLURM))
    said(run, until)
    assert not ran.exists(), ran.read_text()


def test_what_takes_a_job_back_into_the_queue(run, cluster, until, ran, monkeypatch):
    monkeypatch.setenv("AT_LIMIT", "yes")
    write_state(run, read_state(run), state=RUNNING)
    launching.start_run(run, Launch(SLURM))
    until(lambda: read_state(run).state == QUEUED)
    assert not ran.exists(), ran.read_text()


def test_the_engine(here, until, ran):
    engine_control.start_engine(idle_minutes=1 / 6000)
    assert (here / "engine" / "engine.log").exists()
    until(lambda: engine_queue.running_engine() is None)
    assert not ran.exists(), ran.read_text()


def test_the_engine_that_begins_anew(here, ran, monkeypatch):
    folder = engine_queue.make_private_folder().absolute()
    server = EngineServer(folder, 1 / 6000, processes.acquire_lock(folder))
    monkeypatch.setattr(os, "execve", lambda *begun: anew.append(begun))
    anew, server.offline = [], True
    server._go_offline(False, None)
    monkeypatch.delenv(processes.LOCK_FD)
    [(_, program, variables)] = anew
    with os.fdopen(server.lock):
        subprocess.run(program, env=variables, pass_fds=[server.lock], check=True, timeout=60)
    assert not ran.exists(), ran.read_text()


def test_the_daily_backup(small, here, ran, monkeypatch):
    monkeypatch.setattr(daily_backup, "SMALL", 0)
    process = daily_backup.start(small.folder)
    assert process.communicate(timeout=60)[1] == "" and process.returncode == 0
    assert len(backups.list_backups(small.folder)) == 1
    assert not ran.exists(), ran.read_text()


def test_the_process_that_reads_a_large_file(make_store, here, ran, monkeypatch):
    monkeypatch.setattr(parsing, "LARGE", 0)
    (here / "tweets.csv").write_text("text,label\nup,positive\ndown,negative\n")
    store = make_store()
    plan = importing.plan(store.config, Path("tweets.csv"), ImportOptions())
    assert importing.run(store, plan).added == tweets.counts(store).tweets == 2
    assert not ran.exists(), ran.read_text()


def test_a_command_of_the_screen(small, here, ran):
    told = asyncio.run(run_command(WORKBENCH, small.folder, "status", "--json"))
    assert told["tweets"] == 6
    assert not ran.exists(), ran.read_text()


LIBRARY = """
import subprocess, sys
from workbench import cli
sys.argv = ["workbench", "--version"]
try:
    cli.run()
except SystemExit:
    subprocess.run([sys.executable, "-c", "import json"], check=True)
"""


def test_python_that_a_library_starts_from_a_command(here, ran):
    """Such as the tracker of shared memory, which is started with `-c`."""
    subprocess.run(
        [sys.executable, "-P", "-c", LIBRARY], check=True, env={**os.environ, "PYTHONPATH": ""}
    )
    assert not ran.exists(), ran.read_text()


def test_python_is_started_in_one_way(repository):
    """Another place that starts it belongs into this file."""
    sources = [p for name in ("storage", "workbench") for p in (repository / name).rglob("*.py")]
    for word, known in (
        ("sys.executable", {"interpreter.py", "slurm_commands.py"}),
        ("Popen(", {"interpreter.py"}),
        ("import multiprocessing", set()),
    ):
        assert {path.name for path in sources if word in path.read_text("utf-8")} == known


def test_folders_that_variables_name_stay_what_they_are(here, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "mine", "/opt/x", ""]))
    monkeypatch.setenv("HF_HOME", "../hub")
    told = interpreter.environment(EXTRA="1")
    assert told["PYTHONPATH"] == f"{here}/mine{os.pathsep}/opt/x"
    assert Path(told["HF_HOME"]).is_absolute() and Path(told["HF_HOME"]).parent.samefile(tmp_path)
    assert (told["EXTRA"], told[interpreter.SAFE_PATH]) == ("1", "1")
