"""Run folders that are ready to be worked on, and workers on them."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import forking
import pytest

from workbench import recipes
from workbench.runs.freezing import freeze_training

QUICK = ("training.max_steps=4", "training.logging_steps=1", "training.save_steps=2",
         "training.batch_size=2", "training.accumulation=1")  # fmt: skip


def rows(n=40):
    """Short labelled texts; the first quarter are test tweets."""
    return [
        {"text": f"text number {i}", "label": ("positive", "negative")[i % 3 == 0],
         "split": "test" if i < n // 4 else "train"}
        for i in range(n)
    ]  # fmt: skip


@pytest.fixture
def filled(make_store, fill):
    return fill(make_store(), rows())


@pytest.fixture
def baseline(filled):
    """The folder of a baseline run."""
    return freeze_training(filled, recipes.load("baseline"), None, "").path


@pytest.fixture
def make_model_run(filled, repository):
    """Makes the folder of a short fine-tuning run on the sample base."""

    def make(*overrides, base=None):
        recipe = recipes.load("tiny", (*QUICK, *overrides))
        base = base or repository / "sample_data" / "base"
        return freeze_training(filled, recipe, str(base), "").path

    return make


@pytest.fixture
def work(fork_server):
    """Runs workers on folders; whoever still works in the end is killed.

    A worker that is not to be forked imports what it needs with its own variables and limits.
    """
    started = []

    def start(folder, wait=True, env=None, fork=True, **options):
        begin = forking.popen if fork else subprocess.Popen
        process = begin(
            [sys.executable, "-m", "workbench.runs.worker", str(folder)],
            env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, **options,
        )  # fmt: skip
        started.append(process)
        if wait:
            process.out, process.err = process.communicate(timeout=120)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def until():
    """Waits for something to hold."""

    def wait(holds, seconds=60.0):
        end = time.monotonic() + seconds
        while not (found := holds()):
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.05)
        return found

    return wait
