"""A change of many tweets, or of some that are not on the screen, is asked for with its counts."""

from threading import Event

import pytest

from storage.history import labels
from storage.store import open_store
from workbench.tui.editing import edits
from workbench.tui.editing.edits import MAX_UNASKED
from workbench.tui.widgets import rows
from workbench.tui.widgets.detail_pane import DetailPane
from workbench.tui.widgets.tweet_list import TweetList

MANY = 60
GO_ON = "Go on?"


@pytest.fixture
def large(make_workspace, tmp_path):
    texts = [(f"tweet number {n}", ("positive", "negative", "")[n % 3]) for n in range(MANY)]
    return make_workspace(tmp_path / "large", texts, with_runs=False)


async def mark(driver, count):
    await driver.press("v", *["j"] * (count - 2), "V")
    await driver.until_seen(f"{count} marked")


async def test_as_many_as_fit_on_the_screen_are_changed_at_once(start, large):
    async with start(large) as driver:
        await mark(driver, MAX_UNASKED)
        await driver.press("2")
        await driver.until_seen("13 of 20 tweets changed to negative, 7 had it (one undo step).")


async def test_one_more_is_asked_for_with_what_would_become_what(start, large):
    async with start(large) as driver:
        await mark(driver, MAX_UNASKED + 1)
        await driver.press("2")
        await driver.until_seen(
            "14 of 21 tweets would change: 7 none → negative, 7 positive → negative, 7 stay as "
            "they are. Go on?"
        )
        await driver.press("escape")
        await driver.until_seen("Nothing is changed.")
        assert len(driver.history(1)) == 1
        assert len(driver.app._browse.tweets.marked) == MAX_UNASKED + 1
        await driver.press("2")
        await driver.until_seen(GO_ON)
        await driver.press("enter")
        await driver.until_seen("14 of 21 tweets changed to negative, 7 had it")
        assert [driver.tweet(number).label for number in (1, 3, 21)] == ["negative"] * 3
        assert driver.app._browse.tweets.marked == set()
        await driver.press("u")
        await driver.until_seen(
            "undo: 14 of 21 tweets would change: 7 negative → none, 7 negative → positive"
        )
        await driver.press("escape")
        assert driver.tweet(1).label == "negative"
        await driver.press("u")
        await driver.until_seen("undo: 14 of")
        await driver.press("enter")
        await driver.until_seen("Undone: 21 tweets.")
        assert [driver.tweet(number).label for number in (1, 2, 3)] == [
            "positive",
            "negative",
            None,
        ]


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        ("x", "2 included → excluded"),
        ("f", "2 not flagged → flagged"),
        ("a", "2 not ambiguous → ambiguous"),
        ("0", "1 positive → none, 1 stays as it is"),
        ("1", "1 none → positive, 1 stays as it is"),
    ],
)
async def test_a_tweet_out_of_sight_is_asked_for_whatever_the_key(start, large, key, asked):
    async with start(large, size=(120, 24)) as driver:
        await driver.press("v", "G", "v")
        await driver.press(key)
        await driver.until_seen(asked)
        await driver.press("n")
        assert len(driver.history(1)) == 1


async def test_one_that_somebody_changes_meanwhile_is_asked_for_again(start, large):
    async with start(large) as driver:
        await mark(driver, MAX_UNASKED + 1)
        await driver.press("2")
        await driver.until_seen(GO_ON)
        ben = open_store(large, "ben")
        labels.assign(ben, [1, 3], "negative")
        ben.close()
        await driver.press("enter")
        await driver.until_seen("2 of 21 tweets were changed meanwhile, last by annotator ben ")
        await driver.until_seen("12 of 21 tweets would change: 6 none → negative, 6 positive")
        assert driver.tweet(4).label == "positive"
        await driver.press("enter")
        await driver.until_seen("12 of 21 tweets changed to negative, 9 had it")


async def test_undo_does_what_was_shown_or_nothing(start, large):
    async with start(large) as driver:
        await mark(driver, MAX_UNASKED + 1)
        await driver.press("x")
        await driver.until_seen(GO_ON)
        await driver.press("enter")
        await driver.until_seen("21 tweets excluded from training (one undo step).")
        await driver.press("u")
        await driver.until_seen("undo: 21 of 21 tweets would change: 21 excluded → included")
        other = open_store(large, "ana")
        labels.assign(other, [50], "negative")
        other.close()
        await driver.press("enter")
        await driver.until_seen("Something else was done meanwhile")
        assert driver.tweet(1).excluded
        assert driver.tweet(50).label == "negative"


async def test_no_question_comes_over_another_screen(start, large, monkeypatch):
    counted = Event()
    states = edits.states

    def slowly(*arguments):
        counted.wait()
        return states(*arguments)

    async with start(large) as driver:
        await driver.press("v", "G", "V")
        monkeypatch.setattr("workbench.tui.editing.save_queue.MAX_IMMEDIATE", 0)
        monkeypatch.setattr(edits, "states", slowly)
        await driver.press("2", "R")
        await driver.until_seen("There are no runs yet")
        counted.set()
        await driver.until_seen("Nothing is changed yet; 2 in the list asks again.")
        assert len(driver.history(1)) == 1


async def test_the_list_jumps_seldom_and_most_of_it_lies_ahead(start, large):
    async with start(large, size=(120, 30)) as driver:
        tweets = driver.app._browse.tweets
        height, tops = tweets.size.height, [0]
        for rows_down in [1] * (MANY - 1) + [-1] * (MANY - 1):
            before = tweets.scroll_offset.y
            tweets.action_step(rows_down)
            top = tweets.scroll_offset.y
            assert top <= tweets.cursor < top + height
            if top != before:
                tops.append(top)
                ahead = top + height - 1 - tweets.cursor if rows_down > 0 else tweets.cursor - top
                assert ahead > height / 2 or top in (0, MANY - height)
        assert len(tops) <= 1 + 2 * (MANY / (height * 3 // 4) + 1), tops


async def test_the_list_jumps_while_the_hand_rests_at_its_edge_but_not_under_the_mouse(
    start, large
):
    async with start(large, size=(120, 30)) as driver:
        tweets = driver.app._browse.tweets
        last = tweets.size.height - 1
        tweets.go(last - 1)
        await driver.press("j")
        await driver.settled()
        await driver.until(lambda: tweets.scroll_offset.y > 0)
        assert tweets.cursor == last
        await driver.press("g", "2")
        await driver.settled()
        assert tweets.scroll_offset.y == 0
        await driver.pilot.click(TweetList, offset=(5, last))
        await driver.settled()
        await driver.pilot.pause(0.3)
        assert (tweets.cursor, tweets.scroll_offset.y) == (last, 0)


async def test_the_rows_of_the_next_page_are_written_while_the_hand_rests(
    drawn, start, large, monkeypatch
):
    async with start(large, size=(120, 30)) as driver:
        await driver.settled()
        written, render = [], rows.render

        def watch(row, *rest, **more):
            written.append(row.tweet.id)
            return render(row, *rest, **more)

        monkeypatch.setattr(rows, "render", watch)
        await driver.press("pagedown")
        await driver.settled()
        await driver.until(lambda: MANY in written)
        written.clear()
        await driver.press("pagedown")
        assert len(written) <= 2, "those are written before the key comes"
        await driver.until(lambda: f"#{driver.app._browse.tweets.current_id} " in driver.text)
        shown = "\n".join(driver.lines)
        driver.app._browse.tweets.refresh()
        driver.app._browse.tweets._strips.clear()
        await driver.pilot.pause()
        assert shown == "\n".join(driver.lines)


async def test_the_rows_of_the_next_jump_are_written_step_by_step(drawn, start, large, monkeypatch):
    async with start(large, size=(120, 30)) as driver:
        await driver.settled()
        tweets, written, render = driver.app._browse.tweets, [], rows.render

        def watch(row, *rest, **more):
            written.append(row.tweet.id)
            return render(row, *rest, **more)

        monkeypatch.setattr(rows, "render", watch)
        for key in ["1"] * (MANY - 1) + ["k"] * (MANY - 1):
            top, before = tweets.scroll_offset.y, len(written)
            await driver.press(key)
            await driver.pilot.pause()
            if tweets.scroll_offset.y != top:
                assert len(written) - before <= 6, "a jump costs as much as another step"


async def test_the_list_rests_below_another_place_and_is_read_when_it_is_seen_again(
    start, large, monkeypatch
):
    async with start(large, size=(120, 30)) as driver:
        await driver.settled()
        await driver.press("R")
        await driver.until(lambda: driver.app.screen.name == "runs")
        monkeypatch.setattr(DetailPane, "show", lambda *what: pytest.fail("the list works unseen"))
        other = open_store(large, "ben")
        labels.assign(other, [1], "negative")
        other.close()
        await driver.until_seen("1 fixed")
        monkeypatch.undo()
        await driver.press("B")
        await driver.until_seen("✓")
