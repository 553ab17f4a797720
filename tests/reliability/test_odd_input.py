"""Input that nobody means: one sentence each, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import forking
import pytest
from driving import driven

from storage.bulk_writes import lock_imports
from storage.history import integrity, labels
from storage.query import tweets
from storage.store import open_store
from storage.transfer import importing
from workbench.tui.app import WorkbenchApp

LENGTH = 10_000
LONG = {
    "words": "word " * (LENGTH // 5),
    "one word": "w" * LENGTH,
    "a phrase": '"' + "a " * (LENGTH // 2 - 1) + '"',
    "brackets": "(" * (LENGTH // 2) + ")" * (LENGTH // 2),
    "open brackets": "(" * LENGTH,
    "nots": "not " * (LENGTH // 4),
    "signs": "-" * LENGTH,
    "alternatives": " or ".join(["word"] * (LENGTH // 8)),
    "conditions": "len:>3 " * (LENGTH // 7),
    "a number": f"id:{'9' * LENGTH}",
    "emoji": "🚀" * LENGTH,
    "hostile": "\x1b[31m" * (LENGTH // 5),
}


@pytest.mark.parametrize("name", LONG)
def test_a_filter_of_ten_thousand_characters(name, small, cli):
    small.close()
    began = time.monotonic()
    result = cli("-w", small.folder, "list", LONG[name], "--json")
    assert time.monotonic() - began < 20  # it ends; how fast is measured elsewhere
    assert result.status in (0, 1, 2)
    if result.status:
        first, *caret = result.err.splitlines()
        assert first.startswith("workbench: ") and "Unexpected" not in first
        assert len(first) < 1_000
        assert len(caret) in (0, 2)
    else:
        assert result.err == ""
    assert "\x1b" not in result.err + result.out


async def test_a_long_filter_on_the_screen(small):
    small.close()
    app = WorkbenchApp(small.folder, "ana")
    async with driven(app) as driver:
        await driver.until(lambda: app.screen.tweets.ids)
        everything = list(app.screen.tweets.ids)
        for name in ("open brackets", "one word", "words"):
            await driver.press("slash")
            app.screen.prompt.entry.value = LONG[name]
            await driver.press("enter")
            await driver.at_rest()
            await driver.press("escape", "escape")
            await driver.until(lambda: list(app.screen.tweets.ids) == everything)
        await driver.press("2")
        await driver.until_seen("1 fixed")
    store = open_store(small.folder, "ana")
    assert tweets.counts(store).corrected == 1
    store.close()


NO_NUMBERS = ("x", "1x", "1.5", "", " ", "１²", "1e3", "0x1")
NO_IDS = ("0", "-1", "9" * 400)


@pytest.mark.parametrize("number", [*NO_NUMBERS, *NO_IDS])
def test_an_id_that_is_no_number_or_no_id(number, small, cli):
    labels.assign(small, [1], "negative")
    small.close()
    for command, *more in (
        ("show",),
        ("history",),
        ("label", "positive"),
        ("logs",),
        ("stop",),
        ("resume",),
        ("evaluate",),
        ("export-adapter", "out"),
    ):
        one_sentence(cli("-w", small.folder, command, "--", number, *more), number)
    one_sentence(cli("-w", small.folder, "list", f"--run={number}"), number)
    one_sentence(cli("-w", small.folder, "list", f"run:{number}"), number)
    store = open_store(small.folder, "ana")
    assert tweets.counts(store).corrected == 1
    assert len(labels.history(store)) == 1
    assert integrity.check(store) == []
    store.close()


def one_sentence(result, number):
    assert result.status in ((2,) if number in NO_NUMBERS else (1, 2)), (result.out, result.err)
    first, *caret = result.err.splitlines()
    assert first.startswith("workbench: ") and first.endswith((".", "`."))
    assert "Unexpected" not in first
    assert len(first) < 1_000
    assert len(caret) in (0, 2)


def files(folder, number, rows=3_000):
    path = folder / f"{number}.csv"
    lines = "".join(f"file {number} row {n},positive\n" for n in range(rows))
    path.write_text("text,label\n" + lines)
    return path


def begin_import(store, path):
    """An import in a process of its own."""
    return forking.popen(
        [sys.executable, "-m", "workbench", "-w", str(store.folder), "import", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.usefixtures("fork_server")
def test_two_imports_at_the_same_time_come_one_after_the_other(small, tmp_path):
    processes = [begin_import(small, files(tmp_path, number)) for number in range(3)]
    told = [process.communicate(timeout=100) for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, told
    assert tweets.counts(small).tweets == 6 + 9_000
    for number in range(3):
        assert len(tweets.listing(small, f'"file {number} row"')) == 3_000
    assert integrity.check(small) == []


CROWD = "id,worker,text,label\n" + "".join(
    f"{n},w{who},crowd row {n},{('up', 'down')[n * who % 2]}\n"
    for n in range(1_000)
    for who in (1, 2, 3)
)
"""Labels that the workspace does not have yet, and three judgements of each tweet."""


@pytest.mark.usefixtures("fork_server")
@pytest.mark.parametrize("kind", ["plain", "judged"])
def test_the_same_file_imported_twice_at_the_same_time_is_there_once(
    kind, small, make_store, tmp_path
):
    store, path, added = small, files(tmp_path, 1), 3_000
    if kind == "judged":
        store, path, added = make_store("fresh", labels=()), tmp_path / "crowd.csv", 1_000
        path.write_text(CROWD)
    before = tweets.counts(store).tweets
    processes = [begin_import(store, path) for _ in range(2)]
    answers = [process.communicate(timeout=100)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    second, first = sorted(answers, key=lambda answer: f"{added:,} added" in answer)
    assert f"3,000 rows read, {added:,} added" in first
    assert f"3,000 rows read, 0 added, {added:,} there already" in second
    assert tweets.counts(store).tweets == before + added
    texts = Counter(tweet.text for tweet in tweets.each(store))
    assert set(texts.values()) == {1}
    judged = [e for e in labels.history(store) if e["kind"] == "judgement"]
    assert len(judged) == (3_000 if kind == "judged" else 0)
    assert integrity.check(store) == []


def test_an_import_that_has_to_wait_says_so_and_can_be_given_up(small, tmp_path, repository):
    path = files(tmp_path, 1)
    with lock_imports(small, waiting=lambda: None):
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench", "-w", str(small.folder), "import", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=repository,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            # tests that run in the background of a script ignore it
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        line = process.stderr.readline()
        assert line == "Another import goes on in this workspace; waiting for its end.\n"
        labels.assign(small, [1], "negative")  # labelling does not wait for imports
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Traceback" not in rest
    assert tweets.counts(small).tweets == 6
    report = importing.run(small, importing.plan(small.config, path, importing.ImportOptions()))
    assert report.added == 3_000
    assert integrity.check(small) == []
