"""The page of a run: curves, facts, other runs beside it, and folders that are gone or huge."""

from __future__ import annotations

import os
import shutil
from contextlib import asynccontextmanager

import pytest

from storage.history import labels
from storage.runs import displayed_run, runs
from storage.store import open_store
from workbench.rundir import folder as run_folder
from workbench.rundir import processes, schema
from workbench.tui.run_folder_reader import MAX_LOG_BYTES, RunFolderReader
from workbench.tui.run_progress import RunProgress
from workbench.tui.screens.run import RunScreen
from workbench.tui.training import page
from workbench.tui.training.plan import Plan
from workbench.tui.widgets.changed_lines import ChangedLines

HARDEST = [
    {"id": 3, "label": "negative", "text": "sold all my $GME, never again", "probability": 0.04},
    {"id": 7, "label": "positive", "text": "another tweet of that number", "probability": 0.11},
]


@pytest.fixture
def live(start, stub):
    """The page of a run that this process seems to work on: `async with live() as driver`."""
    stub.start_outside()
    me = processes.identity()
    stub.move(pid=me.pid, pid_started=me.started, boot=me.boot, steps=200)

    @asynccontextmanager
    async def opened(**options):
        async with start(program=stub.program, **options) as driver:
            await driver.until_seen("run 3 training")
            await driver.press("T")
            await driver.until_seen("run 3 goes on")
            yield driver

    return opened


def step(folder, number, loss, **values):
    run_folder.append_log(folder, "step", step=number, steps=200, loss=loss, **values)


async def test_the_curves_have_the_level_of_the_promoted_run_and_the_majority(
    live, stub, workspace
):
    store = open_store(workspace)
    runs.update(store, 2, state="done")
    runs.add_metrics(store, 2, [(50, "dev_accuracy", 0.81), (50, "dev_n", 40.0)])
    displayed_run.promote(store, 2)
    store.close()
    run_folder.append_log(stub.folder, "data", train=399, dev=40, majority=0.66)
    async with live() as driver:
        for seen in ("· 399 tweets", "┄ run 2 ★ .81", "┄ majority .66", "■ .75 lowest loss"):
            await driver.until_seen(seen)


async def test_what_it_learns_hardest_is_told_with_the_label_of_now(live, stub):
    run_folder.append_log(stub.folder, "hardest", step=5, tweets=HARDEST)
    async with live() as driver:
        await driver.until_seen("#3 .04 negative sold all my $GME")
        assert "#7" not in driver.text, "tweet 7 of this workspace has another text"
        await driver.until_seen(".11 positive another tweet of that number")
        labels.assign(driver.app.store, [3], "positive", None)
        await driver.press("B", "T")
        await driver.until_seen("#3 .04 ✓ negative sold all my $GME")


async def test_a_step_sends_the_cells_that_it_changes_and_no_others(
    live, stub, terminal, monkeypatch
):
    painted = []
    refresh = ChangedLines.refresh

    def counted(self, *regions, **more):
        if self.id:
            painted.extend((self.id, region) for region in regions or [self.size.region])
        return refresh(self, *regions, **more)

    for number in range(10, 100, 5):
        step(stub.folder, number, 0.9 - number / 300, tweets_per_s=51.5)
    stub.move(step=95)
    async with live() as driver:
        await driver.until_seen("95/200")
        await driver.pilot.pause(1.1)
        monkeypatch.setattr(ChangedLines, "refresh", counted)
        terminal.take()
        step(stub.folder, 100, 0.55, tweets_per_s=51.5)
        stub.move(step=100)
        await driver.until_seen("100/200")
        sent = terminal.take()
        assert 0 < sent < 500, sent
        assert sum(region.height for name, region in painted if name == "run-loss") < 6
        assert not [name for name, _ in painted if name in ("run-dev", "run-hardest", "run-log")]


async def test_curves_of_other_runs_come_and_go_with_one_key(live, stub, workspace):
    async with live() as driver:
        await driver.press("c")
        await driver.until_seen("no other run with curves")
        store = open_store(workspace)
        number = runs.add(store, "fourth", "qlora", "fast", "base", ["positive", "negative"])
        for name, values in (("loss", (0.9, 0.5)), ("dev_accuracy", (0.6, 0.7))):
            runs.add_metrics(store, number, zip((10, 20), [name] * 2, values, strict=True))
        store.close()
        await driver.press("c")
        await driver.until_seen("■ run 3 ▲ run 4")
        assert driver.text.count("▲") == 4, "in the legend, at the end of a curve, and for each dev"
        await driver.press("c")
        await driver.until(lambda: "▲" not in driver.text)


@pytest.mark.parametrize("size", [(60, 15), (100, 16), (120, 18), (250, 15), (80, 60)])
async def test_the_keys_are_seen_on_a_screen_of_any_size(live, size):
    async with live(size=size) as driver:
        await driver.until(lambda: "S stop" in driver.lines[-1])
        assert "run 3 goes on" in driver.lines[-2]
        assert "LOSS" in driver.text


async def test_the_page_of_the_run_that_goes_on_is_the_place_that_its_key_goes_to(live):
    async with live() as driver:
        page = driver.app.screen
        await driver.press("T")
        await driver.until_seen("This is the place that this key goes to.")
        assert driver.app.screen is page
        await driver.press("R", "T")
        await driver.until_seen("run 3 goes on")


def test_how_many_tweets_are_scored_is_said_once(workspace):
    store = open_store(workspace)
    run = runs.get(store, 2)
    store.close()
    state = run_folder.State(state="running", phase="predicting 1,236 of 1,500")
    progress = RunProgress(2, state, scored=(1236, 1500))
    head = page.head(page.View(run, progress, Plan(), 120, wide=True))
    (said,) = ["".join(text for text, _ in line) for line in head if "predicting" in str(line)]
    assert "predicting   █" in said and said.rstrip().endswith("1236/1500")


def test_a_short_run_is_said_to_look_at_its_dev_tweets_once(workspace):
    store = open_store(workspace)
    run = runs.get(store, 2)
    store.close()

    def told(steps):
        progress = RunProgress(2, run_folder.State(state="running", steps=steps))
        view = page.View(run, progress, Plan(save_steps=40), 120, wide=True)
        title = "".join(text for text, _ in page.dev_title(view))
        (_, hardest) = page.hardest(view, 60, 5)
        return title, page.no_dev_chart(view), hardest[0][0]

    often = ("DEV ACCURACY every 40 steps", "The first is at step 40.", "Known at step 40.")
    assert told(80) == told(0) == often, "how many steps there are may not be known yet"
    once = ("DEV ACCURACY at the last step", "The first is at step 20.", "Known at step 20.")
    assert told(20) == once


def test_a_run_without_steps_names_no_step_at_which_it_looks(workspace):
    store = open_store(workspace)
    run = runs.get(store, 1)
    store.close()
    progress = RunProgress(1, run_folder.State(state="running"))
    view = page.View(run, progress, Plan(), 120, wide=True)
    assert page.no_dev_chart(view) == "Without steps there is no curve of it."


async def test_the_log_opens_at_its_end(live, stub):
    for number in range(10, 150):
        step(stub.folder, number, 0.5)
    async with live(size=(80, 24)) as driver:
        await driver.press("l")
        await driver.until_seen("step   149/200")
        assert "[Train" in driver.lines[0]
        await driver.press("escape")
        await driver.until_seen("run 3 goes on")


async def test_a_run_folder_that_is_deleted_under_its_page_is_one_sentence(live, stub):
    async with live() as driver:
        shutil.rmtree(stub.folder)
        await driver.until_seen("is missing, so nothing more is known of run 3")
        assert "goes on" not in driver.text
        await driver.until(lambda: "▶" not in driver.lines[0])
        driver.app.screen.say("")
        keys = "n new run  l log  B back to the tweets  ? more"
        await driver.until(lambda: driver.lines[-1].strip() == keys)
        await driver.press("c")
        await driver.until_seen("There are no curves: ")
        await driver.press("S")
        await driver.until_seen("There is nothing to stop or to go on with: ")
        await driver.press("l")
        await driver.until_seen("loss 0.4120")
        await driver.press("escape")
        assert isinstance(driver.app.screen, RunScreen)
        await driver.press("T")
        await driver.until_seen("Train on the labels")


def test_of_a_log_of_four_gibibytes_only_the_end_is_read(tmp_path, monkeypatch):
    run_folder.write_state(tmp_path, run_folder.State(state="done", step=60, steps=60))
    step(tmp_path, 1, 1.0)
    os.truncate(tmp_path / run_folder.LOG, 4 * 2**30)
    with (tmp_path / run_folder.LOG).open("ab") as log:
        log.write(b"\n")
    for number in range(40, 61):
        step(tmp_path, number, 1 / number)
    read = []

    def counting(path):
        file = open_regular(path)
        readline = file.readline

        class Counted:
            """A file that notes how many bytes were read."""

            def __enter__(self):
                return self

            def __exit__(self, *error):
                file.close()

            def __getattr__(self, name):
                return getattr(file, name)

            def readline(self, most):
                line = readline(most)
                read.append(len(line))
                return line

        return Counted()

    open_regular = schema.open_regular
    monkeypatch.setattr(schema, "open_regular", counting)
    reader = RunFolderReader(tmp_path, 1)
    progress = reader.read()
    assert [at for at, _ in progress.courses.loss] == list(range(40, 61))
    assert progress.cut
    assert sum(read) <= MAX_LOG_BYTES + 1
    read.clear()
    assert reader.read() == progress
    assert sum(read) == 0, "and what was read is not read again"


def test_a_short_log_is_whole(tmp_path):
    step(tmp_path, 1, 1.0)
    reader = RunFolderReader(tmp_path, 1)
    assert reader.read().courses.loss == ((1, 1.0),)
    assert not reader.read().cut
