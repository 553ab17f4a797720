"""`make test-versions`: the tests that need no model, on every Python that this machine has.

Each version gets an environment of its own, .venv-3.12 and so on, without torch and its relatives.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("3.11", "3.12", "3.13")
MODELS = ("accelerate", "bitsandbytes", "datasets", "peft", "torch", "transformers", "trl")
"""Packages that only models need; large, or slow to follow Python."""
FOLDERS = ("storage", "workbench")


def requirements() -> list[str]:
    """What pyproject.toml asks for, with the tools of the tests and without models."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted: list[str] = project["dependencies"] + project["optional-dependencies"]["dev"]
    return [one for one in wanted if not one.startswith(MODELS)]


def python(version: str) -> str | None:
    """An interpreter of a version: one that answers on the path, or one of pyenv."""
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for found in (shutil.which(f"python{version}"), *map(str, pyenv)):
        if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
            return found
    return None


def environment(version: str, interpreter: str) -> Path:
    """The interpreter of an environment with everything but models, made if it is not there."""
    folder = ROOT / f".venv-{version}"
    if not (folder / "ready").exists():
        subprocess.run([interpreter, "-m", "venv", folder], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pins = ["-c", ROOT / "constraints.txt", *requirements()]
        subprocess.run([folder / "bin/python", *install, *pins], check=True)
        subprocess.run([folder / "bin/python", *install, "--no-deps", "-e", ROOT], check=True)
        (folder / "ready").touch()
    return folder / "bin/python"


def main() -> int:
    """Run the tests on each version; exit status 1 if one of them fails."""
    failed = []
    for version in VERSIONS:
        if (interpreter := python(version)) is None:
            print(f"Python {version}: not on this machine, skipped.", flush=True)
            continue
        print(f"Python {version}:", flush=True)
        tests = [ROOT / "tests" / folder for folder in FOLDERS]
        options = ["-q", "-n", "2", "--dist", "loadfile", "-m", "not slow and not models"]
        command = [environment(version, interpreter), "-m", "pytest", *options, *tests]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(version)
    if failed:
        print(f"Failed on Python {', '.join(failed)}.")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
