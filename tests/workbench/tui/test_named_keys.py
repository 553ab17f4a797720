"""The last line of each place names the keys that can do something there, and no others."""

from dataclasses import replace

import pytest

from storage.config import Config
from storage.runs import runs
from storage.runs.runs import Run
from storage.store import open_store
from workbench.tui.listing import runs_keys
from workbench.tui.listing.browse_keys import ListUse, card_keys, list_keys
from workbench.tui.reviewing.queue_keys import while_answering

CONFIG = Config(labels=("positive", "negative"))


def names(keys):
    return " ".join(name for name, _ in keys)


@pytest.mark.parametrize(
    ("use", "named"),
    [
        (ListUse(), "1 2 space ↵ x f = ] u / s ' ?"),
        (ListUse(has_jumped=False), "1 2 space ↵ x f = ] u / s ?"),
        (ListUse(has_predictions=False), "1 2 ↵ x f = u / s ' ?"),
        (ListUse(has_tweets=False), "u / s ' ?"),
        (ListUse(writable=False), "↵ = ] / s ' ?"),
    ],
)
def test_keys_of_the_list(use, named):
    assert names(list_keys(CONFIG, 200, use)) == named


def test_keys_of_a_card_and_of_the_queue():
    assert names(card_keys(ListUse())) == "0 x f a e u esc ?"
    assert names(card_keys(ListUse(writable=False))) == "esc ?"
    assert names(while_answering(200)) == "x f a e ; u m d r b esc ?"
    assert names(while_answering(200, hides=False)) == "x f a e ; u m d r esc ?"
    assert names(while_answering(200, writable=False)) == "; m d r b esc ?"


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
        await driver.until(lambda: driver.lines[-1].strip() == "u undo  / filter  s sort  ? more")
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
        await driver.until(lambda: "tweets  s split  y copy" in driver.lines[-1])
        assert "v versus" not in driver.text and "r other run" not in driver.text
