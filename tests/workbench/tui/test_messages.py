"""What is said stands in the place of the keys, cut where it is long, and is kept to be read."""

import inspect
from pathlib import Path

import pytest

import workbench.tui
from workbench.tui import screen_stack

LONG = (
    "Run 3 failed: " + "there is not enough memory for a pass of so many tweets, " * 4 + "the end."
)


def test_nothing_is_said_in_a_box_over_the_screen():
    sources = Path(inspect.getfile(workbench.tui)).parent.rglob("*.py")
    assert [path.name for path in sources if ".notify(" in path.read_text("utf-8")] == []


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_long_message_is_cut_on_its_line_and_read_whole_elsewhere(start, stub, size):
    async with start(program=stub.program, size=size) as driver:
        await driver.settled()
        for place in "BQETR":
            await driver.press(place)
            await driver.pilot.pause()
            driver.app.say(LONG, problem=True)
            await driver.until(lambda: "Run 3 failed" in driver.text)
            [shown] = (line for line in driver.lines if "Run 3 failed" in line)
            if place != "T":  # a form, which has room for it above the line with the keys
                assert shown == driver.lines[-1]
                assert shown.rstrip().endswith("… F3")
            assert not driver.app._notifications
        await driver.press("f3")
        await driver.until_seen("! " + LONG)
        assert driver.text.count("Run 3 failed") == 1, "said to all screens, it is one message"
        await driver.press("escape", "1")
        await driver.pilot.resize_terminal(size[0] + 9, size[1])
        driver.app.say(LONG)
        await driver.pilot.resize_terminal(*size)
        await driver.until(lambda: driver.lines[-1].rstrip().endswith("… F3"))


async def test_what_each_screen_says_with_its_own_keys_is_kept_once(start):
    async with start() as driver:
        await driver.press("R")
        for time in ("first", "second"):
            screen_stack.say_each(driver.app, lambda screen: f"offered on {screen.name}")
            driver.app.say(f"Said the {time} time.")
        kept = [str(line)[11:] for line in driver.app.message_log.lines()]
        offers = [f"offered on {driver.app.screen.name}"]
        assert kept[-4:] == [*offers, "Said the first time.", *offers, "Said the second time."]
