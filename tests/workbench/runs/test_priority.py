"""What computes in the background gives way to whoever presses keys on the same machine."""

import asyncio
import os
import sys

import psutil
import pytest

from storage import interpreter
from workbench.planning import devices
from workbench.runs.launchers.local import start_detached
from workbench.tui.command_process import run_command

TELLS = [sys.executable, "-c", "import os; print(os.nice(0))"]


@pytest.fixture(autouse=True)
def nice(monkeypatch):
    monkeypatch.setattr(interpreter, "NICENESS", 10)


def test_a_command_of_the_screen_gives_way(tmp_path):
    assert os.nice(0) < 10
    assert asyncio.run(run_command(TELLS, tmp_path)) == 10


@pytest.mark.parametrize("gpu", [True, False])
def test_a_run_gives_way_where_it_computes_on_the_cpu(tmp_path, monkeypatch, gpu):
    monkeypatch.setattr(devices, "GPUS", (str(tmp_path),) if gpu else ())
    lock = os.open(tmp_path / "lock", os.O_CREAT)
    worker = psutil.Process(start_detached(tmp_path, TELLS, lock))
    os.close(lock)
    worker.wait(20)
    told = (tmp_path / "worker.log").read_text().split()[-1]
    assert int(told) == (os.nice(0) if gpu else 10)


def test_a_process_that_has_ended_gives_way_to_all(tmp_path):
    process = interpreter.start([sys.executable, "-c", ""])
    process.wait()
    interpreter.give_way(process.pid)
