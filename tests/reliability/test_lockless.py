"""A workspace on a file system without file locks: one sentence, and nothing is changed."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import subprocess
import sys
import time

import pytest
from terminals import assert_clean, terminal

from storage import file_locks
from storage.errors import UserError
from storage.history import integrity
from storage.query import tweets
from storage.safety import backups
from storage.safety.damage import explain
from storage.store import DATABASE, now, open_store

POLLED_S = 2.5
"""Longer than the time between two looks of a screen at its runs."""


@pytest.fixture
def folder(small):
    assert backups.make(small.folder / DATABASE, backups.MANUAL, now()) is not None
    small.close()
    return small.folder


@pytest.fixture
def switch(tmp_path):
    """As long as this file is there, there are no locks for the programs of the test."""
    path = tmp_path / "no-locks"
    path.touch()
    return path


@pytest.fixture
def program(switch):
    """A command line on a machine whose file systems have no locks, as Lustre may be mounted."""
    source = (
        "import errno, fcntl, os, sys; from pathlib import Path\n"
        "locked = fcntl.flock\n"
        "def flock(file, kind):\n"
        f"    if Path({str(switch)!r}).exists():\n"
        "        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))\n"
        "    locked(file, kind)\n"
        "fcntl.flock = flock\n"
        "from workbench.cli import run; sys.argv[0] = 'workbench'; run()\n"
    )
    return [sys.executable, "-c", source]


def sentence(folder):
    return (
        f"workbench: {folder} is on a file system without file locks (Function not implemented), "
        "where two programs would overwrite each other's work; copy it to a local disk, or have it "
        "mounted with locks.\n"
    )


@pytest.fixture
def run(program, repository):
    def command(*arguments):
        return subprocess.run(
            [*program, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=repository,
            stdin=subprocess.DEVNULL,
        )

    return command


@pytest.mark.parametrize(
    "command",
    ["list", "label 1 negative", "backup", "restore-backup --latest --yes", "import {file}"],
)
def test_a_command_says_so_in_one_sentence(command, folder, run, write):
    file = write("more.csv", "text,label\nanother,positive\n")
    before = (folder / DATABASE).read_bytes()
    done = run("-w", folder, *command.format(file=file).split())
    assert (done.returncode, done.stderr) == (1, sentence(folder))
    assert (folder / DATABASE).read_bytes() == before
    assert len(list(folder.glob(f"{DATABASE}*"))) == 1


def test_no_workspace_is_begun_there(run, tmp_path):
    done = run("init", tmp_path / "new", "--labels", "a,b")
    assert (done.returncode, done.stderr) == (1, sentence(tmp_path / "new"))
    assert not list((tmp_path / "new").glob("workbench.*"))


def test_the_screen_does_not_open_there(folder, program):
    with terminal(*program[1:], "-w", folder, columns=300) as opened:
        assert opened.wait() == 1
    assert b"is on a file system without file locks" in opened.written
    assert b"\x1b[?1049h" not in opened.written


def test_an_open_screen_goes_on_when_the_locks_are_gone(folder, program, switch):
    switch.unlink()
    with terminal(*program[1:], "-w", folder, columns=120) as opened:
        opened.until("1 of 6")
        switch.touch()
        opened.press(b"2")
        opened.until("1 fixed")
        end = time.monotonic() + POLLED_S
        while time.monotonic() < end:
            opened.read(0.1)
        opened.press(b"2")
        opened.until("2 fixed")
        opened.press(b"q")
        assert opened.wait() == 0
        assert_clean(opened.written)
    store = open_store(folder)
    assert [tweets.tweet(store, n).label for n in (1, 2)] == ["negative", "negative"]
    assert integrity.check(store) == []
    store.close()


@pytest.fixture
def without_locks(monkeypatch):
    def refuse(file, kind):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)


def test_a_workspace_that_can_only_be_read_is_read(folder, without_locks, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    store = open_store(folder)
    assert store.read_only
    assert tweets.counts(store).tweets == 6
    store.close()


def test_a_lock_that_two_want_in_turn_is_missed_in_one_sentence(folder, without_locks):
    with (
        pytest.raises(UserError, match=r"without file locks \(No locks available\)"),
        file_locks.exclusive(folder / "some.lock"),
    ):
        pass


def test_locks_that_sqlite_cannot_have_are_no_lack_of_space(folder):
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_LOCK
    said = str(explain(error, folder / DATABASE))
    assert said.startswith(f"{folder} is on a file system without file locks (disk I/O error)")
