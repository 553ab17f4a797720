"""Tweets that somebody takes out while a screen shows them, or is just reading them."""

from contextlib import contextmanager

import pytest

from storage.history import label_set, labels
from storage.runs import runs
from storage.store import open_store
from storage.transfer import removing, traces
from workbench.tui import list_screen
from workbench.tui.list_screen import ListSettings

COUNT = 70


@pytest.fixture
def workspace(make_workspace, tmp_path):
    rows = [(f"tweet {n} to the moon", "positive") for n in range(1, COUNT + 1)]
    made = make_workspace(tmp_path / "work", rows, with_runs=False)
    store = open_store(made, "ana")
    runs.add(store, "baseline", "baseline", "baseline", None, ("positive", "negative"))
    ranked = [(n, 0.99, "run 1 baseline") for n in range(1, COUNT + 1)]
    runs.save_queue(store, "suspects", ranked, run=1)
    store.close()
    return made


@pytest.fixture
def ben(workspace, monkeypatch):
    """Somebody else, whose deletions leave their traces, which takes no time."""
    monkeypatch.setattr(traces, "wipe", lambda writer: None)
    store = open_store(workspace, "ben")
    yield store
    store.close()


@contextmanager
def before_statement(store, number, act):
    """Have something happen just before a store executes its next, or a later, statement."""
    read = []

    def executing(sql):
        read.append(sql)
        if len(read) == number:
            store.db.set_trace_callback(None)
            act()

    store.db.set_trace_callback(executing)
    yield read
    store.db.set_trace_callback(None)


@pytest.mark.parametrize("place", ["Q", "B", "card"])
async def test_a_tweet_may_be_taken_out_at_any_moment_of_drawing_it(
    start, stub, ben, monkeypatch, place
):
    monkeypatch.setattr(list_screen, "data_version", lambda store: None)  # it is not looked for
    async with start(program=stub.program) as driver:
        await driver.settled()
        await driver.press({"Q": "Q", "B": "G", "card": "enter"}[place])
        await driver.pilot.pause()
        if place == "Q":
            await driver.until_seen("1 of ")
        screen, moment, done = driver.app.screen, 0, False
        draw = screen.draw if place == "Q" else screen._settled
        while not done:
            moment += 1
            here = screen.tweets.current_id
            with before_statement(
                driver.app.store, moment, lambda here=here: removing.delete(ben, [here])
            ) as read:
                draw()
            done = len(read) < moment
            if not done:
                draw()
                await driver.until(lambda here=here: screen.tweets.current_id != here)
        assert moment > 10
        assert driver.app.is_running and not driver.app.problem


@pytest.mark.parametrize("card", [False, True])
async def test_tweets_that_are_taken_out_leave_the_list(start, ben, card):
    async with start() as driver:
        await driver.settled()
        await driver.press("down", *(["enter"] if card else []))
        await driver.pilot.pause()
        screen = driver.app.screen
        here, following, *rest = screen.tweets.ids[1:]
        removing.delete(ben, [here, following])
        await driver.until_seen(f"#{rest[0]} ·")
        assert [*screen.tweets.ids[1:]] == rest
        assert driver.current == rest[0]
        await driver.press("2")
        await driver.until_seen(f"Tweet {rest[0]}: positive → negative.")
        removing.delete(ben, list(screen.tweets.ids))
        await driver.until(lambda: not screen.tweets.ids)
        await driver.press("2")
        await driver.until_seen(list_screen.NO_TWEET)


async def test_a_key_for_a_tweet_that_is_gone_says_so(start, ben, monkeypatch):
    monkeypatch.setattr(list_screen, "data_version", lambda store: None)
    async with start() as driver:
        await driver.settled()
        removing.delete(ben, [1])
        await driver.press("2")
        await driver.until_seen("There is no tweet 1 any more")
        await driver.until(lambda: driver.current == 2)
        await driver.press("2")
        await driver.until_seen("Tweet 2: positive → negative.")


async def test_a_filter_that_is_being_typed_is_not_given_up_for_a_deletion(start, ben):
    async with start() as driver:
        await driver.settled()
        await driver.press("slash")
        await driver.type("id:1")
        await driver.until(lambda: list(driver.app.screen.tweets.ids) == [1])
        removing.delete(ben, [1, 2])
        await driver.until(lambda: driver.app.screen.tweets.current is None)
        await driver.press("escape")
        await driver.until(lambda: list(driver.app.screen.tweets.ids) == [*range(3, COUNT + 1)])


async def test_a_deletion_while_a_list_is_searched_for_brings_back_no_other(start, ben):
    async with start() as driver:
        await driver.settled()
        browse = driver.app._browse
        removing.delete(ben, [1, 2])
        browse.find(ListSettings("id:>3"))
        browse.leave_out_deleted()
        await driver.until(lambda: list(browse.tweets.ids) == [*range(4, COUNT + 1)])
        browse.find(ListSettings())
        browse.sort_by("length")
        await driver.until(lambda: browse.settings == ListSettings(sort="length"))


async def test_a_label_that_is_only_just_added_is_an_answer_in_the_queue(
    start, stub, ben, monkeypatch
):
    monkeypatch.setattr(list_screen, "data_version", lambda store: None)
    async with start(program=stub.program) as driver:
        await driver.press("Q")
        await driver.until_seen("1 of ")
        screen = driver.app.screen
        label_set.add(ben, "neutral")
        labels.assign(ben, [screen.tweets.current_id], "neutral")
        screen.draw()
        await driver.until_seen("annotator ben made it neutral")
        assert driver.app.is_running
