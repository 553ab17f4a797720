"""Commands and collections that are under way: what comes of them is heard, whatever happens."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager

from storage.runs import runs
from storage.store import open_store
from workbench.rundir import processes


@asynccontextmanager
async def following(start, stub, **options):
    """The app while run 3, which somebody else has started, goes on."""
    stub.start_outside()
    me = processes.identity()
    stub.move(pid=me.pid, pid_started=me.started, boot=me.boot)
    async with start(program=stub.program, **options) as driver:
        await driver.until_seen("run 3 training 5/20")
        yield driver


def stored(driver):
    store = open_store(driver.app.store.folder)
    try:
        return runs.get(store, 3)
    finally:
        store.close()


async def test_a_collection_that_is_under_way_is_heard_of_though_another_run_begins(start, stub):
    async with following(start, stub) as driver:
        with stub.held_up():
            stub.move(state="done", step=20)
            await driver.until(lambda: stored(driver).state == "done")
            driver.app.run_watcher.follow()  # as when a run has been started
            await driver.pilot.pause(0.5)
        await driver.until_seen("o shows run 3, O leaves it")
        assert [call for call in stub.calls if call[0] == "runs"] == [["runs", "--json"]]


async def test_a_run_that_goes_on_again_while_it_is_collected_is_not_called_over(start, stub):
    async with following(start, stub) as driver:
        with stub.held_up():
            stub.move(state="stopped")
            await driver.until(lambda: stored(driver).state == "stopped")
            stub.move(state="running", step=6)
            driver.app.say("Run 3 goes on.")
        await driver.until_seen("run 3 training 6/20")
        assert "Run 3 goes on." in driver.text and "run 3 stopped" not in driver.text
        stub.move(step=7)
        await driver.until_seen("run 3 training 7/20")
        assert "Run 3 goes on." in driver.text


async def test_following_goes_on_after_a_collection_that_failed(start, stub):
    async with following(start, stub) as driver:
        stub.fail()
        stub.move(state="done", step=20)
        await driver.until_seen("There is no model folder /nowhere")
        stub.work_again()
        await driver.until_seen("o shows run 3, O leaves it")


async def test_a_run_whose_folder_is_deleted_is_not_told_of_before_that_is_known(start, stub):
    async with following(start, stub) as driver:
        shutil.rmtree(stub.folder)
        listed = ["runs", "--json"]
        await driver.until(lambda: stub.calls.count(listed) > 1)  # which still has it as queued
        assert "run 3 queued" not in driver.text
        runs.update(driver.app.store, 3, state="failed", reason="Its folder is missing.")
        await driver.until_seen("run 3 failed: Its folder is missing")
        await driver.until(lambda: not driver.app.run_watcher._followers)


async def test_a_run_that_goes_on_again_is_followed_again(start, stub):
    async with following(start, stub) as driver:
        stub.move(state="failed", reason="Out of memory.")
        await driver.until_seen("run 3 failed: Out of memory")
        stub.move(state="running", step=12)
        runs.update(driver.app.store, 3, state="queued")  # as `workbench resume` does
        await driver.until_seen("run 3 training 12/20")
        stub.move(state="done", step=20)
        await driver.until_seen("o shows run 3, O leaves it")


async def test_what_comes_of_a_command_is_said_when_its_screen_has_been_left(start, stub):
    async with following(start, stub) as driver:
        await driver.press("t")
        await driver.until(lambda: "S stop" in driver.lines[-1])
        stub.fail()
        with stub.held_up():
            await driver.press("S")
            await driver.until(lambda: ["stop", "3", "--json"] in stub.calls)
            await driver.press("escape")
            await driver.until_seen("$TSLA to the moon")
        await driver.until_seen("! There is no model folder /nowhere")


async def test_a_run_whose_form_has_been_left_is_said_to_have_begun(start, stub):
    async with start(program=stub.program) as driver:
        await driver.press("t")
        await driver.until_seen("Train on the labels")
        with stub.held_up():
            await driver.press("enter", "tab", "enter", "enter", "enter")
            await driver.until(lambda: stub.calls)
            await driver.press("escape")
            await driver.until_seen("$TSLA to the moon")
        await driver.until_seen("Run 3 has begun.")
        await driver.until_seen("run 3 training 5/20")


async def test_many_ends_are_counted_and_not_told_one_by_one(start, stub):
    stub.start_outside()
    stub.move(state="failed", reason="Out of memory.")
    store = open_store(stub.folder.parent.parent)
    for number in range(4, 10):
        runs.add(store, f"u{number}", "qlora", "tiny", "base", ("positive", "negative"))
        stub.copy(number)
    store.close()
    async with start(program=stub.program) as driver:
        await driver.until_seen("7 runs are over (7 failed); R lists them")


async def test_a_run_that_begins_and_ends_between_two_looks_is_heard_of(start, stub):
    """As one that takes a second and that its own command has collected."""
    async with start(program=stub.program) as driver:
        await driver.until(lambda: "run_watcher" in driver.app.__dict__)
        stub.start_outside()
        stub.move(state="done", step=20)
        runs.update(driver.app.store, 3, state="done")
        await driver.until_seen("o shows run 3, O leaves it")


QUIT = """
import asyncio, sys
from pathlib import Path
from workbench.tui.app import WorkbenchApp

async def main():
    app = WorkbenchApp(Path(sys.argv[1]), "ana", sys.argv[2:])
    async with app.run_test() as pilot:
        app.run_worker(app.command("{command}", "--recipe", "tiny", let_finish={finish}))
        while not Path(sys.argv[4], "calls").exists():
            await pilot.pause(0.05)

asyncio.run(main())
"""


def test_quitting_waits_for_no_command_and_lets_those_finish_that_shall(workspace, stub):
    """The command answers only after the program has ended."""
    for command, finish in (("train", True), ("runs", False)):
        with stub.held_up():
            script = QUIT.format(command=command, finish=finish)
            subprocess.run(
                [sys.executable, "-c", script, str(workspace), *stub.program],
                check=True,
                timeout=60,
                env=os.environ,
            )
        (stub.scratch / "calls").unlink()
    assert stub.folder.is_dir()
