"""A workspace with the sample tweets and a baseline run, made once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


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
