"""The five places: the line that names them, and how they are when somebody comes back."""

import re

from textual.widgets import Input

from storage.history import labels
from storage.runs import runs
from storage.store import open_store
from workbench.rundir import folder as run_folder
from workbench.tui.widgets.top_line import TopLine


def top(driver):
    return driver.lines[0]


def words(driver):
    return " ".join(top(driver).split())


async def test_the_top_line_has_the_places_and_how_far_the_work_is(start):
    async with start() as driver:
        await driver.until_seen("[Browse]")
        assert words(driver) == "[Browse] Queue Errors Train Runs 2 workspace · ana · 0 fixed"
        await driver.press("2")
        await driver.until_seen("ana · 1 fixed")
        await driver.press("R")
        await driver.until_seen("[Runs 2]")
        assert "1 fixed" in top(driver)
        await driver.pilot.resize_terminal(80, 24)
        await driver.until_seen("workspace·ana")
        assert words(driver) == "Browse Queue Errors Train [Runs] workspace·ana"
        await driver.pilot.resize_terminal(60, 15)
        await driver.until(
            lambda: top(driver).endswith("works… ") or "workspace·ana" in top(driver)
        )


async def test_the_key_that_ends_other_programs_names_the_one_that_ends_this(start):
    async with start() as driver:
        await driver.press("ctrl+c")
        await driver.until_seen("ctrl+q quits.")
        assert driver.lines[-1].strip() == "ctrl+q quits." and not driver.app._notifications


async def test_while_the_first_run_goes_on_its_key_is_said_to_show_it(start, stub, workspace):
    store = open_store(workspace)
    for number in (1, 2):
        runs.delete(store, number)
    store.close()
    async with start(program=stub.program) as driver:
        await driver.press("E")
        await driver.until_seen("There are no predictions yet; T trains a model")
        stub.start_outside()
        await driver.until_seen("Train ▶ 25 %")
        await driver.press("B", "space")
        await driver.until_seen("There is no prediction to take; T shows the run that goes on.")
        await driver.press("E")
        await driver.until_seen("There are no predictions yet; T shows the run that goes on.")
        stub.move(state="done", phase="", step=20)
        await driver.until(lambda: driver.lines[1].startswith(" run 3 "))


async def test_the_top_line_follows_a_run(start, stub):
    async with start(program=stub.program) as driver:
        stub.start_outside()
        await driver.until_seen("Train ▶ 25 %")
        await driver.press("R")
        await driver.until(lambda: re.search(r"running +5/20 +\d:\d\d ", driver.text))
        run_folder.append_log(stub.folder, "scored", done=3, total=12, tweets_per_s=9.0)
        stub.move(step=20, phase="predicting 3 of 12")
        await driver.until_seen("Train ▶ scoring")
        await driver.pilot.resize_terminal(80, 24)
        await driver.until_seen("Train▶")
        stub.move(state="done", phase="", step=20)
        await driver.until(lambda: "▶" not in top(driver))


async def test_only_cells_that_changed_are_painted(start):
    async with start() as driver:
        await driver.until_seen("[Browse]")
        line, painted = driver.app.screen.query_one(TopLine), []
        line.refresh = lambda *regions, **more: painted.extend(regions)
        line.show(driver.app.places.standing())
        assert painted == [], "nothing has changed"
        await driver.press("2")
        await driver.until(lambda: painted)
        assert [region.width for region in painted] == [1], "0 fixed becomes 1 fixed"


async def test_what_others_fix_is_told(start, workspace):
    async with start() as driver:
        await driver.until_seen("0 fixed")
        store = open_store(workspace, "bob")
        labels.assign(store, [2], "positive")
        store.close()
        await driver.until_seen("1 fixed")


async def test_a_place_is_as_it_was_left(start):
    async with start() as driver:
        await driver.press("j", "j", "R")
        await driver.until_seen("baseline")
        await driver.press("j", "T")
        await driver.until_seen("Train on the labels")
        await driver.press("tab", "tab", "tab", *"lora")
        await driver.press("tab", "B")
        await driver.until_seen("[Browse]")
        assert driver.current == 3
        await driver.press("R")
        await driver.until_seen("[Runs")
        assert driver.app.screen.run_to_examine == 1
        await driver.press("T")
        await driver.until_seen("Train on the labels")
        assert driver.app.screen.query_one("#settings", Input).value == "lora"


async def test_errors_are_those_of_the_run_that_one_comes_from(start, stub):
    async with start(program=stub.program) as driver:
        await driver.press("R")
        await driver.until_seen("baseline")
        await driver.press("j", "E")
        asked = ["evaluate", "1", "--split", "test", "--json"]
        await driver.until(lambda: asked in stub.calls)
        await driver.press("B", "E")
        await driver.until(lambda: stub.calls.count(asked) == 2)


async def test_errors_without_predictions_name_the_key_that_helps(start, empty_workspace):
    async with start(empty_workspace) as driver:
        await driver.press("E")
        await driver.until_seen("no predictions yet; T trains a model")
        await driver.press("q")
        await driver.until_seen("[Browse]")


async def test_a_click_on_a_tab_goes_there(start):
    async with start() as driver:
        await driver.until_seen("[Browse]")
        await driver.pilot.click(TopLine, offset=(top(driver).index("Runs") + 1, 0))
        await driver.until_seen("[Runs 2]")
        await driver.pilot.click(TopLine, offset=(3, 0))
        await driver.until_seen("[Browse]")


async def test_the_palette_reaches_each_place(start):
    async with start() as driver:
        for name in ("Runs", "Train", "Browse"):
            await driver.press("ctrl+p")
            await driver.type(f"{name}: ")
            await driver.until_seen(f"{name}: ")
            await driver.press("enter")
            await driver.until_seen(f"[{name}")


async def test_what_changes_below_a_place_paints_nothing_on_it(start):
    async with start() as driver:
        await driver.press("R")
        await driver.until_seen("[Runs 2]")
        assert driver.app._background_screens == []
        await driver.press("D")
        await driver.until_seen("Delete run 2")
        assert driver.app._background_screens[-1].name == "runs", "a question lies on what is seen"
