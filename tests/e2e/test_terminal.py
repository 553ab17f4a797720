"""The program in a real terminal: what it draws, what it leaves behind, what it loads."""

from __future__ import annotations

import csv
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from terminals import WAIT_S, assert_clean, terminal

from storage.config import Config
from storage.query.tweets import tweet
from storage.store import create_store, open_store
from storage.transfer import importing
from workbench.tui.terminal import LOOK_S, terminal_problem

FORBIDDEN = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "datasets",
    "pandas",
    "numpy",
    "sklearn",
    "scipy",
    "sqlite_utils",
    "pyarrow",
    "workbench.modeling",
    "workbench.analysis",
)
PROBE = """
import sys
from pathlib import Path
from workbench.tui.app import WorkbenchApp
app = WorkbenchApp(Path(sys.argv[1]), "ana")
app.run()
Path(sys.argv[2]).write_text("\\n".join(sys.modules))
sys.exit(app.return_code or 0)
"""

PASTED = b"Lost my bag again, x 2 2 x 2. Next year we go there by train, thanks a lot to you all!\r"
"""What GNU screen writes when somebody pastes a tweet."""
NOT_YET = (
    "urllib.request",
    "http",
    "email",
    "psutil",
    "workbench.planning",
    "workbench.recipes",
    "workbench.rundir",
    "workbench.runs.engine_control",
    *(f"workbench.tui.screens.{name}" for name in ("train", "clone", "run", "runs", "help")),
)
"""What the list of tweets does without until a key, a run or an engine needs it."""
FIRST_PICTURE = """
import sys
from pathlib import Path
import workbench.cli
from workbench.tui.app import WorkbenchApp
def drawn(app):
    Path(sys.argv[2]).write_text("\\n".join([*sys.modules, app.screen.tweets.current.text]))
    app.exit()
WorkbenchApp._begin = drawn
WorkbenchApp(Path(sys.argv[1]), "ana").run(headless=True)
"""


@pytest.fixture
def workspace(tmp_path):
    path = tmp_path / "tweets.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows((f"tweet {n} \x1b[31m$TSLA", "positive") for n in range(1, 40))
    store = create_store(tmp_path / "workspace", Config(labels=("positive", "negative")), "ana")
    importing.run(store, importing.plan(store.config, path, importing.ImportOptions()))
    store.close()
    return tmp_path / "workspace"


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"WORKBENCH_THEME": "ansi-light"}])
def test_the_first_screen(workspace, environment):
    with terminal("-m", "workbench", "--workspace", workspace, **environment) as opened:
        opened.until("1 of 39")
        assert opened.screen.display[2].startswith("▌    pos               tweet 1 ␛[31m$TSLA")
        assert "1 positive" in opened.screen.display[-1]
        opened.press(PASTED)
        opened.until("What was pasted does nothing here")
        opened.press(b"\x1b[B\x1b[A2")
        opened.until("1 fixed")
        opened.press(b"q")
        assert opened.wait() == 0
        assert_clean(opened.written)
        left = "".join(opened.screen.display).strip()  # pyte has one screen, as GNU screen has
        assert left == "", left
        if environment:
            assert b"38;2;" not in opened.written
        if "NO_COLOR" in environment:
            codes = set(b";".join(re.findall(rb"\x1b\[([\d;]*)m", opened.written)).split(b";"))
            assert codes <= {b"", *b"0 1 2 4 7 22 24 27 39 49".split()}
    store = open_store(workspace)
    assert [tweet(store, n).label for n in (1, 2, 3)] == ["negative", "positive", "positive"]
    assert not tweet(store, 2).excluded
    store.close()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_the_terminal_clean(workspace, number, status):
    with terminal("-m", "workbench", "--workspace", workspace) as opened:
        opened.until("1 of 39")
        os.kill(opened.pid, number)
        assert opened.wait() == status
        assert_clean(opened.written)


def test_a_closed_line_ends_the_program_even_when_hangups_are_ignored(workspace):
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "os.execv(sys.executable, [sys.executable, '-m', 'workbench', '--workspace', sys.argv[1]])"
    )
    with terminal("-c", ignoring, workspace) as opened:
        opened.until("1 of 39")
        os.close(opened.fd)
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            pid, status = os.waitpid(opened.pid, os.WNOHANG)
            if pid:
                opened.status = os.waitstatus_to_exitcode(status)
                break
            time.sleep(0.05)
        opened.fd = os.open(os.devnull, os.O_RDONLY)
        assert opened.status == 129


def test_the_process_loads_nothing_heavy(workspace, tmp_path):
    listed = tmp_path / "modules"
    with terminal("-c", PROBE, workspace, listed) as opened:
        opened.until("1 of 39")
        for key, sign in ((b"t", "training tweets"), (b"\x1b", "1 of 39"), (b"r", "no runs yet")):
            opened.press(key)
            opened.until(sign)
        opened.press(b"qq")
        assert opened.wait() == 0
    loaded = set(listed.read_text().splitlines())
    assert "textual.app" in loaded
    assert not [name for name in FORBIDDEN if name in loaded]


def test_the_first_picture_imports_only_what_it_shows(workspace, tmp_path):
    listed = tmp_path / "modules"
    command = [sys.executable, "-P", "-c", FIRST_PICTURE, workspace, listed]
    subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)
    loaded = set(listed.read_text().splitlines())
    assert {"textual.app", "tweet 1 \x1b[31m$TSLA"} <= loaded
    assert not [name for name in (*FORBIDDEN, *NOT_YET) if name in loaded]


def test_nothing_is_written_while_nothing_happens(workspace):
    with terminal("-m", "workbench", "--workspace", workspace) as opened:
        opened.until("1 of 39")
        end = time.monotonic() + WAIT_S
        while select.select([opened.fd], [], [], 3.0)[0]:  # it may be slow to come to rest
            opened.read(0)
            assert time.monotonic() < end, opened.written[-200:]


def test_a_terminal_that_cannot_show_it_is_refused(workspace):
    command = [sys.executable, "-m", "workbench", "--workspace", str(workspace)]
    without = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert without.returncode == 1
    assert "workbench --plain" in without.stderr
    assert len(without.stderr.strip().splitlines()) == 1
    with terminal(*command[1:], TERM="dumb") as opened:
        opened.until("TERM=dumb")
        assert opened.wait() == 1
        assert b"\x1b" not in opened.written
    with terminal(*command[1:], columns=50, rows=24) as opened:
        assert opened.wait() == 1
        assert b"50 by 24" in opened.written


def test_the_problem_names_the_commands_that_need_no_screen(monkeypatch):
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert "workbench --plain" in str(terminal_problem())


def test_a_browser_gets_the_screen_without_a_terminal(workspace):
    """What textual-serve starts for each page: bytes on pipes, and no terminal at all."""
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", "-w", str(workspace)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ
        | {"TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver", "COLUMNS": "100"},
    )
    try:
        drawn = b""
        while b"[Browse]" not in drawn:
            assert select.select([process.stdout], [], [], WAIT_S)[0]
            drawn += (found := os.read(process.stdout.fileno(), 65536))
            assert found, drawn
        time.sleep(LOOK_S + 0.5)  # when a terminal that is gone would have been missed
        assert process.poll() is None
        process.terminate()
        assert process.wait(WAIT_S) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.communicate()
