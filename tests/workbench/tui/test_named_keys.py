"""The last line of each place names the keys that can do something there, and no others."""

import re
from dataclasses import replace

import pytest

from storage.config import Config
from storage.runs import runs
from storage.runs.runs import Run
from storage.store import open_store
from workbench.tui.listing import runs_keys
from workbench.tui.listing.browse_keys import ListUse, card_keys, list_keys
from workbench.tui.reviewing.queue_keys import QueueUse, at_end, while_answering
from workbench.tui.widgets.key_line import KeyLine

CONFIG = Config(labels=("positive", "negative"))


def names(keys):
    return " ".join(name for name, _ in keys)


@pytest.mark.parametrize(
    ("use", "named"),
    [
        (ListUse(), "1 2 space ↵ x f ] u / s ' = ?"),
        (ListUse(has_jumped=False), "1 2 space ↵ x f ] u / s = ?"),
        (ListUse(has_disagreement=False, is_predicted=False), "1 2 ↵ x f u / s ' = ?"),
        (ListUse(is_predicted=False, has_twins=False), "1 2 ↵ x f ] u / s ' ?"),
        (ListUse(has_tweets=False), "u / s ' ?"),
        (ListUse(has_tweets=False, is_filtered=True, can_undo=False), "esc / s ' ?"),
        (ListUse(writable=False), "↵ ] / s ' = ?"),
    ],
)
def test_keys_of_the_list(use, named):
    assert names(list_keys(CONFIG, 200, use)) == named


def test_keys_of_a_card_and_of_the_queue():
    assert names(card_keys(ListUse())) == "0 x f a e u esc ?"
    assert names(card_keys(ListUse(can_undo=False))) == "0 x f a e esc ?"
    assert names(card_keys(ListUse(writable=False))) == "esc ?"
    assert names(while_answering(200, QueueUse())) == "x f a e ; u m d r b esc ?"
    assert names(while_answering(200, QueueUse(hides=False))) == "x f a e ; u m d r esc ?"
    assert names(while_answering(200, QueueUse(writable=False))) == "; m d r b esc ?"
    few = QueueUse(can_undo=False, has_others=False)
    assert names(while_answering(200, few)) == "x f a e m d r b esc ?"
    assert names(at_end(200, has_run=False)) == "↵ k m d r s T esc ?"


@pytest.mark.parametrize(
    ("kind", "state", "predictions", "named"),
    [
        ("qlora", "done", 9, "↵ o v * C X D U ?"),
        ("qlora", "running", 0, "↵ v C U ?"),
        ("qlora", "stopped", 0, "↵ v C D U ?"),
        ("baseline", "done", 9, "↵ o v * C D U ?"),
        ("predict", "done", 9, "↵ o v * D U ?"),
        ("imported", "done", 9, "↵ o v * D U ?"),
    ],
)
def test_keys_of_a_run(store_run, kind, state, predictions, named):
    run = store_run(kind, state, predictions)
    shown = runs_keys.of_run(run, in_trash=True, writable=True)
    assert names(shown) == named
    assert names(runs_keys.of_run(None, in_trash=False, writable=True)) == "t ?"
    assert "D" not in names(runs_keys.of_run(run, in_trash=True, writable=False))
    assert "v" not in names(runs_keys.of_run(run, in_trash=True, writable=True, alone=True))


@pytest.fixture(scope="module")
def store_run(built):
    """Makes a run of a kind and state, which is in no store."""

    store = open_store(built)
    found: Run = runs.get(store, 2)
    store.close()
    return lambda kind, state, predictions: replace(
        found, kind=kind, state=state, predictions=predictions
    )


async def test_each_place_names_what_can_be_done_as_it_stands(start, empty_workspace, workspace):
    async with start(empty_workspace) as driver:
        await driver.until(lambda: driver.lines[-1].strip() == "ctrl+p import a file  ? more")
        await driver.press("E")
        await driver.until(lambda: "T train  esc q back  ? more" in driver.lines[-1])
        await driver.press("R")
        await driver.until_seen("There are no runs yet")
        driver.app.screen.say("")
        assert driver.lines[-1].strip() == "t train  ? more"
    store = open_store(workspace, "ana")
    runs.delete(store, 1)
    store.close()
    async with start(workspace) as driver:
        await driver.press("E")
        await driver.until(lambda: driver.lines[-1].strip() == "s split  ? more")
        assert "v versus" not in driver.text and "r other run" not in driver.text


IN_VAIN = re.compile(
    "^(There is no|There are no|Nothing|No |This is the|The (card|details|tweet)|Everything)"
    "|does nothing|nothing (more|to)|is the only"
)
"""How a message begins that says that a key has done nothing."""


async def refused(driver, place):
    """The keys that the last line of a place names and that do nothing, with what is said."""
    found = {}
    for key in driver.named_keys:
        if key in ("escape", "q", "up", "down", "left", "right"):  # which end somewhere
            continue
        driver.app.screen.say("")
        await driver.press(key)
        await driver.pilot.pause()
        said = " ".join(line.said for line in driver.app.screen.query(KeyLine))
        if IN_VAIN.search(said):
            found[key] = said
        while driver.app.screen.is_modal or driver.app.screen.query("#prompt-input:focus"):
            await driver.press("escape")
        if driver.app.screen.name != place:
            driver.app.places.go(place)
            await driver.until(lambda: driver.app.screen.name == place)
    return found


@pytest.mark.parametrize("state", ["as it is", "empty", "first run going"])
async def test_each_key_that_a_place_names_does_something(
    start, stub, workspace, empty_workspace, state
):
    folder = empty_workspace if state == "empty" else workspace
    if state == "first run going":
        store = open_store(folder, "ana")
        for number in (1, 2):
            runs.delete(store, number)
        store.close()
        stub.start_outside()
    async with start(folder, program=stub.program) as driver:
        for place in ("browse", "queue", "errors", "runs"):
            driver.app.places.go(place)
            await driver.until(lambda place=place: driver.app.screen.name == place)
            await driver.until(lambda: driver.named_keys and "…" not in driver.text)
            active = driver.app.screen.active_bindings
            bound = {each for each in active if active[each].enabled}
            assert set(driver.named_keys) <= bound, (place, driver.lines[-1])
            assert await refused(driver, place) == {}, (place, driver.lines[-1])


async def test_a_list_that_is_filtered_to_nothing_names_what_leads_back(start):
    async with start() as driver:
        await driver.press("slash", *"zzz", "enter")
        await driver.until(lambda: driver.lines[-1].split("  ")[0].strip() == "esc all tweets")
        assert driver.named_keys == ["escape", "slash", "s", "apostrophe", "question_mark"]
        await driver.press("escape")
        await driver.until(lambda: "1 positive" in driver.lines[-1])
        assert "u" not in driver.named_keys and "equals_sign" not in driver.named_keys
        await driver.press("1", "k")
        await driver.until(lambda: "u undo" in driver.lines[-1])


async def test_space_pages_through_the_help_to_its_end(start):
    async with start(size=(80, 24)) as driver:
        await driver.press("question_mark")
        await driver.until(lambda: driver.lines[0].strip() == "Keys")
        await driver.until(lambda: "space page" in driver.lines[-1])
        for _ in range(9):
            await driver.press("space")
            await driver.pilot.pause()
            if "This is the bottom." in driver.lines[-1]:
                break
        assert "This is the bottom." in driver.lines[-1]
        await driver.press("g")
        await driver.until(lambda: driver.lines[0].strip() == "Keys")
