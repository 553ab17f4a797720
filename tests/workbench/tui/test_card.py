"""The card of one tweet: `enter` opens it, and only there does it keep the label."""

import re

import pytest

from storage.history import labels
from storage.store import open_store
from storage.transactions import transaction


@pytest.fixture
def ben(workspace):
    store = open_store(workspace, "ben")
    yield store
    store.close()


async def test_enter_in_the_list_writes_nothing_and_on_the_card_it_keeps(start):
    async with start() as driver:
        await driver.press("enter")
        await driver.until_seen("[enter] keep positive")
        assert len(driver.history(1)) == 1
        await driver.press("enter")
        event = driver.history(1)[-1]
        assert (event["kind"], event["old"], event["new"]) == ("set", "positive", "positive")
        await driver.until_seen("Tweet 1: kept positive.")
        await driver.until_seen("[enter] keep negative")
        await driver.until_seen("#2 · test")


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_a_tweet_without_room_says_how_much_follows_above_its_buttons(
    start, make_workspace, tmp_path, size
):
    text = " ".join(f"word{n}" for n in range(500)) + " end"
    folder = make_workspace(tmp_path / "long", [(text, "positive")], with_runs=False)
    async with start(folder, size=size) as driver:
        await driver.press("enter")
        await driver.until(lambda: re.search(r"\d+ lines more: J K", driver.text))
        assert "word0 " in driver.text and "[enter] keep positive" in driver.text
        more = int(re.search(r"(\d+) lines more", driver.text)[1])
        await driver.press("J")
        await driver.until_seen(f"{more - 1} lines more: J K")
        await driver.press(*["J"] * (more - 1))
        await driver.until_seen(f"{more} lines above: K")
        await driver.until_seen("imported as positive")
        assert "word0 " not in driver.text and "[enter] keep positive" in driver.text
        await driver.press("J")
        await driver.until_seen("nothing more below")


@pytest.mark.parametrize("key", ["escape", "q", "B"])
async def test_the_card_is_left_for_the_list(start, key):
    async with start() as driver:
        await driver.press("enter", "2", "j")
        await driver.until_seen("#3 · train")
        assert driver.tweet(1).label == "negative"
        await driver.press(key)
        await driver.until(lambda: driver.lines[4].startswith("▌ "))
        assert driver.lines[2].split()[:2] == ["✓", "pos›neg"]
        await driver.press("enter")
        await driver.until_seen("[enter] keep")


async def test_a_tweet_without_a_label_has_nothing_to_keep(start):
    async with start() as driver:
        await driver.press("G", "k", "k", "enter")
        await driver.until_seen("#10 · ")
        assert "[enter]" not in driver.text
        await driver.press("enter")
        await driver.until_seen("no label to keep")
        assert driver.current == 10


async def test_all_keys_act_on_the_tweet_that_is_seen_and_not_on_marks(start):
    async with start() as driver:
        await driver.press("v", "v", "enter", "2", "x", "v", "V")
        assert [driver.tweet(number).label for number in (1, 2, 3)] == [
            "positive",
            "negative",
            "negative",
        ]
        assert len(driver.history(1)) == len(driver.history(2)) == 1
        assert driver.tweet(4).flags == ["excluded"]
        await driver.until_seen("On a card every key acts on its tweet alone")
        assert driver.app._browse.tweets.marked == {1, 2}
        await driver.press("e")
        await driver.type("odd")
        await driver.press("enter")
        await driver.until_seen("note       odd")
        await driver.press("u", "u", "u")
        await driver.until_seen("#3 · train")


async def test_a_label_of_somebody_else_is_shown_on_the_card_before_it_is_overruled(
    start, ben, monkeypatch
):
    monkeypatch.setattr("workbench.tui.list_screen.ListScreen.look_for_changes", lambda self: None)
    async with start() as driver:
        await driver.press("enter")
        await driver.until_seen("[enter] keep positive")
        labels.assign(ben, [1], "negative")
        await driver.press("enter")
        await driver.until_seen(": enter again to overrule.")
        assert "annotator ben made it negative" in driver.text
        await driver.until_seen("[enter] keep negative")
        await driver.press("enter")
        await driver.until_seen("Tweet 1: kept negative.")


async def test_what_others_do_comes_onto_the_card(start, ben):
    async with start() as driver:
        await driver.press("enter")
        await driver.until_seen("[enter] keep positive")
        labels.assign(ben, [1], "negative")
        await driver.until_seen("[enter] keep negative")


async def test_the_card_says_that_an_edit_is_not_saved_yet(start, ben):
    async with start() as driver:
        with transaction(ben.db):
            await driver.press("enter", "2", "k")
            await driver.until_seen("#1 · train · t1 · … an edit is not saved yet")
            await driver.until_seen("now        positive")
        await driver.until_seen("now        negative  corrected")
        await driver.until(lambda: "not saved yet" not in driver.text)


async def test_a_filter_without_results_closes_the_card(start):
    async with start() as driver:
        await driver.press("enter", "slash")
        await driver.type("id:>99")
        await driver.press("enter")
        await driver.until_seen("No tweet passes this filter")
