"""The built wheel holds everything: code, recipes, styles, sample data and the demo base."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]

USE = """
import asyncio, sys
from pathlib import Path
import workbench, storage
for package in (workbench, storage):
    assert Path(package.__file__).is_relative_to(sys.argv[1]), package.__file__
from workbench.recipes import recipes
assert {"seed", "fast", "tiny", "baseline"} <= set(recipes.descriptions())
from workbench.tui.app import WorkbenchApp
async def first_screen():
    app = WorkbenchApp(Path(sys.argv[2]))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
asyncio.run(first_screen())
from workbench.commands.demo import sample_path
base = sample_path("base")
assert base.is_relative_to(sys.argv[1]) and (base / "config.json").is_file()
"""


def test_the_wheel_works_without_the_checkout(tmp_path):
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", tmp_path, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith("tests")]
    installed = tmp_path / "installed"
    offline = ["--no-index", "--find-links", wheel.parent, "label-workbench"]
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", installed, *offline]
    subprocess.run([sys.executable, *install], check=True)

    environment = os.environ | {"PYTHONPATH": str(installed)}

    def run(*arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {
        "workbench",
        "storage",
    }
    sample = installed / "workbench" / "sample_data"
    run("-m", "workbench", "init", "w", "--labels", "positive,negative", "--base", sample / "base")
    assert "720 added" in run("-m", "workbench", "-w", "w", "import", sample / "tweets.csv")
    run("-c", USE, installed, tmp_path / "w")
    done = run(
        "-m",
        "workbench",
        "-w",
        "w",
        "train",
        "--recipe",
        "tiny",
        "--set",
        "training.max_steps=2",
        "--predict",
        "id:<=20",
        "--wait",
    )
    assert "16/16" in done
