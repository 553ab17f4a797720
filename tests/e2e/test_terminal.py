"""The program in a real terminal: what it draws, what it leaves behind, what it loads."""

from __future__ import annotations

import csv
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from pathlib import Path

import pyte
import pytest

from storage import importing
from storage.config import Config
from storage.store import create_store, open_store
from storage.tweets import tweet
from workbench.terminal import terminal_problem

FORBIDDEN = (
    "torch", "transformers", "trl", "peft", "datasets", "pandas", "numpy", "sklearn", "scipy",
    "sqlite_utils", "pyarrow", "workbench.modeling", "workbench.analysis",
)  # fmt: skip
WAIT_S = 20.0
PROBE = """
import sys
from pathlib import Path
from workbench.app import WorkbenchApp
app = WorkbenchApp(Path(sys.argv[1]), "ana")
app.run()
Path(sys.argv[2]).write_text("\\n".join(sys.modules))
sys.exit(app.return_code or 0)
"""


@pytest.fixture
def workspace(tmp_path):
    path = tmp_path / "tweets.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows((f"tweet {n} \x1b[31m$TSLA", "positive") for n in range(1, 40))
    store = create_store(tmp_path / "workspace", Config(labels=("positive", "negative")), "ana")
    importing.run(store, importing.plan(store.config, path, importing.Options()))
    store.close()
    return tmp_path / "workspace"


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, command, columns, rows, **environment):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.written = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Given as a whole: libraries add COLUMNS and LINES behind Python's back, and they
            # would count for more than the size of the terminal.
            inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
            terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execve(command[0], command, inherited | terminal | environment)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.status = None

    def read(self, seconds):
        """Take in what comes within some time; False when the line is closed."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.written += data
        # pyte knows neither private modes with $ nor the keyboard protocol.
        self.stream.feed(data.replace(b"\x1b[?2026$p", b"").replace(b"\x1b[?2048$p", b""))
        return bool(data)

    def until(self, text):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if any(text in line for line in self.screen.display):
                return
            self.read(0.05)
        raise AssertionError(f"no {text!r} on the screen:\n" + "\n".join(self.screen.display))

    def press(self, keys):
        os.write(self.fd, keys)

    def wait(self):
        """The exit status, after everything that was written has been read."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while select.select([self.fd], [], [], 0)[0] and self.read(0):
                    pass
                self.status = os.waitstatus_to_exitcode(status)
                return self.status
        raise AssertionError(f"the program did not end: {self.written[-600:]!r}")

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


@contextmanager
def terminal(*arguments, columns=80, rows=24, **environment):
    opened = Terminal([sys.executable, *map(str, arguments)], columns, rows, **environment)
    try:
        yield opened
    finally:
        opened.close()


def assert_clean(written):
    """The last word on every mode that was changed is to change it back."""
    for on, off in (
        (b"\x1b[?1049h", b"\x1b[?1049l"),
        (b"\x1b[?1000h", b"\x1b[?1000l"),
        (b"\x1b[?1003h", b"\x1b[?1003l"),
        (b"\x1b[?2004h", b"\x1b[?2004l"),
        (b"\x1b[?25l", b"\x1b[?25h"),
    ):
        assert written.rfind(off) > written.rfind(on) >= 0


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"WORKBENCH_THEME": "ansi-light"}])
def test_the_first_screen(workspace, environment):
    with terminal("-m", "workbench", "--workspace", workspace, **environment) as opened:
        opened.until("1 / 39")
        assert opened.screen.display[1].startswith(">      pos  pos   ·        tweet 1 ␛[31m$TSLA")
        assert "1/p positive" in opened.screen.display[-1]
        opened.press(b"2")
        opened.until("1 corrected")
        opened.press(b"q")
        assert opened.wait() == 0
        assert_clean(opened.written)
        if environment:
            assert b"38;2;" not in opened.written
        if "NO_COLOR" in environment:
            codes = set(b";".join(re.findall(rb"\x1b\[([\d;]*)m", opened.written)).split(b";"))
            assert codes <= {b"", b"0", b"1", b"2", b"4", b"7", b"39", b"49"}
    store = open_store(workspace)
    assert tweet(store, 1).label == "negative"
    store.close()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_the_terminal_clean(workspace, number, status):
    with terminal("-m", "workbench", "--workspace", workspace) as opened:
        opened.until("1 / 39")
        os.kill(opened.pid, number)
        assert opened.wait() == status
        assert_clean(opened.written)


def test_a_closed_line_ends_the_program_even_when_hangups_are_ignored(workspace):
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "os.execv(sys.executable, [sys.executable, '-m', 'workbench', '--workspace', sys.argv[1]])"
    )
    with terminal("-c", ignoring, workspace) as opened:
        opened.until("1 / 39")
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
        opened.until("1 / 39")
        for key, sign in ((b"t", "training tweets"), (b"\x1b", "1 / 39"), (b"r", "no runs yet")):
            opened.press(key)
            opened.until(sign)
        opened.press(b"q")
        assert opened.wait() == 0
    loaded = set(listed.read_text().splitlines())
    assert "textual.app" in loaded
    assert not [name for name in FORBIDDEN if name in loaded]


def test_nothing_is_written_while_nothing_happens(workspace):
    with terminal("-m", "workbench", "--workspace", workspace) as opened:
        opened.until("1 / 39")
        while select.select([opened.fd], [], [], 1.0)[0]:
            opened.read(0)
        before = len(opened.written)
        opened.read(2.0)
        assert len(opened.written) == before


def test_a_terminal_that_cannot_show_it_is_refused(workspace):
    command = [sys.executable, "-m", "workbench", "--workspace", str(workspace)]
    without = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert without.returncode == 1
    assert "workbench list" in without.stderr
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
        assert "workbench label" in str(terminal_problem())
