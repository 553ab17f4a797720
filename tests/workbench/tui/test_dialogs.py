"""Dialogs that are left once, however fast the keys come that answer them."""

import pytest
from textual.widgets import Input

from storage.runs import runs
from workbench.tui.dialogs.ask import AskDialog
from workbench.tui.dialogs.choose import ChoiceDialog
from workbench.tui.dialogs.confirm import ConfirmDialog
from workbench.tui.dialogs.palette import PaletteDialog, PaletteEntry
from workbench.tui.widgets.menu import Menu


async def choose(dialog):
    dialog.query_one(Menu).action_select()


async def submit(dialog):
    await dialog.query_one(Input).action_submit()


async def confirm(dialog):
    dialog.action_answer(True)


DIALOGS = {
    "choose": (lambda: ChoiceDialog("Sort by", [("id", "as imported")], "id"), choose, "id"),
    "ask": (lambda: AskDialog("file", "", is_path=False, if_empty=True), submit, ""),
    "palette": (lambda: PaletteDialog([PaletteEntry("quit", list)]), submit, "quit"),
    "confirm": (lambda: ConfirmDialog("Go on?", "go on"), confirm, True),
}


@pytest.mark.parametrize("second", ["again", "back"])
async def test_a_dialog_that_is_answered_twice_leaves_what_lies_below(start, second):
    async with start() as driver:
        await driver.press("R")
        await driver.until_seen("[Runs")
        place, answers = driver.app.screen, []
        for make, answer, wanted in DIALOGS.values():
            dialog = make()
            await driver.app.push_screen(dialog, answers.append)
            await driver.pilot.pause()
            await answer(dialog)
            if second == "again":
                await answer(dialog)
            else:  # which the application does before the list or the line tells of its key
                dialog.action_back()
            await driver.pilot.pause()
            assert driver.app.screen is place, dialog
            given = getattr(answers[-1], "name", answers[-1])
            assert given in (wanted, None), "which the key of the application may give before"
        assert len(answers) == len(DIALOGS)


async def test_a_key_that_waits_for_the_runs_is_dropped_where_somebody_has_gone_on(start):
    async with start() as driver:
        place = driver.app.places.place("runs")
        place._read = lambda: None
        await driver.press("R", "o", "E")
        await driver.until_seen("[Errors]")
        place.post_message(place.Read(runs.every(driver.app.store), 0))
        await driver.pilot.pause()
        assert driver.app.screen.name == "errors"


@pytest.mark.parametrize("opened", ["clone", "train", "run", "settings", "help", "messages"])
async def test_a_screen_that_is_left_before_it_is_made_ends_nothing(start, opened):
    async with start() as driver:
        app, known = driver.app, runs.get(driver.app.store, 2)
        open_screen = {
            "clone": lambda: app.places.show_clone_form(known),
            "train": app.places.show_train_form,
            "run": lambda: app.places.show_run(known),
            "settings": app.action_settings,
            "help": app.action_help,
            "messages": app.action_messages,
        }[opened]
        open_screen()
        app.pop_screen()  # as where the keys for both have come together
        await driver.pilot.pause()
        await driver.press("2")
        await driver.until_seen("Tweet 1: positive → negative.")
