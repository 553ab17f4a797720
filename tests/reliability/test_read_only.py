"""A workspace that this user may only read is opened for reading, and says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from terminals import assert_clean, terminal

from storage.history import labels
from storage.query import tweets
from storage.store import DATABASE, open_store

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
"""Root may write everywhere, so the tests become somebody who may not."""


@pytest.fixture(scope="module")
def somebody(repository):
    """The start of a command line of somebody who owns nothing here."""
    if os.getuid() != 0:
        return [sys.executable]
    command = [shutil.which(NOBODY[0]) or NOBODY[0], *NOBODY[1:], sys.executable]
    try:
        probe = [*command, "-c", "import workbench.tui.app"]
        subprocess.run(probe, cwd=repository, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nobody else can run the program here")
    return command


@pytest.fixture
def folder(small):
    """A copy outside of pytest's own folder, which only its owner can enter."""
    labels.assign(small, [1], "negative")
    small.close()
    outside = Path(tempfile.mkdtemp())
    outside.chmod(0o755)
    copy = Path(shutil.copytree(small.folder, outside / "workspace"))
    lock(copy)
    yield copy
    unlock(copy)
    shutil.rmtree(outside)


def lock(folder):
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)


def unlock(folder):
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.fixture
def run(somebody, folder, repository):
    def command(*arguments):
        return subprocess.run(
            [*somebody, "-m", "workbench", "-w", str(folder), *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=repository,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"},
        )

    return command


@pytest.mark.parametrize("command", ["list", "show 1", "status", "history", "check"])
def test_it_can_be_read_and_says_so(command, run, folder):
    before = sorted(path.name for path in folder.rglob("*"))
    done = run(*command.split())
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        f"workbench: {folder} is read-only for you: everything can be read and nothing changed.\n"
    )
    assert sorted(path.name for path in folder.rglob("*")) == before


@pytest.mark.parametrize(
    "command", ["label 1 positive", "undo", "backup", "snapshot before", "group", "import"]
)
def test_what_would_change_it_is_one_sentence(command, run, folder, tmp_path):
    arguments = command.split()
    if command == "import":
        data = folder.parent / "more.csv"
        data.write_text("text,label\nup we go,positive\n")
        arguments.append(data)
    content = (folder / DATABASE).read_bytes()
    done = run(*arguments)
    assert done.returncode == 1, (done.stdout, done.stderr)
    (line,) = done.stderr.splitlines()
    assert str(folder) in line and "Unexpected" not in line
    assert (folder / DATABASE).read_bytes() == content


def test_the_screen_says_so_and_labels_nothing(somebody, folder):
    arguments = [*somebody[1:], "-m", "workbench", "--workspace", folder]
    with terminal(*arguments, program=somebody[0], columns=160, HOME="/nonexistent") as opened:
        opened.until("1 of 6")
        opened.until("read-only for you")
        opened.until("read-only")
        opened.press(b"1")
        opened.until("ask its owner for write permission")
        opened.press(b"j")
        opened.until("2 of 6")
        opened.press(b"x")
        opened.until("ask its owner")
        opened.press(b"q")
        assert opened.wait() == 0
        assert_clean(opened.written)
    unlock(folder)
    store = open_store(folder, "ana")
    assert tweets.tweet(store, 1).label == "negative"
    assert len(labels.history(store)) == 1
    store.close()


def test_a_file_that_alone_is_read_only_counts_as_well(run, folder):
    folder.chmod(0o777)
    done = run("label", "1", "positive")
    assert done.returncode == 1
    assert "read-only for you" in done.stderr
    assert run("list").returncode == 0


def test_somebody_else_writes_while_it_is_read(run, folder):
    """The owner goes on; readers see what is committed, also what is only in the log so far."""
    unlock(folder)
    store = open_store(folder, "ana")
    labels.assign(store, [2], "negative")
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    if os.getuid() == 0:
        done = run("show", "2", "--json")
        assert done.returncode == 0, done.stderr
        assert '"label": "negative"' in done.stdout
    store.close()
