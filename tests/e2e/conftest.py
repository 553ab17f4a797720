"""A workspace with sample tweets and a short fine-tuning run, made once for a file of tests."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from pathlib import Path

import forking
import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample_data"
SOME = 240
"""Sample tweets: a third of them, which is enough to learn something and soon scored."""
QUICK = ("--set", "training.max_steps=12", "--set", "training.logging_steps=2")


@pytest.fixture(scope="session")
def cli(fork_server):
    """Run the command line in a forked process; gives back the finished process."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return forking.run("workbench", *arguments, timeout=280)

    return run


@pytest.fixture(scope="session")
def answer(cli):
    """Run a command that must succeed and read its JSON."""

    def run(*arguments: object):
        done = cli(*arguments, "--json")
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


@pytest.fixture(scope="module")
def plain_environment():
    """An environment in which `workbench` and `storage` cannot be imported by accident."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return environment | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
