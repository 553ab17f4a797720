"""A workspace opens where it was left: place, order, filter and cursor."""

import json

import pytest

from storage.runs import runs
from storage.store import open_store
from workbench.tui import last_view, user_state
from workbench.tui.app import WorkbenchApp
from workbench.tui.last_view import View


async def quit_from(driver):
    """Leave the program as people do."""
    await driver.press("ctrl+q")
    await driver.until(lambda: driver.app._exit)


async def test_order_filter_and_cursor_are_there_again(start):
    async with start() as driver:
        await driver.press("slash", *"label:positive", "enter")
        await driver.until(lambda: driver.app.screen.settings.filter == "label:positive")
        await driver.press("s", "G", "k", "k", "enter")  # by length
        await driver.until(lambda: driver.app.screen.settings.sort == "length")
        await driver.press("j", "j")
        tweet, row = driver.current, driver.app.screen.tweets.cursor
        assert row == 2
        await quit_from(driver)
    async with start() as driver:
        await driver.until_seen("as you left it; esc clears the filter")
        await driver.until(lambda: driver.app.screen.settings.sort == "length")
        assert driver.app.screen.settings.filter == "label:positive"
        assert (driver.current, driver.app.screen.tweets.cursor) == (tweet, row)
        await driver.press("escape")
        await driver.until(lambda: len(driver.app.screen.tweets.ids) == 12)


@pytest.mark.parametrize(("key", "sign"), [("Q", "[Queue"), ("E", "[Errors"), ("R", "[Runs")])
async def test_the_place_is_there_again_and_the_list_below_it(start, key, sign):
    async with start() as driver:
        await driver.press("j", "j", key)
        await driver.until_seen(sign)
        await quit_from(driver)
    async with start() as driver:
        await driver.until_seen(sign)
        await driver.press("B")
        await driver.until(lambda: len(driver.app.screen_stack) == 1)
        assert driver.current == 3


async def test_a_place_that_is_asked_for_goes_before_the_last_one(workspace, drive):
    last_view.remember(workspace, View("runs"))
    async with drive(WorkbenchApp(workspace, "ana", place="errors")) as driver:
        await driver.until_seen("[Errors")


@pytest.mark.parametrize(
    "view",
    [
        View(filter="label:"),
        View(filter="run:99"),
        View(sort="colour"),
        View(sort="suspect"),
        View(place="kitchen", tweet=4711),
    ],
)
async def test_what_cannot_be_again_is_left_out(start, workspace, view):
    last_view.remember(workspace, view)
    async with start() as driver:
        await driver.settled()
        assert len(driver.app.screen.tweets.ids) == 12
        assert driver.app.screen.settings.sort == "id"
        assert driver.current == 1


async def test_an_order_whose_run_was_deleted_meanwhile_is_left_out(start, workspace):
    last_view.remember(workspace, View(sort="margin", tweet=5))
    store = open_store(workspace, "ana")
    for run in runs.every(store):
        runs.delete(store, run.id)
    store.close()
    async with start() as driver:
        await driver.settled()
        assert driver.app.screen.settings.sort == "id"
        assert driver.current == 5


@pytest.mark.parametrize("damaged", ["", "[]", "{", '"text"'])
def test_a_file_that_cannot_be_read_is_as_none(workspace, damaged):
    last_view.remember(workspace, View("runs"))
    path = user_state.path(last_view.NAME)
    assert last_view.read(workspace) == View("runs")
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text(damaged)
    assert last_view.read(workspace) == View()
    for wrong in ({"place": 3}, {"colour": "red"}, ["runs"], None):
        path.write_text(json.dumps({str(workspace): wrong}))
        assert last_view.read(workspace) == View()


def test_only_the_last_workspaces_are_kept(tmp_path):
    for number in range(last_view.MOST + 5):
        last_view.remember(tmp_path / str(number), View(tweet=number))
    assert last_view.read(tmp_path / "4") == View()
    assert last_view.read(tmp_path / "5") == View(tweet=5)
    last_view.remember(tmp_path / "5", View(tweet=50))
    last_view.remember(tmp_path / "new", View())
    assert last_view.read(tmp_path / "5") == View(tweet=50), "it was left later"
