"""`workbench --plain`: the queue in lines, for screen readers and scripts; it writes as keys do."""

import io
import subprocess
import sys

import forking
import pytest

from storage.history import labels
from storage.runs import runs
from storage.store import open_store

RANKED = [(8, 0.9), (3, 0.8), (1, 0.7), (2, 0.6), (4, 0.55), (5, 0.05)]


@pytest.fixture
def suspects(workspace):
    """The workspace with a ranking, by which four labels are expected to be wrong."""
    store = open_store(workspace)
    runs.save_queue(store, "suspects", [(*row, "run 1 baseline") for row in RANKED], run=1)
    store.close()
    return workspace


class Typed(io.StringIO):
    """Answers that come from a terminal, or from a script."""

    def __init__(self, *lines, terminal=False, before=None):
        super().__init__("".join(f"{line}\n" for line in lines))
        self.buffer, self._terminal, self._before = self, terminal, before or {}

    def isatty(self):
        return self._terminal

    def readline(self, *size):
        line = super().readline(*size)
        self._before.pop(line.strip(), lambda: None)()
        return line


@pytest.fixture
def answer(suspects, cli, monkeypatch):
    """Answers the suspects of the workspace with these lines."""

    def run(*lines, **how):
        monkeypatch.setattr(sys, "stdin", Typed(*lines, **how))
        return cli("-w", suspects, "--plain")

    return run


def events(folder, tweet):
    store = open_store(folder)
    try:
        return labels.history(store, tweet)
    finally:
        store.close()


def newest(folder, tweet):
    """What the newest event of a tweet says, but for when it was."""
    told = events(folder, tweet)[-1]
    return {name: told[name] for name in told if name not in ("event", "at", "action")}


async def test_an_answer_is_the_event_that_the_key_makes(answer, suspects, start):
    done = answer("1", "keep", "take")
    assert done.status == 0
    by_lines = [newest(suspects, tweet) for tweet in (8, 3, 1)]
    answer("undo", "undo", "undo")
    async with start(suspects) as driver:
        await driver.press("Q")
        await driver.until_seen("1 of 4")
        await driver.press("1", "enter", "space")
        await driver.until_seen("4 of 4")
    by_keys = [newest(suspects, tweet) for tweet in (8, 3, 1)]
    assert by_lines == by_keys
    assert [told["queue"] for told in by_lines] == ["suspects"] * 3


def test_each_tweet_is_told_in_lines_and_what_was_done_with_it(answer):
    said = answer("flag", "note odd one", "exclude", "skip", "negative", "clear", "undo").out
    for told in (
        "4 tweets: labels that are likely wrong",
        "Labels: 1 positive, 2 negative.",
        "1 of 4. Tweet 8, ",
        "this aged badly",
        "Label: negative.",
        "Model: positive, 90.0 % (run 1)." if "Model: positive" in said else "Model: negative",
        "Marks: review.",
        "Note: odd one",
        "Tweet 8 excluded from training.",
        "2 of 4. Tweet 3, ",
        "Tweet 1: positive → negative.",
        "Tweet 2: negative → none.",
        "Undone: tweet 2.",
        "2 tweets left.",
    ):
        assert told in said, told
    assert "> " not in said, "nobody is asked who does not type"


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(answer, suspects):
    def somebody():
        store = open_store(suspects, "ben")
        labels.assign(store, [8], "positive")
        labels.mark(store, [3], "excluded", True)
        store.close()

    done = answer("2", before={"2": somebody})
    assert done.status == 1
    assert "Tweet 8: annotator ben made it positive" in done.err
    assert newest(suspects, 8)["annotator"] == "ben"
    done = answer("show")
    assert "1 of 2. Tweet 1, " in done.out, "what others decided is left out"


def test_whoever_types_is_told_of_a_mistake_and_a_script_ends_with_it(answer, suspects):
    for wrong in ("nonsense", "3", "queue nothing", "list lable:x", "²", "x" * 10_000):
        done = answer(wrong, "1")
        assert done.status == 2, wrong
        assert len(done.err) < 400
        assert len(events(suspects, 8)) == 1, "the next answer was meant for another tweet"
        typed = answer(wrong, "quit", terminal=True)
        assert typed.status == 0
        assert "\n> " in typed.out


def test_lists_and_other_queues(answer):
    said = answer("list label:positive moon", "queue disagreement", "help", "queue conflicts").out
    assert "1 positive: $TSLA to the moon" in said
    assert "1 tweet passes." in said
    assert "tweets without a label on which runs differ" in said
    assert "note TEXT" in said
    assert "0 tweets: equal texts, or judgements" in said


def test_every_nth_is_blind_until_it_is_answered(answer, suspects):
    path = suspects / "workbench.toml"
    path.write_text(path.read_text().replace("blind_every = 5", "blind_every = 2"))
    done = answer("skip", "take")
    assert done.status == 1
    assert "This one is blind" in done.err
    said = answer("skip", "1").out
    assert "Model: hidden until there is an answer." in said
    assert "The model says " in said
    assert newest(suspects, 3)["blind"]


def test_the_end_of_the_queue(answer):
    assert answer("keep", "keep", "keep", "keep").out.endswith("Nothing is left.\n")
    assert "0 tweets: labels that are likely wrong" in answer().out


def test_a_file_is_opened_through_a_pipe_and_a_script_answers(tmp_path, forked):
    rows = [f"a great gain of {n} %,up\nan awful loss of {n} %,down\n" for n in range(20)]
    wrong = "one more great gain,down\n"
    (tmp_path / "few.csv").write_text("text,label\n" + "".join(rows) + wrong)
    process = forking.popen(
        [sys.executable, "-m", "workbench", "open", str(tmp_path / "few.csv"), "--plain"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    said, complaint = process.communicate("keep\nquit\n", timeout=120)
    assert process.returncode == 0, complaint
    assert "tweets from few.csv: texts are" in said
    assert "labels that are likely wrong" in said
    assert ": kept " in said


def test_where_there_is_no_workspace_or_nothing_in_it_is_said(cli, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Typed())
    monkeypatch.chdir(tmp_path)
    assert cli("--plain").status == 1
    cli("init", "empty", "--labels", "a,b")
    done = cli("-w", "empty", "--plain")
    assert done.status == 1
    assert len(done.err.splitlines()) == 1
