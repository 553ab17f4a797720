"""The process that reads a large file: however it ends, an import says so and takes nothing in."""

from __future__ import annotations

import signal
import sys

import psutil
import pytest

from storage import interpreter
from storage.errors import UserError
from storage.query import tweets
from storage.transfer import importing, parsing
from storage.transfer.importing import ImportOptions

ROWS = 40_000
"""More than a pipe holds, in several batches."""
KILL = "import os, signal, sys; {}; sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)"
ENDS = {
    "at once": KILL.format("pass"),
    "in a length": KILL.format("sys.stdout.buffer.write(bytes(7))"),
    "in a frame": KILL.format("sys.stdout.buffer.write(bytes(7) + b'\\x09abc')"),
    "without reading its job": KILL.format("os.close(0)"),
}


@pytest.fixture
def large(write, monkeypatch):
    monkeypatch.setattr(parsing, "LARGE", 0)
    rows = "".join(f"tweet number {n} of a large file,positive\n" for n in range(ROWS))
    return write("t.csv", "text,label\n" + rows)


def take(store, path, **more):
    return importing.run(store, importing.plan(store.config, path, ImportOptions()), **more)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_reader_that_is_killed_is_one_sentence_and_nothing_was_imported(
    number, make_store, large, capfd
):
    """Ctrl+C ends it as well, and it has nothing to say then."""
    store = make_store()

    def kill(read):
        for child in psutil.Process().children():
            child.send_signal(number)

    with pytest.raises(UserError, match=r"was killed \(.*\); nothing was imported") as told:
        take(store, large, progress=kill)
    assert "\n" not in str(told.value) and tweets.counts(store).tweets == 0
    assert capfd.readouterr().err == ""
    assert take(store, large).added == ROWS == tweets.counts(store).tweets


@pytest.mark.parametrize("end", ENDS)
def test_a_reader_may_be_killed_at_any_moment(end, make_store, write, monkeypatch):
    monkeypatch.setattr(parsing, "LARGE", 0)
    monkeypatch.setattr(interpreter, "command", lambda *about: [sys.executable, "-c", ENDS[end]])
    store, path = make_store(), write("t.csv", "text,label\nup,positive\n")
    plan = importing.plan(
        store.config, path, ImportOptions(codes={f"c{n}": "positive" for n in range(30_000)})
    )
    with pytest.raises(UserError, match=r"not read to its end.*was killed.*nothing was imp"):
        importing.run(store, plan)


def test_a_reader_that_fails_is_one_sentence_too(make_store, large, monkeypatch):
    program = [sys.executable, "-c", "import sys; sys.exit(3)"]
    monkeypatch.setattr(interpreter, "command", lambda *about: program)
    with pytest.raises(UserError, match="the process that reads it failed; nothing was imported"):
        take(make_store(), large)


def test_what_a_library_prints_while_a_file_is_read_is_no_row(
    make_store, large, tmp_path, monkeypatch
):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "def hook(event, about):\n"
        "    if event == 'open' and str(about[0]).endswith('t.csv'):\n"
        "        print('a word of some library', flush=True)\n"
        "sys.addaudithook(hook)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert take(make_store(), large).added == ROWS
