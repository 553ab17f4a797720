"""The keys that change labels: what they write, what they show, what they leave alone."""

import pytest
from textual import events


async def test_a_digit_labels_and_goes_on(start):
    async with start() as driver:
        await driver.press("2")
        assert driver.tweet(1).label == "negative"
        assert driver.tweet(1).gold == "positive"
        assert driver.current == 2
        assert driver.lines[2].split()[:3] == ["✓", "pos›neg", "pos~.90"]


async def test_the_initial_of_a_label_labels_nothing(start):
    async with start() as driver:
        await driver.press("p", "n")
        await driver.until_seen("n labels nothing; press 2 for negative.")
        assert len(driver.history(1)) == 1
        assert driver.current == 1


async def test_letters_label_where_the_settings_say_so_and_none_that_moves(start, workspace):
    path = workspace / "workbench.toml"
    path.write_text(path.read_text().replace("initials = false", "initials = true"))
    async with start() as driver:
        assert "1/p positive  2 negative" in driver.lines[-1]
        await driver.press("2", "p", "n")
        await driver.until_seen("n labels nothing; press 2 for negative.")
        assert [driver.tweet(number).label for number in (1, 2)] == ["negative", "positive"]
        assert driver.current == 3


async def test_a_chosen_letter_that_means_something_else_is_said_at_the_start(start, workspace):
    path = workspace / "workbench.toml"
    path.write_text(path.read_text().replace("[keys]", '[keys]\nnegative = "n"\npositive = "w" #'))
    async with start(size=(160, 40)) as driver:
        await driver.until_seen("'n' is not the key of negative")
        await driver.press("w")
        await driver.until_seen("Tweet 1: kept positive.")


async def test_the_event_says_what_was_on_the_screen(start):
    async with start() as driver:
        await driver.press("1")
        event = driver.history(1)[-1]
        assert (event["kind"], event["annotator"], event["queue"], event["run"]) == (
            "set",
            "ana",
            None,
            2,
        )


async def test_a_digit_without_a_label_says_so(start):
    async with start() as driver:
        await driver.press("7")
        await driver.until_seen("There is no label 7")
        assert driver.current == 1
        assert len(driver.history(1)) == 1


async def test_the_present_label_once_more_keeps_it_which_is_marked_said_and_found(start):
    async with start() as driver:
        assert driver.lines[2][2] == " "
        await driver.press("1")
        await driver.until_seen("Tweet 1: kept positive.")
        assert driver.lines[2][2] == "k"
        await driver.press("slash")
        await driver.type("reviewed:yes")
        await driver.press("enter")
        await driver.until_seen("▸ reviewed:yes")
        assert list(driver.app._browse.tweets.ids) == [1]
        await driver.until_seen("now positive kept")
        await driver.press("u")
        await driver.until(lambda: driver.lines[2][2] == " ")


async def test_a_key_is_confirmed_until_the_cursor_moves_on(start):
    async with start() as driver:
        await driver.press("2")
        await driver.until_seen("Tweet 1: positive → negative.")
        await driver.settled()
        assert "Tweet 1: positive → negative." in driver.text
        await driver.press("j")
        await driver.until(lambda: "Tweet 1:" not in driver.text)
        await driver.press("7")
        await driver.until_seen("There is no label 7")
        await driver.press("0")
        await driver.until_seen("Tweet 3: negative → none.")
        await driver.press("u")
        await driver.until_seen("Undone: tweet 3.")
        await driver.press("k")
        await driver.until(lambda: "Undone" not in driver.text)


async def test_space_takes_the_prediction(start):
    async with start() as driver:
        await driver.press("j", "j", "space")
        assert driver.tweet(3).label == "positive"
        assert driver.current == 4


async def test_space_without_a_prediction_changes_nothing(start):
    async with start() as driver:
        await driver.press("G", "k", "k", "space")
        await driver.until_seen("no prediction")
        assert driver.tweet(10).label is None


async def test_clear(start):
    async with start() as driver:
        await driver.press("0")
        assert driver.tweet(1).label is None


@pytest.mark.parametrize(("key", "mark"), [("x", "excluded"), ("f", "review"), ("a", "ambiguous")])
async def test_marks_are_set_and_removed_in_place(start, key, mark):
    async with start() as driver:
        await driver.press(key)
        assert driver.tweet(1).flags == [mark]
        assert driver.lines[2][3] == key
        assert driver.current == 1
        await driver.press(key)
        assert driver.tweet(1).flags == []


async def test_a_note(start):
    async with start() as driver:
        await driver.press("e")
        await driver.type("ask 1 n x")
        assert driver.tweet(1).label == "positive"
        await driver.press("enter")
        assert driver.tweet(1).note == "ask 1 n x"
        await driver.until_seen("  ask 1 n x")


async def test_escape_leaves_a_note_as_it_was(start):
    async with start() as driver:
        await driver.press("e", "h", "i", "escape")
        assert driver.tweet(1).note is None
        await driver.press("2")
        assert driver.tweet(1).label == "negative"


async def test_a_first_label_is_not_shown_as_one_that_was_kept(start):
    async with start() as driver:
        await driver.press("G", "k", "k", "1")
        await driver.until(lambda: driver.tweet(10).label == "positive")
        await driver.until(lambda: "›" in driver.lines[11][:14])
        assert "k" not in driver.lines[11][:6]


async def test_the_row_on_which_the_cursor_rests_shows_what_is_taken_back(start):
    async with start() as driver:
        await driver.settled()
        for key, sign in (("x", "x"), ("u", " "), ("f", "f"), ("f", " ")):
            await driver.press(key)
            await driver.until(lambda sign=sign: driver.lines[2][3] == sign)


async def test_undo_and_redo_go_to_the_tweet(start):
    async with start() as driver:
        await driver.press("2", "j", "j", "j", "u")
        assert driver.tweet(1).label == "positive"
        assert driver.current == 1
        await driver.press("G", "ctrl+r")
        assert driver.tweet(1).label == "negative"
        assert driver.current == 1
        await driver.press("u", "u")
        await driver.until_seen("nothing to undo")


async def test_marked_tweets_are_labelled_in_one_step(start, given):
    async with start() as driver:
        await driver.press("v", "v", "j", "v")
        assert driver.lines[2][1] == "*"
        await driver.press("2")
        assert [driver.tweet(number).label for number in (1, 2, 4)] == ["negative"] * 3
        assert driver.history(4)[-1]["kind"] == "bulk"
        assert driver.lines[2][1] == " "
        await driver.press("u")
        expected = [given[number - 1][1] for number in (1, 2, 4)]
        assert [driver.tweet(number).label for number in (1, 2, 4)] == expected


async def test_a_range_is_marked(start):
    async with start() as driver:
        await driver.press("j", "v", "j", "j", "V", "x")
        excluded = [number for number in range(1, 13) if driver.tweet(number).excluded]
        assert excluded == [2, 3, 4, 5]


async def test_escape_unmarks(start):
    async with start() as driver:
        await driver.press("v", "v", "escape", "x")
        assert [driver.tweet(number).excluded for number in (1, 2, 3)] == [False, False, True]


async def test_predictions_are_taken_for_all_marked_tweets(start):
    async with start() as driver:
        await driver.press("v", "v", "v", "space")
        assert [driver.tweet(n).label for n in (1, 2, 3)] == ["positive", "negative", "positive"]


@pytest.mark.parametrize("opener", ["slash", "e"])
async def test_no_key_of_a_burst_labels_what_was_meant_for_an_input(start, opener):
    async with start() as driver:
        await driver.settled()
        for key in (opener, "n", "1", "x", "space", "u"):
            name = {"slash": "/", "space": " "}.get(key, key)
            driver.app.post_message(events.Key(key, name))
        await driver.until_seen("n1x u")
        assert len(driver.history(1)) == 1


async def test_no_key_of_a_burst_labels_behind_another_screen(start):
    async with start() as driver:
        for key in ("s", "n", "1", "x"):
            driver.app.post_message(events.Key(key, key))
        await driver.until_seen("Sort by")
        assert len(driver.history(1)) == 1


async def test_different_predictions_are_taken_as_one_step(start, given):
    async with start() as driver:
        await driver.press("v", "v", "v", "space")
        await driver.until_seen("1 of 3 tweets changed to positive, 2 had theirs already (one")
        await driver.press("u")
        assert [driver.tweet(n).label for n in (1, 2, 3)] == [label for _, label in given[:3]]
        await driver.press("u")
        await driver.until_seen("nothing to undo")


async def test_undo_of_many_goes_to_the_first_that_is_in_the_list(start):
    async with start() as driver:
        await driver.press("v", "j", "v", "2")
        await driver.press("slash")
        await driver.type("id:>2")
        await driver.press("enter")
        await driver.at_rest()
        await driver.press("G", "u")
        await driver.until_seen("Undone: 2 tweets.")
        assert driver.current == 3
        await driver.press("slash")
        await driver.type(" id:>3")
        await driver.press("enter")
        await driver.at_rest()
        await driver.press("ctrl+r")
        await driver.until_seen("Done again: 2 tweets, not in this list.")


async def test_counts_and_details_follow_a_change_of_several(start):
    async with start() as driver:
        await driver.press("v", "j", "v", "k", "2")
        await driver.until_seen("1 of 2 tweets changed to negative, 1 had it (one undo step).")
        await driver.until_seen("1 fixed")
        await driver.until_seen("now negative kept")
        await driver.press("u")
        await driver.until_seen("0 fixed")
