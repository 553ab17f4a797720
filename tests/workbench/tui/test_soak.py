"""Random keys over all places, and a storm of sizes; `tests/soak.py` goes on for longer."""

import itertools
import random

import pytest
from soak import SIZES, problems, soak

from workbench.tui.widgets.detail_lines import wrapped

pytestmark = pytest.mark.usefixtures("drawn")


async def test_random_keys_end_nothing_and_the_history_explains_every_label(start, workspace):
    async with start(program=("/bin/false",)) as driver:
        assert await soak(driver.pilot, random.Random(3), range(14)) > 150
        assert driver.app.is_running
    assert problems(workspace) == []


@pytest.mark.parametrize("width", [-2, 0, 1, 2, 3])
def test_a_text_is_broken_where_there_is_hardly_room(width):
    assert "".join(wrapped("a long 表表 line", width)).replace(" ", "") == "along表表line"


async def test_what_rests_at_the_smallest_sizes_draws_there(start):
    async with start(program=("/bin/false",)) as driver:
        for place in "BQETR":
            await driver.press(place)
            for size in ((20, 5), (8, 3)):
                await driver.pilot.resize_terminal(*size)
                await driver.pilot.pause(0.2)  # what follows a key comes then
            await driver.pilot.resize_terminal(120, 40)
            await driver.until(lambda: driver.app.screen.name != "too small")


async def test_a_storm_of_sizes_leaves_every_place_as_it_was(start):
    async with start(program=("/bin/false",)) as driver:
        for place in "BQETR":
            await driver.press(place)
            await driver.pilot.pause()
            before = driver.app.screen
            for size in itertools.chain(SIZES, reversed(SIZES)):
                await driver.pilot.resize_terminal(*size)
            await driver.pilot.resize_terminal(120, 40)
            await driver.until(lambda before=before: driver.app.screen is before)
        await driver.press("B")
        await driver.until_seen("$TSLA to the moon")
