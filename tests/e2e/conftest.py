"""A workspace with sample tweets and a short fine-tuning run, made once for a file of tests."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample_data"
SOME = 240
"""Sample tweets: a third of them, which is enough to learn something and soon scored."""
QUICK = ("--set", "training.max_steps=12", "--set", "training.logging_steps=2")


@pytest.fixture(scope="session")
def cli():
    """Run the command line in a process of its own; gives back the finished process."""

    def run(*arguments: object, **more) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "workbench", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=280, **more)

    return run


@pytest.fixture(scope="session")
def answer(cli):
    """Run a command that must succeed and read its JSON."""

    def run(*arguments: object, **more):
        done = cli(*arguments, "--json", **more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory, answer):
    """(workspace, run): some sample tweets, and the small Falcon after 12 steps on them."""
    folder = tmp_path_factory.mktemp("trained") / "workspace"
    with (SAMPLE / "tweets.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[: 1 + SOME]
    with (folder.parent / "tweets.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    answer("init", folder, "--labels", "positive,negative", "--base", SAMPLE / "base")
    answer("-w", folder, "import", folder.parent / "tweets.csv")
    run = answer("-w", folder, "train", "--recipe", "tiny", *QUICK, "--wait")
    assert run["state"] == "done", run
    return folder, run


@pytest.fixture
def plain_environment():
    """An environment in which `workbench` and `storage` cannot be imported by accident."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return environment | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
