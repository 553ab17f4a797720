"""A run whose worker is killed again and again ends like one that nothing happened to."""

from __future__ import annotations

import os
import random
import signal
import time
from functools import partial

import psutil
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from workbench.rundir.folder import COMPLETE, DONE, RUNNING, STOPPED, read_log, read_state
from workbench.rundir.log_format import format_event

ROUNDS = int(os.environ.get("WORKBENCH_KILL_ROUNDS", "12"))
SEED = int(os.environ.get("WORKBENCH_KILL_SEED", "1"))
LONG = (
    f"training.max_steps={6 * ROUNDS}",
    "training.save_steps=2",
    "lora.r=4",
    "training.max_length=32",
    "training.keep_best=true",
)


@pytest.fixture
def begin(work):
    """Starts a worker on a folder."""
    return partial(work, wait=False)


def steps(folder, offset=0):
    """(step, place in the log) of the steps that are logged from a place on."""
    return [(v["step"], after) for v, after in read_log(folder, offset) if v["event"] == "step"]


def newest(folder):
    marks = folder.glob(f"checkpoints/checkpoint-*/{COMPLETE}")
    return max((int(mark.parent.name.rpartition("-")[2]) for mark in marks), default=0)


@pytest.mark.slow
def test_a_run_that_is_killed_at_random_steps_ends_as_if_it_were_not(make_model_run, begin):
    whole, torn = make_model_run(*LONG), make_model_run(*LONG)
    straight = begin(whole)
    chance = random.Random(SEED)
    resumed = []
    for _ in range(ROUNDS):
        size = (torn / "log.jsonl").stat().st_size if (torn / "log.jsonl").exists() else 0
        at = newest(torn)
        process = begin(torn)
        wanted, until = chance.randint(1, 5), time.monotonic() + 120
        while len(told := steps(torn, size)) < wanted:
            assert process.poll() is None and time.monotonic() < until, read_state(torn)
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        process.wait()
        assert read_state(torn).state == RUNNING
        resumed.append((at, told[0][0] - 1))
    assert all(told == at for at, told in resumed), resumed
    assert len(set(resumed)) > ROUNDS // 4  # it went on from many places, however slow its saving
    last = begin(torn)
    for process in (straight, last):
        process.wait(240)
    assert [read_state(folder).state for folder in (whole, torn)] == [DONE, DONE]
    first, second = (load_file(f / "adapter" / "adapter_model.safetensors") for f in (whole, torn))
    assert first.keys() == second.keys() and len(first) > 0
    assert all(torch.equal(first[name], second[name]) for name in first)
    for name in ("predictions.parquet", "dynamics.parquet"):
        assert pq.read_table(torn / name).equals(pq.read_table(whole / name)), name


@pytest.mark.slow
def test_a_torn_checkpoint_is_told_of_and_the_one_before_is_used(make_model_run, begin):
    run = make_model_run(*LONG, "training.max_steps=20")
    process = begin(run)
    while newest(run) < 6:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    size = (run / "log.jsonl").stat().st_size
    last = newest(run)
    os.truncate(run / "checkpoints" / f"checkpoint-{last}" / "state.safetensors", 500)
    process = begin(run)
    process.wait(240)
    assert read_state(run).state == DONE
    assert steps(run, size)[0][0] == last - 1
    lines = [format_event(values) for values, _ in read_log(run, size)]
    assert any(f"checkpoint-{last} is damaged" in line and "passed over" in line for line in lines)


@pytest.mark.slow
def test_a_run_that_is_asked_to_stop_saves_and_ends_within_one_step(make_model_run, begin):
    run = make_model_run(*LONG)
    process = begin(run)
    while len(steps(run)) < 5:
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGSTOP)  # so that it does nothing while its log is read
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        time.sleep(0.001)
    at = steps(run)[-1][0]
    for number in (signal.SIGTERM, signal.SIGCONT):
        os.kill(process.pid, number)
    process.wait(60)
    state = read_state(run)
    assert state.state == STOPPED and at <= state.step <= at + 1
    assert newest(run) == state.step == steps(run)[-1][0]
