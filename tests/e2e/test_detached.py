"""A run outlives the terminal, and the screen, that it was started from."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import sys
import time

import pyte
import pytest

from workbench.rundir.folder import DONE, RUNNING, read_state
from workbench.rundir.liveness import reconcile_state

pytestmark = pytest.mark.slow


class Terminal:
    """A program as the leader of a session on a terminal of its own."""

    def __init__(self, *arguments):
        self.screen = pyte.Screen(80, 24)
        self.stream = pyte.ByteStream(self.screen)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup around the tests ignores
            inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
            command = [sys.executable, "-m", "workbench", *map(str, arguments)]
            os.execve(sys.executable, command, inherited | {"TERM": "xterm-256color"})

    def read(self, seconds):
        """Take in what comes within some time; False if nothing does."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        data = os.read(self.fd, 65536)
        self.stream.feed(data.replace(b"\x1b[?2026$p", b"").replace(b"\x1b[?2048$p", b""))
        return True

    def until(self, *texts):
        end = time.monotonic() + 90
        while not any(text in line for text in texts for line in self.screen.display):
            assert time.monotonic() < end, "\n".join(self.screen.display)
            self.read(0.05)

    def press(self, keys):
        """Press keys when the screen has come to rest."""
        while self.read(0.4):
            pass
        os.write(self.fd, keys)

    def hang_up(self):
        """Close the line, which sends SIGHUP, and wait for the program to end."""
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


@pytest.fixture(scope="module")
def template(tmp_path_factory, answer):
    """A workspace whose recipe is the baseline; copy it, never write to it."""
    folder = tmp_path_factory.mktemp("template") / "w"
    rows = [f"text number {n},{('positive', 'negative')[n % 3 == 0]}" for n in range(400)]
    (folder.parent / "tweets.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    answer("init", folder, "--labels", "positive,negative")
    answer("-w", folder, "import", folder.parent / "tweets.csv")
    settings = folder / "workbench.toml"
    text = re.sub(r"(?m)^recipe = .*$", 'recipe = "baseline"', settings.read_text())
    settings.write_text(text if "baseline" in text else 'recipe = "baseline"\n' + text)
    return folder


@pytest.fixture
def workspace(template, tmp_path):
    return shutil.copytree(template, tmp_path / "w")


def until(holds, seconds=90):
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def hold_up():
    """Stops the worker of a run that has just begun; gives what lets it go on."""
    stopped = []

    def hold(folder):
        state = until(lambda: folder.is_dir() and (s := read_state(folder)).phase and s)
        os.kill(state.pid, signal.SIGSTOP)
        stopped.append(state.pid)
        assert reconcile_state(folder).state == RUNNING, "it was done too soon for this test"
        return lambda: os.kill(stopped.pop(), signal.SIGCONT)

    yield hold
    for pid in stopped:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("waiting", [(), ("--wait",)], ids=["started", "waited for"])
def test_a_closed_terminal_ends_the_command_and_not_the_run(workspace, answer, waiting, hold_up):
    opened = Terminal("-w", workspace, "train", "--recipe", "baseline", *waiting)
    folder = workspace / "runs" / "1"
    go_on = hold_up(folder)
    status = opened.hang_up()
    if waiting:
        assert status == -signal.SIGHUP
    go_on()
    until(lambda: reconcile_state(folder).state == DONE)
    (run,) = answer("-w", workspace, "runs")
    assert (run["state"], run["predictions"]) == ("done", 400)


@pytest.mark.parametrize("ending", [Terminal.kill, Terminal.hang_up])
def test_a_run_of_a_screen_that_is_gone_is_live_in_the_next_one(workspace, ending, hold_up):
    first = Terminal("-w", workspace)
    first.until("1 of 400")
    first.press(b"t")
    first.until("training tweets")
    first.press(b"\r")
    first.press(b"logistic.folds=6")
    first.until("logistic.folds=6")
    first.press(b"\r")
    first.press(b"\r")
    folder = workspace / "runs" / "1"
    go_on = hold_up(folder)
    first.until("run 1 · baseline")
    ending(first)
    second = Terminal("-w", workspace)
    second.until(" starting", " fitting")
    assert reconcile_state(folder).state == RUNNING
    go_on()
    second.until("run 1 done")
    second.kill()
    assert reconcile_state(folder).state == DONE
