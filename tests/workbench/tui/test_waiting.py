"""Another process writes while keys are pressed: they are taken, in order, and nothing freezes."""

import threading
from contextlib import contextmanager

import pytest

from storage import store as store_module
from storage.history import labels
from storage.runs import runs
from storage.store import open_store
from storage.transactions import transaction

WAITING = "to be saved, as another process is writing"


@pytest.fixture
def ben(workspace):
    store = open_store(workspace, "ben")
    yield store
    store.close()


@contextmanager
def given_up(store):
    """Holds the lock, and takes back what was written meanwhile."""
    with pytest.raises(InterruptedError), transaction(store.db):
        yield
        raise InterruptedError


def waiting(driver):
    """The rows that are shown as waiting."""
    return [row for row, line in enumerate(driver.lines[2:14], start=1) if line[1] == "…"]


async def test_keys_are_taken_in_order_and_nothing_is_shown_as_saved_before_it_is(start, ben):
    async with start() as driver:
        with transaction(ben.db):
            await driver.press("2", "1", "x", "j", "2", "u")
            await driver.until_seen(f"5 edits wait {WAITING}")
            assert driver.current == 5
            assert waiting(driver) == [1, 2, 3, 4]
            assert [line[4:8].strip() for line in driver.lines[2:6]] == [
                "pos",
                "neg",
                "neg",
                "pos",
            ]
            assert "0 fixed" in driver.text
            assert driver.tweet(1).label == "positive"
        await driver.until_seen("Undone: tweet 4.")
        assert [driver.tweet(number).label for number in (1, 2, 4)] == [
            "negative",
            "positive",
            "positive",
        ]
        assert driver.tweet(3).flags == ["excluded"]
        await driver.until(lambda: waiting(driver) == [])
        await driver.until_seen("2 fixed")
        await driver.press("2")
        assert driver.tweet(4).label == "negative"


async def test_a_key_acts_on_what_the_waiting_ones_before_it_will_have_made(start, ben):
    async with start() as driver:
        with transaction(ben.db):
            await driver.press("2", "k", "1", "k", "1", "k", "x", "x", "f")
            await driver.until_seen(f"6 edits wait {WAITING}")
        await driver.until_seen("Tweet 1 flagged")
        changes = [(event["old"], event["new"]) for event in driver.history(1)[1:4]]
        assert changes == [("positive", "negative"), ("negative", "positive"), ("positive",) * 2]
        assert driver.tweet(1).flags == ["review"]


async def test_a_label_that_came_first_gives_up_what_waits_behind_it(start, ben):
    async with start() as driver:
        with transaction(ben.db):
            labels.assign(ben, [1], None)
            await driver.press("2", "2", "u")
            await driver.until_seen(WAITING)
        await driver.until_seen("Tweet 1: annotator ben took its label away ")
        await driver.until_seen("2 edits after it not made either.")
        assert driver.current == 1
        await driver.until(lambda: waiting(driver) == [])
        assert len(driver.history(2)) == 1
        await driver.press("2")
        assert driver.tweet(1).label == "negative"


async def test_marks_are_back_when_nothing_came_of_it(start, ben, monkeypatch):
    async with start() as driver:
        with given_up(ben):
            await driver.press("v", "v", "2")
            assert waiting(driver) == [1, 2]
            monkeypatch.setattr(store_module, "BUSY_MS", 0)
            await driver.until_seen("is being written by")
        assert driver.app._browse.tweets.marked == {1, 2}
        assert driver.tweet(1).label == "positive"
        await driver.press("2")
        assert driver.tweet(1).label == "negative"


async def test_a_single_label_that_cannot_be_saved_leads_back_to_its_tweet(start, ben, monkeypatch):
    async with start() as driver:
        with given_up(ben):
            await driver.press("2", "j", "j")
            assert driver.current == 4
            monkeypatch.setattr(store_module, "BUSY_MS", 0)
            await driver.until_seen("is being written by")
        assert driver.current == 1
        assert len(driver.history(1)) == 1


async def test_a_note_that_could_not_be_written_is_put_back_into_the_line(start, ben):
    async with start() as driver:
        with transaction(ben.db):
            labels.annotate(ben, 1, "theirs")
            await driver.press("e")
            await driver.type("mine")
            await driver.press("enter", "j")
            await driver.until_seen(WAITING)
        await driver.until_seen("annotator ben wrote the note “theirs” ")
        await driver.press("enter")
        assert driver.tweet(1).note == "mine"


async def test_quitting_waits_for_what_is_not_saved(start, ben):
    async with start() as driver:
        with transaction(ben.db):
            await driver.press("2", "2", "q")
            await driver.until_seen("2 edits wait to be saved")
            await driver.until_seen("q again closes without")
        await driver.until(lambda: not driver.app.is_running)
    assert driver.app.problem is None
    assert [labels.history(ben, number)[-1]["annotator"] for number in (1, 2)] == ["ana", "ana"]


async def test_quitting_twice_says_what_was_not_saved(start, ben):
    with transaction(ben.db):
        async with start() as driver:
            await driver.press("2", "2", "q", "q")
    assert driver.app.problem == "2 edits were not saved, as the program was closed before."
    assert len(labels.history(ben, 1)) == 1


async def test_a_key_that_comes_before_the_runs_are_read_is_done_when_they_are(start, monkeypatch):
    read, every = threading.Event(), runs.every
    monkeypatch.setattr(runs, "every", lambda store, **how: read.wait(30) and every(store, **how))
    async with start() as driver:
        await driver.press("r", "D")
        assert "no runs yet" not in driver.text
        read.set()
        await driver.until_seen("Delete run 2")
