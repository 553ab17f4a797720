"""An imported run on the screen: shown, listed, opened; it has no model to clone or resume."""

import json

import pytest

from storage.runs import displayed_run
from storage.store import open_store
from workbench.runs import imported_predictions
from workbench.runs.collecting import collect
from workbench.runs.imported_predictions import PredictionOptions


@pytest.fixture
def imported(workspace, given, tmp_path):
    """The workspace with predictions of another model for all tweets, which are shown."""
    path = tmp_path / "gpt.jsonl"
    rows = [{"text": text, "p_positive": 0.25, "p_negative": 0.75} for text, _ in given]
    path.write_text("\n".join(map(json.dumps, rows)))
    store = open_store(workspace, "ana")
    found = imported_predictions.import_predictions(store, path, "gpt", PredictionOptions())
    collect(store)
    displayed_run.show(store, found.run)
    store.close()
    return found.run


async def test_an_imported_run_is_shown_like_another(start, imported):
    async with start() as driver:
        await driver.until_seen(f"run {imported} gpt")
        tweet = driver.tweet(1, run=imported)
        assert (tweet.pred, tweet.confidence, tweet.in_sample) == ("negative", 0.75, True)
        await driver.press("R")
        await driver.until_seen("gpt, imported")
        await driver.press("C")
        await driver.until_seen(f"Run {imported} was imported, so there is nothing to clone.")
        await driver.press("enter")
        await driver.until_seen("Imported from a file, without steps.")
        await driver.press("S")
        await driver.until_seen("there is nothing to stop")
