"""Snapshots, exports, evaluation and the trash on the screen; the real commands do the work."""

import pytest

from storage.history import snapshots
from storage.runs import runs
from storage.store import open_store
from workbench.recipes import recipes
from workbench.rundir import folder as run_folder

pytestmark = pytest.mark.usefixtures("forked")


async def palette(driver, words):
    """Do what the palette finds by some words."""
    await driver.press("ctrl+p")
    await driver.type(words)
    await driver.press("enter")


async def test_a_snapshot_is_taken_and_gone_back_to_as_one_step(start, monkeypatch):
    monkeypatch.setenv("WORKBENCH_ANNOTATOR", "ben")  # the screen is ana's
    async with start() as driver:
        await palette(driver, "take a snapshot")
        await driver.until_seen("a name for the labels as they are now")
        await driver.type("before")
        await driver.press("enter")
        await driver.until_seen("Snapshot 'before' of 12 tweets.")
        await driver.press("2", "j", "1", "x")
        await palette(driver, "go back to a snapshot")
        await driver.until_seen("Go back to the snapshot")
        await driver.press("enter")
        await driver.until_seen("3 tweets change: 1 ")
        assert "1 positive → negative" in driver.text and "1 excluded off" in driver.text
        await driver.press("y")
        await driver.until_seen("3 tweets are as in 'before' again; u takes it back.")
        await driver.until_seen("0 fixed")
        assert driver.tweet(1).label == "positive"
        await driver.press("u")
        await driver.until_seen("Undone: 3 tweets.")
        assert driver.tweet(1).label == "negative"


async def test_nothing_to_go_back_to_is_said(start, workspace):
    async with start() as driver:
        await palette(driver, "go back to a snapshot")
        await driver.until_seen("There is no snapshot yet")
        store = open_store(workspace)
        snapshots.take(store, "same")
        store.close()
        await palette(driver, "go back to a snapshot")
        await driver.until_seen("Go back to the snapshot")
        await driver.press("enter")
        await driver.until_seen("All labels and marks are as in 'same' already.")


async def test_the_list_is_exported_and_a_file_replaced_only_if_one_says_so(
    start, tmp_path, monkeypatch, read_csv
):
    monkeypatch.chdir(tmp_path)
    async with start() as driver:
        await driver.press("slash")
        await driver.type("label:negative -short")
        await driver.press("enter")
        await driver.until_seen("▸ label:negative")
        found = list(driver.app._browse.tweets.ids)
        for answer, seen in ((None, "5 tweets written to"), ("n", "Replace"), ("y", "5 tweets")):
            driver.app.say("")
            await palette(driver, "export the tweets")
            await driver.until_seen("5 tweets; endings")
            await driver.type("out.csv")
            await driver.press("enter")
            if answer is not None:
                await driver.until_seen(f"Replace {tmp_path / 'out.csv'}?")
                await driver.press(answer)
            if answer != "n":
                await driver.until_seen(seen)
        assert [int(row["external_id"][1:]) for row in read_csv(tmp_path / "out.csv")] == found


async def test_a_file_is_imported_and_what_differs_is_asked_for(start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with start() as driver:
        first = driver.tweet(1)
        rows = f"{first.external_id},{first.text},negative\nnew,a brand new one,positive\n"
        (tmp_path / "more.csv").write_text("id,text,label\n" + rows)
        for answer, label in (("n", "positive"), ("y", "negative")):
            await palette(driver, "import a file")
            await driver.until_seen("a file of tweets")
            await driver.type("more.csv")
            await driver.press("enter")
            await driver.until_seen("1 tweet has another label (1 positive → negative). Take that?")
            await driver.until_seen("more.csv: 1 new" if answer == "n" else "more.csv: 0 new")
            await driver.press(answer)
            if answer == "y":
                await driver.until_seen("Taken from more.csv: labels of 1 tweet; u takes it back.")
            assert driver.tweet(1).label == label
        await driver.until_seen("1 of 12 and 1 since (/ ↵ lists all)")
        await driver.press("slash", "enter")
        await driver.until_seen("1 of 13 ")
        await driver.press("u")
        await driver.until(lambda: driver.tweet(1).label == "positive")


async def test_a_file_that_cannot_be_imported_says_why_and_the_screen_stays(start, tmp_path):
    async with start() as driver:
        await palette(driver, "import a file")
        await driver.until_seen("a file of tweets")
        await driver.type(f"{tmp_path}/nowhere.csv")
        await driver.press("enter")
        await driver.until(lambda: "Importing" not in driver.text)
        await driver.until_seen("nowhere.csv")
        assert driver.app.is_running


async def test_an_export_that_fails_says_why_and_the_screen_stays(start, tmp_path):
    async with start() as driver:
        await palette(driver, "export the tweets")
        await driver.until_seen("12 tweets; endings")
        await driver.type(f"{tmp_path}/nowhere/out.csv")
        await driver.press("enter")
        await driver.until_seen("nowhere")
        await driver.until(lambda: "Writing" not in driver.text)
        assert driver.app.is_running


async def test_the_errors_of_a_run_are_those_by_todays_labels(start):
    async with start(size=(80, 24)) as driver:
        await driver.press("r")
        await driver.until_seen("baseline")
        await driver.press("G", "E")
        await driver.until_seen("recall")
        n = sum(driver.tweet(number).split == "test" for number in range(1, 13) if number != 10)
        await driver.until_seen(f"run 1 baseline · {n} test tweets · accuracy 100.0 %")
        await driver.press("q")
        await driver.until_seen("[Browse]")


async def test_a_deleted_run_is_brought_back(start, workspace):
    store = open_store(workspace)
    run = runs.get(store, 2)
    folder = store.run_folder(2)
    folder.mkdir(parents=True)
    run_folder.Job(
        id=2,
        uid=run.uid,
        kind="qlora",
        recipe=recipes.load("fast"),
        base="base",
        labels=run.labels,
        words=run.labels,
        template="{text}:",
        data_hash="",
        created=0,
        versions={},
    ).save(folder)
    run_folder.write_state(folder, run_folder.State(state="stopped"))
    store.close()
    async with start() as driver:
        await driver.press("r")
        await driver.until_seen("baseline")
        await driver.press("U")
        await driver.until_seen("No run is in the trash.")
        await driver.press("D", "y")
        await driver.until_seen("Run 2 is deleted; U brings it back.")
        await driver.until(lambda: " fast " not in driver.text)
        await driver.press("U")
        await driver.until_seen("Bring back the run")
        await driver.press("enter")
        await driver.until_seen("Run 2 is back (stopped).")
        await driver.until(lambda: " fast " in driver.text)
