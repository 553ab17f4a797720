"""The mouse, which is never needed: the list, the line of keys, the heading."""

import pytest

from workbench.tui.widgets.clicked_key import clicked_key

LINE = " x exclude  ] [ disagreement  1/p positive  ↵ open  ctrl+l work out  F2 settings  表 none"


@pytest.mark.parametrize(
    ("on", "key"),
    [
        ("x", "x"),
        ("exclude", "x"),
        ("[", "left_square_bracket"),
        ("] ", "right_square_bracket"),
        ("disagreement", "right_square_bracket"),
        ("1/p", "1"),
        ("↵", "enter"),
        ("ctrl", "ctrl+l"),
        ("settings", "f2"),
        ("none", None),
    ],
)
def test_the_key_under_the_mouse(on, key):
    found = clicked_key(LINE, LINE.index(on))
    assert (found == key) if key is not None else (found != "n")


@pytest.mark.parametrize("line", ["", "Tweet 3: positive → negative.", "This is the first run."])
def test_no_key_is_named_by_words(line):
    assert {clicked_key(line, column) for column in range(-1, 40)} == {None}


async def click_on(driver, words):
    """Click where these words are, on the lowest line that has them."""
    row = max(y for y, line in enumerate(driver.lines) if words in line)
    await driver.pilot.click(offset=(driver.lines[row].index(words), row))


async def test_a_click_on_a_tweet_goes_there_and_one_on_a_heading_orders_by_that_column(start):
    async with start() as driver:
        settings = driver.app._browse
        await driver.settled()
        await click_on(driver, "this aged badly")
        await driver.until(lambda: driver.current == 8)
        for heading, order in (
            ("model", "disagreement"),
            ("text ·", "length"),
            ("length", "length"),
        ):
            await driver.pilot.click("#columns", offset=(driver.lines[1].index(heading), 0))
            await driver.until(lambda order=order: settings.settings.sort == order)
        await driver.pilot.click("#columns", offset=(driver.lines[1].index("given"), 0))
        await driver.until_seen("Sort by")
        await click_on(driver, "last edited first")
        await driver.until(lambda: settings.settings.sort == "changed")


async def test_the_last_line_of_the_list_and_of_the_queue_takes_clicks(start):
    async with start(program=("/bin/false",)) as driver:
        await driver.settled()
        await click_on(driver, "2 negative")
        await driver.until(lambda: driver.tweet(1).label == "negative")
        await driver.press("Q")
        await driver.until_seen("? more")
        await click_on(driver, "? more")
        await driver.until_seen("This screen")


async def test_a_click_on_a_named_key_presses_it_and_one_on_a_message_does_not(start):
    async with start(program=("/bin/false",)) as driver:
        await driver.press("E")
        await driver.until_seen("? more")
        await click_on(driver, "more")
        await driver.until(lambda: "esc q" in driver.lines[-1])  # not in the text of the help only
        await click_on(driver, "esc q")
        await driver.until_seen("[Errors")
        driver.app.screen.say("Q would go to the queue.")
        await driver.until_seen("Q would go")
        await click_on(driver, "Q would go")
        await driver.pilot.pause(0.1)
        assert driver.app.screen.name == "errors"
