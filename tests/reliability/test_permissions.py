"""A workspace is its owner's only, whatever the umask, and `doctor` says where it is not."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys

import pytest

from storage.safety import permissions

LOOSE = 0o000


@pytest.fixture(scope="module")
def run(workbench, tmp_path_factory):
    """The program, and what it starts, with a umask that lets everybody in."""
    begins = tmp_path_factory.mktemp("begins")
    (begins / "sitecustomize.py").write_text(f"import os\nos.umask({LOOSE})\n")

    def command(*arguments):
        done = workbench(*arguments, env={**os.environ, "PYTHONPATH": str(begins)})
        assert done.status == 0, done.err

    return command


@pytest.fixture(scope="module")
def template(run, tmp_path_factory):
    place = tmp_path_factory.mktemp("loose")
    rows = "".join(f"up {n} we go,positive\ndown {n} it goes,negative\n" for n in range(40))
    (place / "t.csv").write_text("text,label\n" + rows)
    run("init", place / "new" / "workspace", "--labels", "positive,negative")
    run("-w", place / "new" / "workspace", "import", place / "t.csv")
    return place / "new"


@pytest.fixture
def folder(template, tmp_path):
    return shutil.copytree(template, tmp_path / "new") / "workspace"


def modes(folder):
    return {
        str(path.relative_to(folder.parent)): stat.S_IMODE(path.lstat().st_mode)
        for path in (folder, *folder.rglob("*"))
    }


@pytest.mark.slow
def test_everything_in_it_is_for_its_owner(folder, run):
    run("-w", folder, "label", "1", "negative")
    run("-w", folder, "train", "--recipe", "baseline", "--wait")
    run("-w", folder, "runs")
    run("-w", folder, "backup")
    run("-w", folder, "snapshot", "one")
    run("-w", folder, "restore-backup", "--latest", "--yes")
    run("-w", folder, "label", "2", "negative")
    found = modes(folder)
    assert {"workspace/backups", "workspace/runs/1", "workspace/runs/1/worker.log"} <= set(found)
    assert any("replaced" in name for name in found)
    open_to_others = {
        name: oct(mode)
        for name, mode in found.items()
        if mode != (0o700 if (folder.parent / name).is_dir() else 0o600)
    }
    assert open_to_others == {}
    assert permissions.problems(folder) == []


def test_what_is_kept_open_is_for_its_owner_too(folder, run, repository):
    program = (
        "import sys; from pathlib import Path; from storage.history import labels;"
        "from storage.store import open_store; folder = Path(sys.argv[1]);"
        "store = open_store(folder); labels.assign(store, [1], 'negative');"
        "print(*(oct(p.stat().st_mode & 0o777) for p in folder.glob('*.db-*')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, folder],
        capture_output=True,
        text=True,
        umask=LOOSE,
        check=True,
        cwd=repository,
    )
    assert done.stdout.split() == ["0o600", "0o600"]


def test_exports_are_as_the_user_wants_files_to_be(folder, run, tmp_path):
    run("-w", folder, "export", tmp_path / "out.csv")
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o666
    run("-w", folder, "backup", tmp_path / "copy.db")
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600


def test_doctor_names_what_others_can_read_or_change(folder, cli, monkeypatch):
    monkeypatch.setattr("workbench.modeling.base.machine.describe_machine", dict)
    assert cli("-w", folder, "doctor", "--json").json["problems"] == []
    (folder / "workbench.toml").chmod(0o644)
    (folder / "workbench.db").chmod(0o660)
    (folder / "runs").chmod(0o777)
    problems = cli("-w", folder, "doctor", "--json").json["problems"]
    assert problems == [
        f"{folder}/runs can be changed by everybody (mode 0777); run `chmod 700 {folder}/runs`.",
        f"{folder}/workbench.db can be changed by its group (mode 0660); "
        f"run `chmod 600 {folder}/workbench.db`.",
        f"{folder}/workbench.toml can be read by everybody (mode 0644); "
        f"run `chmod 600 {folder}/workbench.toml`.",
    ]
    folder.chmod(0o1777)
    told = cli("-w", folder, "doctor")
    assert f"{folder} can be changed by everybody (mode 1777)" in " ".join(told.out.split())
    for problem in cli("-w", folder, "doctor", "--json").json["problems"]:
        subprocess.run(problem.split("`")[1], shell=True, check=True)
    assert cli("-w", folder, "doctor", "--json").json["problems"] == []


def test_doctor_names_a_few_and_counts_the_rest(folder):
    for number in range(20):
        (folder / "runs" / f"{number:02}").touch(0o666)
        (folder / "runs" / f"{number:02}").chmod(0o666)
    problems = permissions.problems(folder)
    assert len(problems) == permissions.MOST_NAMED + 1
    assert problems[-1] == "15 more files have such permissions."


def test_doctor_names_an_owner_who_is_somebody_else(folder, cli, monkeypatch):
    monkeypatch.setattr("workbench.modeling.base.machine.describe_machine", dict)
    if os.getuid() == 0:
        os.chown(folder / "workbench.db", 65534, 65534)
        whose = "nobody"
    else:
        monkeypatch.setattr(permissions.os, "getuid", lambda: 0)
        whose = ""
    problems = cli("-w", folder, "doctor", "--json").json["problems"]
    assert f"{folder}/workbench.db belongs to {whose}" in "\n".join(problems)
