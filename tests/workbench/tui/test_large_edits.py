"""A change of thousands of tweets: the screen goes on, says how far it is, and takes one step."""

import sqlite3
from contextlib import contextmanager

import pytest

from storage import store as store_module
from storage.history.labels import UndoPreview
from workbench.tui.editing import save_queue
from workbench.tui.editing.change_sentences import undo_question
from workbench.tui.editing.label_keys import LabelKeys
from workbench.tui.editing.save_queue import MAX_IMMEDIATE

MANY = 2 * MAX_IMMEDIATE + 500


@pytest.fixture
def large(make_workspace, tmp_path):
    texts = [(f"tweet number {n}", "positive") for n in range(1, MANY + 1)]
    return make_workspace(tmp_path / "large", texts, with_runs=False)


@pytest.fixture
def said(monkeypatch):
    """All messages in order, also those that the next one replaced at once."""
    texts, say = [], LabelKeys.say

    def remember(self, text, problem=False):
        texts.append(text)
        say(self, text, problem)

    monkeypatch.setattr(LabelKeys, "say", remember)
    monkeypatch.setattr(save_queue, "PROGRESS_EVERY_S", 0)
    return texts


@contextmanager
def locked(folder):
    other = sqlite3.connect(folder / "workbench.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


async def mark_all(driver):
    await driver.press("v", "G", "V")
    await driver.until_seen(f"{MANY:,} marked")


async def answer(driver, key, question):
    """Press a key and say yes to the question that it asks."""
    await driver.press(key)
    await driver.until_seen(question)
    await driver.press("enter")


async def test_it_is_one_step_and_says_how_far_it_is(start, large, said):
    async with start(large) as driver:
        await mark_all(driver)
        await answer(driver, "2", f"{MANY:,} positive → negative. Go on?")
        await driver.until_seen(f"{MANY:,} tweets changed to negative (one undo step).")
        assert [text for text in said if text.startswith("Changing") and " of " in text] == [
            f"Changing 2,000 of {MANY:,} …",
            f"Changing 4,000 of {MANY:,} …",
            f"Changing {MANY:,} of {MANY:,} …",
        ]
        assert driver.tweet(1).label == driver.tweet(MANY).label == "negative"
        assert driver.app._browse.tweets.marked == set()
        await answer(driver, "u", f"undo: {MANY:,} of {MANY:,} tweets would change: ")
        await driver.until_seen(f"Undone: {MANY:,} tweets")
        assert f"Undoing 4,000 of {MANY:,} …" in said
        assert driver.tweet(MANY).label == "positive"
        await driver.press("u")
        await driver.until_seen("nothing to undo")


async def test_the_list_moves_meanwhile_and_other_edits_wait(start, large, said):
    async with start(large) as driver:
        await mark_all(driver)
        with locked(large):
            await answer(driver, "2", "Go on?")
            await driver.until(lambda: f"Changing {MANY:,} …" in said)
            await driver.press("g", "j", "x", "1", "u", "j")
            assert driver.current == 4
            await driver.until_seen("4 edits wait to be saved")
        await driver.until_seen("Undone: tweet 2.")
        kinds = [event["kind"] for event in driver.history(2)]
        assert kinds == ["gold import", "bulk", "exclude", "set", "undo"]
        assert (driver.tweet(2).label, driver.tweet(2).flags) == ("negative", ["excluded"])
        assert len(driver.history(3)) == 2


async def test_what_cannot_be_saved_changes_nothing_and_keeps_the_marks(start, large, monkeypatch):
    async with start(large) as driver:
        await mark_all(driver)
        monkeypatch.setattr(store_module, "BUSY_MS", 50)
        with locked(large):
            await answer(driver, "x", f"{MANY:,} included → excluded")
            await driver.until_seen("is being written by")
        assert len(driver.app._browse.tweets.marked) == MANY
        assert driver.tweet(1).flags == []
        await answer(driver, "x", "Go on?")
        await driver.until_seen("excluded from training")
        assert driver.tweet(MANY).flags == ["excluded"]


async def test_a_missing_prediction_among_many_is_said(start, large):
    async with start(large) as driver:
        await mark_all(driver)
        await driver.press("space")
        await driver.until_seen("no prediction to take")
        assert len(driver.history(1)) == 1


def test_what_was_kept_is_no_longer_looked_at_once_that_is_undone():
    kept = UndoPreview(1, {("label", "negative", "negative"): 59}, 0)
    assert undo_question("undo", kept) == (
        "undo: 59 tweets would stay as they are, and no longer count as looked at. Go on?"
    )
    assert undo_question("redo", kept).endswith("stay as they are, and count as looked at. Go on?")
