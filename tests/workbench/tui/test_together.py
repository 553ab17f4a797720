"""Somebody else at work on the same tweets: nothing of theirs is overwritten unseen, or unshown."""

import pytest

from storage.history import labels, snapshots
from storage.store import open_store, set_labels

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.fixture
def ben(workspace):
    store = open_store(workspace, "ben")
    yield store
    store.close()


@pytest.fixture
def blind(monkeypatch):
    """The screen does not look for what others do before a key is pressed."""
    monkeypatch.setattr("workbench.tui.list_screen.ListScreen.look_for_changes", lambda self: None)


def listen(driver, monkeypatch):
    """Collects what is sent to the terminal from now on."""
    sent = []

    def display(screen, update):
        if update is not None:
            sent.append(update.render_segments(driver.app.console))

    monkeypatch.setattr(driver.app, "_display", display)
    return sent


async def test_a_label_of_somebody_else_is_overwritten_only_once_it_was_shown(start, ben, blind):
    async with start() as driver:
        await driver.settled()
        labels.assign(ben, [1], "negative")
        await driver.press("1")
        await driver.until_seen("Tweet 1: annotator ben made it negative ")
        assert driver.text.count(": 1 again to overrule.") == 1
        assert driver.current == 1
        assert [event["annotator"] for event in driver.history(1)] == ["ana", "ben"]
        await driver.until(lambda: "pos›neg" in driver.lines[2])
        await driver.until_seen("1 fixed")
        await driver.press("1")
        await driver.until_seen("Tweet 1: negative → positive.")
        assert driver.current == 2
        assert driver.tweet(1).label == "positive"


async def test_a_second_screen_of_the_same_user_overwrites_nothing_unseen_either(
    start, workspace, blind
):
    other = open_store(workspace, "ana")
    async with start() as driver:
        await driver.settled()
        labels.assign(other, [1], "negative")
        await driver.press("1")
        await driver.until_seen("Tweet 1: annotator ana made it negative ")
        await driver.press("u")
        await driver.until_seen("Undone: tweet 1.")
        assert driver.tweet(1).label == "positive", "whose last step it was, on either screen"
    other.close()


@pytest.mark.parametrize("key", ["2", "space", "0"])
async def test_every_key_that_labels_looks_first(start, ben, blind, key):
    async with start() as driver:
        labels.assign(ben, [1], None)
        await driver.press(key)
        await driver.until_seen(f": {key} again to overrule")
        assert "annotator ben took its label away" in driver.text
        assert len(driver.history(1)) == 2


@pytest.mark.parametrize(
    ("key", "mark", "said"),
    [
        ("x", "excluded", "excluded it"),
        ("f", "review", "flagged it"),
        ("a", "ambiguous", "marked it as ambiguous"),
    ],
)
async def test_every_mark_too_and_the_label_is_no_matter_then(start, ben, blind, key, mark, said):
    async with start() as driver:
        labels.assign(ben, [1, 2], "negative")
        labels.mark(ben, [1], mark, True)
        await driver.press(key)
        await driver.until_seen(f"annotator ben {said} ")
        assert driver.tweet(1).flags == [mark]
        await driver.press(key)
        assert driver.tweet(1).flags == []
        await driver.press("j", key)
        assert driver.tweet(2).flags == [mark]


async def test_a_note_stays_in_the_line_until_the_other_one_was_read(start, ben, blind):
    async with start() as driver:
        await driver.press("e")
        await driver.type("mine")
        labels.annotate(ben, 1, "theirs")
        await driver.press("enter")
        await driver.until_seen("annotator ben wrote the note “theirs” ")
        assert driver.tweet(1).note == "theirs"
        await driver.press("enter")
        assert driver.tweet(1).note == "mine"
        await driver.press("2")
        assert driver.tweet(1).label == "negative"


async def test_one_of_several_holds_up_all_of_them(start, ben, blind):
    async with start() as driver:
        await driver.press("v", "v", "v")
        labels.assign(ben, [2], "positive")
        await driver.press("2")
        await driver.until_seen(": 2 again to overrule")
        assert "1 of 3 tweets was changed meanwhile, last by annotator ben" in driver.text
        assert driver.tweet(1).label == "positive"
        assert driver.app._browse.tweets.marked == {1, 2, 3}
        await driver.press("2")
        assert [driver.tweet(number).label for number in (1, 2, 3)] == ["negative"] * 3


async def test_undo_says_whose_label_it_leaves_alone(start, ben, blind):
    async with start() as driver:
        await driver.press("2")
        labels.assign(ben, [1], "positive")
        await driver.press("u")
        await driver.until_seen("Tweet 1 is left alone: annotator ben made it positive ")


async def test_a_label_from_a_clock_that_is_ahead_has_its_time(start, ben, blind, monkeypatch):
    async with start() as driver:
        labels.assign(ben, [1], "negative")
        monkeypatch.setattr("workbench.tui.editing.refusal_sentences.now", lambda: 0)
        await driver.press("1")
        await driver.until_seen("annotator ben made it negative on ")


async def test_what_others_do_is_shown_without_a_key(start, ben):
    async with start() as driver:
        await driver.settled()
        labels.assign(ben, [1, 3], "positive")
        labels.annotate(ben, 1, "seen by ben")
        await driver.until_seen("1 fixed")
        await driver.until_seen("seen by ben")
        assert "neg›pos" in driver.lines[4]
        await driver.press("j", "j", "1")
        await driver.until_seen("Tweet 3: kept positive.")


async def test_a_label_that_the_screen_did_not_know_is_shown_and_overruled(start, workspace):
    async with start() as driver:
        await driver.settled()
        ben = open_store(workspace, "ben")
        ben = set_labels(ben, ("positive", "negative", "neutral"))
        labels.assign(ben, [1], "neutral")
        ben.close()
        await driver.until(lambda: driver.lines[2].split()[1:3] == ["✓", "pos›neu"])
        await driver.until_seen("now ✓ neutral corrected")
        await driver.press("2")
        await driver.until_seen("Tweet 1: neutral → negative.")


async def test_an_idle_screen_sends_nothing(start, ben, monkeypatch):
    async with start() as driver:
        await driver.settled()
        sent, looks, settled = listen(driver, monkeypatch), [], []
        browse = driver.app._browse
        for spied, calls in ((browse, looks), (browse.tweets, settled)):
            name = "look_again" if spied is browse else "_settled"
            method = getattr(spied, name)
            spy = lambda calls=calls, method=method: (calls.append(True), method())  # noqa: E731
            monkeypatch.setattr(spied, name, spy)
        browse.look_for_changes()
        assert looks == []
        snapshots.take(ben, "nothing that is shown")
        await driver.until(lambda: looks and settled)
        await driver.pilot.pause()
        assert sent == []


async def test_only_the_rows_that_others_changed_are_sent(start, ben, given, monkeypatch):
    async with start() as driver:
        await driver.settled()
        sent = listen(driver, monkeypatch)
        labels.assign(ben, [4], "negative")
        await driver.until(lambda: "pos›neg" in driver.lines[5])
        await driver.until_seen("1 fixed")
        lines = "".join(sent)
        assert given[3][0] in lines
        assert all(text not in lines for at, (text, _) in enumerate(given[:10]) if at not in (3, 4))
