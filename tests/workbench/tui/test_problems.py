"""Whatever goes wrong beside the screen is a message on it: it stays, and the next key works."""

import shutil
import sqlite3
import time

import pytest
from textual import events

from storage.errors import UserError
from storage.history import labels
from storage.query import tweets
from storage.runs import runs
from storage.store import open_store
from workbench.tui import updated_program
from workbench.tui.editing.save_queue import MAX_IMMEDIATE
from workbench.tui.screens.help import HelpScreen
from workbench.tui.widgets import key_line
from workbench.tui.widgets.key_line import KeyLine
from workbench.tui.widgets.line_input import MOST_CHARACTERS

BROKEN = "labels = [\n"
DAMAGED = "database disk image is malformed"


@pytest.fixture
def large(make_workspace, tmp_path):
    texts = [(f"tweet number {n}", "positive") for n in range(1, MAX_IMMEDIATE + 2)]
    return make_workspace(tmp_path / "large", texts, with_runs=False)


@pytest.fixture
def half_edited(workspace):
    """workbench.toml in the middle of being edited; gives what puts it right."""

    def edit(folder=workspace):
        path = folder / "workbench.toml"
        whole = path.read_text()
        path.write_text(BROKEN)
        return lambda: path.write_text(whole)

    return edit


async def test_a_large_change_is_saved_while_the_settings_are_being_edited(
    start, large, half_edited
):
    async with start(large) as driver:
        half_edited(large)
        await driver.press("v", "G", "V", "x")
        await driver.until_seen("Go on?")
        await driver.press("enter")
        await driver.until_seen(f"{MAX_IMMEDIATE + 1:,} tweets excluded")


@pytest.mark.parametrize("keys", ["slash", "R", "T"])
async def test_settings_that_cannot_be_read_are_said_on_every_screen(
    start, half_edited, monkeypatch, keys
):
    async with start() as driver:
        await driver.settled()
        mend = half_edited()
        await driver.press(keys)
        if keys == "slash":
            await driver.type("moon")
        await driver.until_seen("workbench.toml")
        mend()
        await driver.press("escape")
        await driver.press("2")
        assert driver.tweet(1).label == "negative"


@pytest.mark.parametrize("threaded", [True, False])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("There is no run 7."), "There is no run 7."),
        (sqlite3.DatabaseError(DAMAGED), "is damaged"),
        (sqlite3.OperationalError("database is locked"), "written"),  # breaks at no line's end
        (OSError(28, "No space left on device", "/a/file"), "/a/file cannot be used"),
        (PermissionError(13, "Permission denied", "/a/file"), "/a/file is not open to you"),
    ],
)
async def test_any_worker_that_fails_says_so_on_the_screen_that_it_is_for(
    start, threaded, error, said
):
    def fail():
        raise error

    async def fail_later():
        raise error

    async with start() as driver:
        await driver.press("R")
        await driver.until_seen("[Runs")
        work = fail if threaded else fail_later
        driver.app.screen.run_worker(work, thread=threaded)
        await driver.until_seen(said)
        await driver.press("escape", "2")
        assert driver.tweet(1).label == "negative"
        assert said not in driver.text


async def test_a_damaged_page_met_by_a_worker_ends_nothing(start, monkeypatch):
    def damaged(store):
        raise sqlite3.DatabaseError(DAMAGED)

    async with start() as driver:
        monkeypatch.setattr(runs, "every", damaged)
        await driver.press("R")
        await driver.until_seen("is damaged")
        monkeypatch.undo()
        await driver.press("escape", "2")
        assert driver.tweet(1).label == "negative"


async def test_a_form_that_could_not_be_sent_can_be_sent_again(start, monkeypatch):
    async def fail(*arguments, **options):
        raise OSError(12, "Cannot allocate memory", "/a/python")

    async with start() as driver:
        monkeypatch.setattr(driver.app, "command", fail)
        await driver.press("T")
        await driver.press("g", "enter", "ctrl+j")
        await driver.until_seen("/a/python cannot be used")
        assert not driver.app.screen.query_one("#start").disabled


async def test_a_key_that_fails_says_so(start, monkeypatch):
    def gone(store, number):
        raise UserError(f"There is no tweet {number}.")

    async with start() as driver:
        await driver.settled()
        monkeypatch.setattr(tweets, "tweet", gone)
        await driver.press("y")
        await driver.until_seen("There is no tweet 1.")
        monkeypatch.undo()
        await driver.press("2")
        assert driver.tweet(1).label == "negative"


async def test_the_shown_run_may_be_deleted_by_somebody_else(start, workspace):
    async with start() as driver:
        await driver.settled()
        store = open_store(workspace)
        runs.delete(store, 2)
        store.close()
        await driver.until_seen("Run 2 is deleted")
        await driver.press("2")
        assert driver.tweet(1).label == "negative"


async def test_nothing_is_written_into_a_workspace_that_was_removed(start, workspace, tmp_path):
    async with start() as driver:
        await driver.settled()
        workspace.rename(tmp_path / "elsewhere")
        await driver.until_seen("workspace is not there any more")
        for key in ("2", "x", "R", "Q", "T"):
            driver.app.say("")
            await driver.press(key)
            await driver.until_seen("is not there any more")
        await driver.press("B")
        assert driver.app.is_running
        assert not workspace.exists(), "nor is anything made in its place"
        (tmp_path / "elsewhere").rename(workspace)
        await driver.press("2")
        await driver.until_seen("Tweet 1: positive → negative.")
        assert len(driver.history(1)) == 2, "it has only what was done when it was there"


async def test_nothing_is_written_where_another_workspace_has_taken_the_place(
    start, workspace, tmp_path
):
    async with start() as driver:
        await driver.settled()
        workspace.rename(tmp_path / "elsewhere")
        shutil.copytree(tmp_path / "elsewhere", workspace)
        await driver.until_seen("is another workspace by now")
        driver.app.say("")
        await driver.press("2")
        await driver.until_seen("is another workspace by now")
        assert len(driver.history(1)) == 1
        store = open_store(workspace)
        assert len(labels.history(store, 1)) == 1
        store.close()


async def test_megabytes_that_are_pasted_hold_up_nothing(start):
    async with start() as driver:
        for text in ("moon " * 1_000_000, "(" * 1_000_000, "x" * 1_000_000):
            await driver.press("slash")
            driver.app.post_message(events.Paste(text))
            entry = driver.app.screen.prompt.entry
            await driver.until(lambda entry=entry: len(entry.value) == MOST_CHARACTERS)
            await driver.press("enter", "escape", "escape")
            await driver.until(lambda: driver.app.screen.prompt.request is None)
        await driver.until_seen("$TSLA to the moon")


async def test_a_full_line_says_so_once_and_can_be_edited(start):
    async with start() as driver:
        await driver.press("slash", *"lab")
        entry = driver.app.screen.prompt.entry
        driver.app.post_message(events.Paste("x" * MOST_CHARACTERS))
        await driver.until(lambda: len(entry.value) == MOST_CHARACTERS)
        await driver.press(*"yz")  # as unmarked pasting comes
        assert entry.value == "lab" + "x" * (MOST_CHARACTERS - 3)
        await driver.press("f3")
        await driver.until_seen("! A line has 20,000 characters at most; the rest is left out.")
        assert driver.text.count("A line has") == 1
        await driver.press("escape")
        await driver.press("backspace", "y")
        assert entry.value.endswith("xy")


async def test_what_comes_by_itself_waits_until_a_problem_has_been_read(start, workspace):
    settings = workspace / "workbench.toml"
    settings.write_text(settings.read_text().replace("[keys]", '[keys]\nnote = "u"'))
    async with start() as driver:
        line = driver.app.screen.query_one(KeyLine)
        await driver.until_seen("! The key u of note")
        for text in ("run 3 is offered", "run 4 is offered", "run 3 is offered"):
            driver.app.say(text)
        driver.app.screen.retract("run 4 is offered")
        await driver.pilot.pause()
        assert "! The key u of note" in driver.lines[-1]
        line._back._callback()  # it has been read
        await driver.until_seen("run 3 is offered")
        driver.app.say("It cannot be saved.", problem=True)
        await driver.press("1")
        await driver.until_seen("Tweet 1: ")


async def test_what_a_key_could_not_do_stands_until_the_next_key(start, workspace, monkeypatch):
    monkeypatch.setattr("workbench.tui.list_screen.ListScreen.look_for_changes", lambda self: None)
    monkeypatch.setattr(key_line, "SHOWN_S", 0.01)
    async with start() as driver:
        await driver.settled()
        line, browse = driver.app.screen.query_one(KeyLine), driver.app._browse
        ben = open_store(workspace, "ben")
        labels.assign(ben, [1], "negative")
        ben.close()
        await driver.press("2")
        said = "! Tweet 1: annotator ben made it negative"
        await driver.until(lambda: said in driver.lines[-1])
        assert line._back._interval > 3600, "no time takes it away"
        browse.tweets.go(3)  # as where the list is another one by now
        browse.tweets.settle_now()
        await driver.settled()
        driver.app.say("run 3 is offered")
        assert said in driver.lines[-1]
        driver.app.push_screen(HelpScreen(browse))
        await driver.press("j", "escape")
        assert said in driver.lines[-1], "those keys were for another screen"
        await driver.press("h")
        await driver.until(lambda: said not in driver.text)


async def fault():
    raise ZeroDivisionError


async def test_a_screen_whose_program_was_updated_says_to_start_it_again(start, monkeypatch):
    """What is imported then does not fit what was imported before."""
    monkeypatch.setattr(updated_program, "STARTED", 0.0)
    async with start() as driver:
        driver.app.run_worker(fault())
        await driver.until(lambda: not driver.app.is_running)
    assert driver.app.return_code == 1
    assert driver.app.problem == updated_program.SENTENCE


async def test_a_fault_of_our_own_is_not_hidden(start, monkeypatch):
    monkeypatch.setattr(updated_program, "STARTED", time.time())
    with pytest.raises(Exception, match="ZeroDivisionError"):
        async with start() as driver:
            driver.app.run_worker(fault())
            await driver.until(lambda: not driver.app.is_running)
