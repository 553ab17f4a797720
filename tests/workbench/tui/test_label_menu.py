"""The menu of labels by name: what it finds, what it gives, and which labels only it can give."""

import pytest

from storage.config import Config
from storage.store import create_store
from storage.transfer import importing
from workbench.tui.widgets.label_menu import LabelMenu, matching

FEELINGS = (
    *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion"),
    *("curiosity", "desire", "disappointment", "disapproval", "déjà vu", "very sad"),
)


@pytest.fixture
def feelings(tmp_path):
    """A workspace of thirteen labels, one of which has a definition and an example."""
    meant = {
        "definitions": {"very sad": "Someone weeps.", "admiration": "Looks up to somebody."},
        "examples": {"very sad": ("all gone",)},
    }
    store = create_store(tmp_path / "feelings", Config(labels=FEELINGS, **meant), "ana")
    path = tmp_path / "feelings.csv"
    rows = (f"tweet {n},{FEELINGS[n % 13]}\n" for n in range(40))
    path.write_text("text,label\n" + "".join(rows))
    importing.run(store, importing.plan(store.config, path, importing.ImportOptions()))
    store.close()
    return tmp_path / "feelings"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("ang", ["anger"]),
        ("app", ["approval", "disappointment", "disapproval"]),
        ("DEJA", ["déjà vu"]),
        ("sad", ["very sad"]),
        ("cfn", ["confusion"]),
        ("zzz", []),
    ],
)
def test_labels_are_found_by_what_is_typed_the_likeliest_first(typed, found):
    assert matching(FEELINGS, typed)[: len(found) or None] == found


def test_nothing_typed_means_all_of_them_in_their_order():
    assert matching(FEELINGS, " ") == list(FEELINGS)


async def test_a_label_without_a_digit_is_given_by_its_name(start, feelings):
    async with start(feelings) as driver:
        assert "1-9 label  , label by name" in driver.lines[-1]
        await driver.press("comma")
        await driver.until_seen("13 of 13 labels")
        assert "tweet 0" in driver.lines[2]  # the list goes on above the menu
        await driver.type("sad")
        await driver.until_seen("1 of 13 labels")
        assert "very sad  Someone weeps." in driver.text
        await driver.press("enter")
        await driver.until(lambda: driver.tweet(1).label == "very sad")
        await driver.until_seen("Tweet 1: admiration → very sad.")
        assert driver.current == 2
        assert "of 13 labels" not in driver.text


async def test_all_keys_may_come_at_once(start, feelings):
    async with start(feelings) as driver:
        await driver.press("comma", "d", "i", "s", "a", "p", "p", "r", "enter", "2")
        await driver.until(lambda: driver.tweet(2).label == "amusement")
        assert driver.tweet(1).label == "disapproval"


async def test_arrows_choose_and_esc_leaves(start, feelings):
    async with start(feelings) as driver:
        await driver.press("comma", "down", "down", "up", "enter")
        await driver.until(lambda: driver.tweet(1).label == "amusement")
        await driver.press("comma", "a", "n", "escape")
        await driver.until(lambda: "labels" not in driver.lines[-4])
        assert driver.tweet(2).label == "amusement"
        assert len(driver.history(2)) == 1
        assert driver.current == 2


async def test_a_name_that_no_label_has_is_a_new_label_if_one_says_so(start, feelings):
    async with start(feelings) as driver:
        await driver.press("comma", "z", "z")
        await driver.until_seen("0 of 13 labels")
        assert "enter adds a label of this name" in driver.lines[-1]
        await driver.press("enter")
        await driver.until_seen("There is no label “zz”. Add it, and give it? ")
        await driver.press("n")
        await driver.until_seen("Nothing is changed.")
        assert driver.tweet(1).label == "admiration"
        await driver.press("comma", "z", "z", "enter")
        await driver.until_seen("There is no label")
        await driver.press("y")
        await driver.until(lambda: driver.tweet(1).label == "zz")
        await driver.until_seen("Tweet 1: admiration → zz.")
        await driver.press("u", "u")
        await driver.until_seen("Undone: 'zz' is no label any more")
        assert driver.app.store.config.labels == FEELINGS


async def test_labels_are_added_by_name(start, feelings):
    async with start(feelings) as driver:
        await driver.press("ctrl+p")
        await driver.type("add labels")
        await driver.press("enter")
        await driver.until_seen("with commas between them")
        await driver.type("calm")
        await driver.press("enter")
        await driver.until(lambda: driver.app.store.config.labels == (*FEELINGS, "calm"))


async def test_many_marked_tweets_are_asked_for_as_by_a_digit(start, feelings):
    async with start(feelings) as driver:
        await driver.press("v", "G", "V", "comma", "s", "a", "d", "enter")
        await driver.until_seen("of 40 tweets would change")
        await driver.press("y")
        await driver.until(lambda: driver.tweet(30).label == "very sad")
        await driver.press("u")
        await driver.until_seen("Go on?")
        await driver.press("y")
        await driver.until(lambda: driver.tweet(30).label != "very sad")


async def test_the_card_names_the_menu_and_has_it(start, feelings):
    async with start(feelings) as driver:
        await driver.press("enter")
        await driver.until_seen("[,] others")
        await driver.press("comma", "s", "a", "d", "enter")
        await driver.until(lambda: driver.tweet(1).label == "very sad")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_three_hundred_labels_keep_the_place_of_the_menu(start, tmp_path, size):
    names = tuple(f"label number {n}" for n in range(1, 301))
    store = create_store(tmp_path / "many", Config(labels=names), "ana")
    path = tmp_path / "many.csv"
    path.write_text("text,label\nsome text,label number 1\n")
    importing.run(store, importing.plan(store.config, path, importing.ImportOptions()))
    store.close()
    async with start(tmp_path / "many", size=size) as driver:
        await driver.press("comma")
        await driver.until_seen("300 of 300 labels")
        menu = driver.app.screen.query_one(LabelMenu)
        place = menu.region
        assert place.bottom == size[1] - 2
        for key in "299":
            await driver.press(key)
            assert menu.region == place
        await driver.until_seen("1 of 300 labels")
        assert "▌ " in driver.lines[place.y + 1]
        assert "label number 299" in driver.lines[place.y + 1]
        await driver.press("enter")
        await driver.until(lambda: driver.tweet(1).label == "label number 299")


async def test_help_says_what_labels_mean(start, feelings):
    async with start(feelings, size=(80, 24)) as driver:
        await driver.press("question_mark")
        await driver.until_seen("label admiration and go on")
        assert "Looks up to somebody." in driver.text
        await driver.press("ctrl+d")
        await driver.until_seen("“all gone”")
        assert "label very sad and go on" in driver.text


async def test_a_label_that_is_renamed_meanwhile_has_its_key_at_once(start, workspace, reopen):
    from storage.history import label_set

    async with start() as driver:
        other = reopen(workspace, "ana")
        label_set.rename(other, "negative", "bearish")
        await driver.until(lambda: "2 bearish" in driver.lines[-1])
        await driver.press("2")
        await driver.until_seen("Tweet 1: positive → bearish.")
        await driver.press("u", "u")
        await driver.until_seen("Undone: 'bearish' is called 'negative'.")
        await driver.until(lambda: "2 negative" in driver.lines[-1])
