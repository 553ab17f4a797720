"""Random keys over all places, and a storm of sizes; `tests/soak.py` goes on for longer."""

import itertools
import random

from soak import SIZES, problems, soak


async def test_random_keys_end_nothing_and_the_history_explains_every_label(start, workspace):
    async with start(program=("/bin/false",)) as driver:
        assert await soak(driver.pilot, random.Random(3), range(14)) > 150
        assert driver.app.is_running
    assert problems(workspace) == []


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
