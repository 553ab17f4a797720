"""From a bare file to a better model, by keys in a real tmux, and all of it there the next time."""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import forking
import pytest

from storage.history import integrity
from storage.history.event_list import history
from storage.query import tweets
from storage.runs import displayed_run
from storage.store import open_store
from workbench.rundir.folder import RUNNING
from workbench.rundir.liveness import reconcile_state

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux"),
]

WAIT_S = 120.0
TWEETS = 240
DECISIONS = 7
SIZE = ("COLUMNS", "LINES")
PROMPT = "at the shell>"
OPEN = f"{sys.executable} -m workbench open tweets.csv"


class Tmux:
    """A shell in a tmux of its own."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "tmux.conf").write_text("set -g status off\nset -s set-clipboard on\n")
        shell = ["env", "-u", "ENV", f"PS1={PROMPT} ", "sh"]
        self.do("-f", "tmux.conf", "new-session", "-d", "-x", "120", "-y", "40", *shell)

    def do(self, *command):
        """Run a command of tmux; a socket has to have a short name, so it is one in the folder."""
        # Given as a whole: libraries add COLUMNS and LINES behind Python's back.
        variables = {name: value for name, value in os.environ.items() if name not in SIZE}
        done = subprocess.run(
            ["tmux", "-S", "socket", *command],
            cwd=self.folder,
            env=variables | forking.OF_SCREENS,
            check=True,
            capture_output=True,
            encoding="utf-8",
        )
        return done.stdout

    @property
    def text(self):
        return self.do("capture-pane", "-p")

    def press(self, *keys):
        self.do("send-keys", *keys)

    def type(self, text):
        self.do("send-keys", "-l", text)

    def until(self, *texts):
        """Wait until all texts are on the screen; gives what is on it then."""
        end = time.monotonic() + WAIT_S
        while missing := [text for text in texts if text not in (shown := self.text)]:
            assert time.monotonic() < end, f"no {missing} on the screen:\n{shown}"
            time.sleep(0.03)
        return shown

    def run(self, command):
        self.until(PROMPT)
        self.type(f"clear; {command}")
        self.press("Enter")


@dataclass(frozen=True)
class Tweet:
    """What the file says of a tweet, and what would be right."""

    text: str
    given: str
    right: str


@pytest.fixture
def known(tmp_path, repository):
    """The tweets of the file by their numbers; some labels in it are wrong."""
    sample = repository / "sample_data"
    with (sample / "planted_errors.csv").open(encoding="utf-8", newline="") as file:
        planted = {row["id"]: row["correct"] for row in csv.DictReader(file)}
    with (sample / "tweets.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:TWEETS]
    with (tmp_path / "tweets.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((r["text"], r["label"]) for r in rows)])
    return {
        number: Tweet(row["text"], row["label"], planted.get(row["id"], row["label"]))
        for number, row in enumerate(rows, start=1)
    }


@pytest.fixture
def tmux(tmp_path, fork_server):
    opened = Tmux(tmp_path)
    yield opened
    opened.do("kill-server")
    for folder in tmp_path.glob("*.workbench/runs/[0-9]*"):
        if (state := reconcile_state(folder)).state == RUNNING and state.pid:
            os.kill(state.pid, signal.SIGKILL)


def number_on(screen):
    """The tweet that the queue shows."""
    return int(re.search(r"#(\d+) · ", screen)[1])


def decide(tmux, known):
    """Give tweets of the queue their right labels by turns of keys; returns the events expected.

    One of them is taken back and decided again.
    """
    expected, screen = [], tmux.until("Suspects · r1 baseline", "left of")
    left = int(re.search(r"(\d+) left of", screen)[1])
    for turn in range(DECISIONS):
        number = number_on(screen)
        tweet = known[number]
        wrong, digit = tweet.given != tweet.right, {"positive": "1", "negative": "2"}[tweet.right]
        blind = "this one is blind" in screen
        by_word = "Enter" if not wrong else digit if blind else "Space"
        assert blind or not wrong or f"take {tweet.right}" in screen
        decided = (number, "set", tweet.given, tweet.right, "suspects", blind)
        tmux.press(by_word if turn % 2 == 0 else digit)
        expected.append(decided)
        screen = tmux.until(f"{left - turn - 1} left of")
        if turn == 1:
            tmux.press("u")
            screen = tmux.until(f"Undone: tweet {number}", f"#{number} ·")
            tmux.press(by_word)
            screen = tmux.until(f"{left - turn - 1} left of")
            expected += [(number, "undo", tweet.right, tweet.given, None, None), decided]
    return expected


def train(tmux, base):
    """Start a short run of the small Falcon in the form of the place Train."""
    tmux.press("T")
    tmux.until("▌fast")
    tmux.press("Down")
    tmux.until("▌tiny")
    tmux.press("Enter", "C-u")
    tmux.type(str(base))
    tmux.press("Enter", "Enter")
    tmux.until("▌settings")
    tmux.type("training.max_steps=3 training.logging_steps=1")
    tmux.until("about", "for 3 steps")
    tmux.press("Enter")
    tmux.until("▌ Start")
    tmux.press("Enter")
    tmux.until("run 2 · tiny on base", "▸ run 2 goes on without this screen")


def test_a_bare_file_becomes_a_better_model_and_all_is_there_again(tmux, known, repository):
    tmux.run(OPEN)
    expected = decide(tmux, known)
    decided = {number: new for number, _, _, new, *_ in expected}
    fixed = sum(known[number].given != new for number, new in decided.items())
    assert 0 < fixed < len(decided) == DECISIONS

    train(tmux, repository / "sample_data" / "base")
    tmux.press("B")
    tmux.until("[Browse]", "text · run 1 baseline")
    tmux.until("run 2 offered (o)")
    tmux.press("o")
    tmux.until("text · run 2 tiny")

    tmux.press("E")
    tmux.until("[Errors]", "run 2 tiny · ", "GIVEN against WHAT THE MODEL SAYS", "SLICES  worst")
    tmux.press("Down", "Right")
    at_cell = tmux.until(" tweets: given negative, the model too")
    [count] = re.findall(r"▸ (\d+) tweets: given negative", at_cell)
    tmux.press("Enter")
    tmux.until("[Browse]", f"1 of {count}")
    tmux.press("Escape")
    tmux.until("[Errors]", f"▸ {count} tweets: given negative, the model too")

    tmux.press("C-q")
    tmux.run(OPEN)
    tmux.until("[Errors]", "run 2 tiny · ", f"{fixed} fixed")
    tmux.press("B")
    tmux.until("[Browse]", "text · run 2 tiny")
    tmux.type("/reviewed:yes")
    tmux.press("Enter")
    screen = tmux.until(f"1 of {DECISIONS}")
    tmux.press("y")
    tmux.until("sent to the terminal's clipboard")
    copied = tmux.do("show-buffer")
    assert copied == known[number_on(screen)].text
    tmux.press("C-q")
    tmux.until(PROMPT)

    store = open_store(tmux.folder / "tweets.csv.workbench")
    fields = ("tweet", "kind", "old", "new", "queue", "blind")
    told = [tuple(event[field] for field in fields) for event in reversed(history(store))]
    assert told == expected
    for number, tweet in known.items():
        assert tweets.tweet(store, number).label == decided.get(number, tweet.given)
    assert integrity.check(store) == []
    assert displayed_run.shown_run(store) == 2
    store.close()
