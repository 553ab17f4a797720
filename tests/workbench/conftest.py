"""Workspaces with runs, run folders that are ready to be worked on, and workers on them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import forking
import pytest

from storage.config import Config
from storage.store import create_store
from workbench.recipes import recipes
from workbench.runs.snapshotting import snapshot_training

LABELS = ("positive", "negative")
QUICK = (
    "training.max_steps=4",
    "training.logging_steps=1",
    "training.save_steps=2",
    "training.batch_size=2",
    "training.accumulation=1",
)


def rows(n=40):
    """Short labelled texts; the first quarter are test tweets."""
    return [
        {
            "text": f"text number {i}",
            "label": ("positive", "negative")[i % 3 == 0],
            "split": "test" if i < n // 4 else "train",
        }
        for i in range(n)
    ]


@pytest.fixture(scope="session")
def filled_template(tmp_path_factory, fill):
    """The workspace of `filled`; copy it, never write to it."""
    folder = tmp_path_factory.mktemp("filled") / "workspace"
    fill(create_store(folder, Config(labels=LABELS), "ana"), rows()).close()
    return folder


@pytest.fixture
def filled(filled_template, tmp_path, reopen):
    return reopen(Path(shutil.copytree(filled_template, tmp_path / "workspace")))


@pytest.fixture
def baseline(filled):
    """The folder of a baseline run."""
    return snapshot_training(filled, recipes.load("baseline"), None, "").path


@pytest.fixture(scope="session")
def small_base(tmp_path_factory, repository):
    """A base like the demo's, a tenth of it; the demo's own without the libraries of models."""
    if importlib.util.find_spec("torch") is None:
        return repository / "sample_data" / "base"
    from bases_by_code import save_small_demo_base

    return save_small_demo_base(tmp_path_factory.mktemp("small_base"))


@pytest.fixture
def make_model_run(filled, small_base):
    """Makes the folder of a short fine-tuning run on a small base."""

    def make(*overrides, base=small_base):
        recipe = recipes.load("tiny", (*QUICK, *overrides))
        return snapshot_training(filled, recipe, str(base), "").path

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
            [sys.executable, "-m", "workbench.worker", str(folder)],
            env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        started.append(process)
        if wait:
            process.out, process.err = process.communicate(timeout=240)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def until():
    """Waits for something to hold."""

    def wait(holds, seconds=120.0):
        end = time.monotonic() + seconds
        while not (found := holds()):
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.05)
        return found

    return wait


@pytest.fixture(scope="session")
def trained_template(
    tmp_path_factory: pytest.TempPathFactory, workbench: Callable[..., Any], repository: Path
) -> Path:
    """The template; copy it, never write to it."""
    folder = tmp_path_factory.mktemp("cli") / "trained"
    sample = repository / "sample_data" / "tweets.csv"
    for arguments in (
        ("init", folder, "--labels", "positive,negative"),
        ("-w", folder, "import", sample),
        ("-w", folder, "train", "--recipe", "baseline", "--wait", "--json"),
    ):
        done = workbench(*arguments, "--annotator", "ana")
        assert done.status == 0, done.err
    return folder


@pytest.fixture
def trained(trained_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace of its own, which commands find by $WORKBENCH_HOME."""
    folder = Path(shutil.copytree(trained_template, tmp_path / "trained"))
    monkeypatch.setenv("WORKBENCH_HOME", str(folder))
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Any]) -> Path:
    """An empty workspace with two labels, which commands find by $WORKBENCH_HOME."""
    folder = tmp_path / "home"
    assert cli("init", folder, "--labels", "positive,negative").status == 0
    monkeypatch.setenv("WORKBENCH_HOME", str(folder))
    return folder
