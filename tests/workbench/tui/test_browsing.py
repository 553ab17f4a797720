"""Moving, filtering, sorting, and what stands on the screen."""

import base64

import pytest
from textual import events

from storage.history import labels
from storage.query import filters
from storage.store import open_store
from workbench.tui.app import WorkbenchApp


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_first_screen(start, size):
    async with start(size=size) as driver:
        await driver.settled()
        assert "given    model    text · run 2 fast" in driver.lines[1]
        assert driver.lines[2].startswith("▌    pos               $TSLA to the moon")
        assert driver.lines[4].startswith("  !  neg      pos .90  sold all my $GME")
        assert "1 of 12" in driver.text
        assert "1 without a label" in driver.lines[-2]
        for key in ("1 positive", "2 negative", "space take", "x exclude", "/ filter"):
            assert key in driver.lines[-1]
        assert driver.lines[-1].rstrip().endswith("? more")
        assert "r1 baseline" in driver.text
        assert "imported as positive" in driver.text
        assert all(len(line) <= size[0] for line in driver.lines)


async def test_moving(start):
    async with start() as driver:
        for keys, expected in (
            (("j", "down"), 3),
            (("k", "up"), 1),
            (("G",), 12),
            (("g",), 1),
            (("end",), 12),
            (("home",), 1),
            (("pagedown",), 12),
            (("pageup",), 1),
            (("k",), 1),
        ):
            await driver.press(*keys)
            assert driver.current == expected


async def test_a_long_list_keeps_the_cursor_in_view(start, tmp_path, make_workspace):
    folder = make_workspace(
        tmp_path / "long", [(f"tweet {n}", "positive") for n in range(900)], with_runs=False
    )
    async with start(folder, size=(80, 24)) as driver:
        for keys, number in (
            (["G"], 900),
            (["g"], 1),
            (["pagedown"] * 3, None),
            (["k"] * 30, None),
        ):
            await driver.press(*keys)
            if number is not None:
                assert driver.current == number
            row = next(line for line in driver.lines if line.startswith("▌"))
            assert f"tweet {driver.current - 1}" in row


async def test_filter_and_back(start):
    async with start() as driver:
        await driver.press("slash")
        await driver.type("tsla")
        await driver.until_seen("2 tweets; enter applies")
        await driver.press("enter")
        await driver.until_seen("▸ tsla")
        assert list(driver.app._browse.tweets.ids) == [1, 9]
        await driver.press("j", "2")
        assert driver.tweet(9).label == "negative"
        await driver.press("escape")
        await driver.until_seen("of 12")
        assert driver.current == 9


async def test_a_filter_is_parsed_once_whoever_asks_for_it(start, monkeypatch):
    parsed, parse = [], filters._Parser.parse

    def counted(parser):
        parsed.append(parser.source)
        return parse(parser)

    monkeypatch.setattr(filters._Parser, "parse", counted)
    async with start() as driver:
        await driver.press("slash")
        await driver.type("tsla $tsla")
        await driver.until_seen("2 tweets; enter applies")
        await driver.press("enter")
        await driver.until_seen("▸ tsla $tsla")
        await driver.press("j", "2")
        await driver.until_seen("Tweet 9: positive → negative.")
    assert "tsla $tsla" in parsed and len(parsed) == len(set(parsed))


async def test_escape_in_the_filter_puts_the_list_back(start):
    async with start() as driver:
        await driver.press("j", "j", "slash")
        await driver.type("moon")
        await driver.until_seen("1 tweet; enter applies")
        await driver.press("escape")
        await driver.until(lambda: driver.current == 3)
        await driver.until_seen("3 of 12")


async def test_a_wrong_filter_has_a_caret_and_keeps_the_list(start):
    async with start() as driver:
        await driver.press("slash")
        driver.app.post_message(events.Paste("moon lable:positive"))
        await driver.until_seen("no field called 'lable'")
        typed = next(line for line in driver.lines if line.startswith(" / moon"))
        complaint = next(line for line in driver.lines if "no field" in line)
        assert complaint.index("^") == typed.index("lable")
        assert list(driver.app._browse.tweets.ids) == list(range(1, 13))
        await driver.press("enter", "2", "escape", "2")
        assert driver.tweet(1).label == "negative"
        assert driver.current == 2


async def test_a_filter_that_finds_nothing(start):
    async with start() as driver:
        await driver.press("slash")
        await driver.type("zebra")
        await driver.press("enter")
        await driver.until_seen("No tweet passes this filter; esc clears it.")
        await driver.press(
            "1", "x", "u", "space", "enter", "v", "y", "e", "right_square_bracket", "j"
        )
        await driver.press("escape")
        await driver.until_seen("1 of 12")


async def test_tab_completes_fields_and_values_of_a_filter(start):
    async with start() as driver:
        await driver.press("slash")
        await driver.until_seen("tab: label: gold: pred:")
        await driver.type("la")
        await driver.press("tab")
        assert driver.app._browse.prompt.entry.value == "label:"
        await driver.until_seen("tab: positive negative none")
        await driver.type("n")
        await driver.until_seen("tab: negative none")
        await driver.press("tab")
        assert driver.app._browse.prompt.entry.value == "label:n", "there are two ways"
        await driver.type("eg")
        await driver.press("tab")
        await driver.type("-acc")
        await driver.press("tab")
        assert driver.app._browse.prompt.entry.value == "label:negative -account:"
        await driver.press("escape")
        assert driver.app.focused is driver.app._browse.tweets


async def test_what_finds_nothing_says_what_each_part_finds_alone(start):
    async with start() as driver:
        await driver.press("slash")
        await driver.type("tsla label:negative -moon")
        await driver.press("enter")
        await driver.until_seen("No tweet passes this filter; esc clears it.")
        for part, found in (("tsla", 2), ("label:negative", 5), ("-moon", 11)):
            await driver.until_seen(f"{part} {found} alone")


async def test_a_filter_may_name_the_run(start):
    async with start() as driver:
        await driver.press("slash")
        await driver.type("run:1")
        await driver.press("enter")
        await driver.until_seen("text · run 1 baseline")
        await driver.press("1")
        assert driver.history(1)[-1]["run"] == 1


async def test_an_unknown_run_is_said(start):
    async with start() as driver:
        await driver.press("slash")
        await driver.type("run:9")
        await driver.press("enter")
        await driver.until_seen("There is no run 9")


async def test_disagreements(start):
    async with start() as driver:
        await driver.press("right_square_bracket")
        assert driver.current == 3
        await driver.until(lambda: "right_square_bracket" in driver.named_keys)
        await driver.press("right_square_bracket")
        assert driver.current == 8
        await driver.until(lambda: "right_square_bracket" not in driver.named_keys)
        await driver.press("right_square_bracket")
        assert driver.current == 8
        await driver.until_seen("No undecided disagreement below")
        await driver.press("left_square_bracket")
        assert driver.current == 3
        assert driver.lines[4][2] == "!"


async def test_sort(start):
    async with start() as driver:
        await driver.press("s")
        await driver.until_seen("Sort by")
        await driver.press("j", "j", "j", "enter")
        await driver.until_seen("by disagreement")
        assert list(driver.app._browse.tweets.ids)[:2] == [3, 8]
        await driver.press("1")
        assert driver.history(3)[-1]["queue"] == "disagreement"


async def test_g_goes_to_the_ends_of_a_menu(start):
    async with start() as driver:
        await driver.press("s")
        await driver.until_seen("Sort by")
        for key, order in (("G", "suspect"), ("g", "id"), ("j", "confidence"), ("k", "id")):
            await driver.press(key)
            await driver.until(lambda order=order: f"▌{order} " in driver.text)
        await driver.press("G", "enter")
        await driver.until_seen("by suspect")


async def test_an_empty_workspace_says_what_to_do(start, empty_workspace):
    async with start(empty_workspace) as driver:
        await driver.until_seen("the palette (ctrl+p) imports a file")
        await driver.press(
            "1", "j", "G", "space", "u", "v", "V", "right_square_bracket", "e", "y", "x"
        )
        assert driver.app.is_running


async def test_hostile_text_is_inert(start):
    async with start(size=(80, 24)) as driver:
        await driver.press("j", "j", "j", "j")
        await driver.settled()
        assert "[red]markup[/red]" in driver.lines[6]
        assert "[red]markup[/red] and" in "\n".join(driver.lines[15:])
        assert not set(driver.text) & set("\x1b\x07\u202e\u200d\x00")
        await driver.press("j")
        await driver.settled()
        assert "\u202e" not in driver.text


async def test_hostile_notes_filters_and_names_are_inert(start, workspace):
    store = open_store(workspace, "eve\x1b[2J[bold]")
    labels.annotate(store, 1, "\x1b]52;c;AAAA\x07[blink]note")
    store.close()
    async with start() as driver:
        await driver.until_seen("[blink]note")
        assert "[bold]" in driver.text
        assert not set(driver.text) & set("\x1b\x07")


async def test_the_details_name_copies_and_other_columns(start, tmp_path, make_workspace, given):
    folder = make_workspace(
        tmp_path / "copies",
        [("same text", "positive"), ("Same  text", "negative"), *given],
        with_runs=False,
    )
    async with start(folder) as driver:
        await driver.until_seen("SAME OR NEAR")
        assert "account  someone" in driver.text
        assert " · t1 " in driver.text


async def test_the_history_unfolds_and_folds(start, workspace):
    store = open_store(workspace, "ana")
    for label in ("negative", "positive", "negative", "positive"):
        labels.assign(store, [1], label)
    store.close()
    async with start() as driver:
        await driver.until_seen("HISTORY · 5")
        assert "h unfolds" in driver.text and "imported" not in after(driver.text, "HISTORY")
        await driver.press("h")
        await driver.until_seen("h folds")
        assert "imported" in after(driver.text, "HISTORY")
        await driver.press("h")
        await driver.until_seen("h unfolds")
        await driver.pilot.resize_terminal(80, 24)
        await driver.until_seen("h shows all 5")
        assert "imported" not in driver.text
        await driver.press("h")
        await driver.until_seen("h shows the text")
        await driver.press("J")
        await driver.until_seen("imported as positive")
        await driver.press("j")
        await driver.until_seen("── #2 ")
        await driver.press("h")
        await driver.until_seen("All of its history is shown.")


def after(text, word):
    return text[text.index(word) :]


async def test_equal_texts_are_marked_together_and_labelled_by_one_key(
    start, tmp_path, make_workspace, given
):
    texts = [("same text", "positive"), ("Same  text", "negative"), *given]
    folder = make_workspace(tmp_path / "twins", texts, with_runs=False)
    async with start(folder) as driver:
        await driver.press("equals_sign")
        await driver.until_seen("2 marked (1 negative, 1 positive); label keys act on all of them")
        await driver.until(lambda: "of 14   2 marked" in driver.lines[-2])
        await driver.press("equals_sign")
        await driver.until(lambda: "marked" not in driver.lines[-2])
        assert driver.app._browse.tweets.marked == set(), "once more unmarks"
        await driver.press("equals_sign", "2")
        assert [driver.tweet(number).label for number in (1, 2)] == ["negative"] * 2
        await driver.press("G", "equals_sign")
        await driver.until_seen("No other tweet has this text")


async def test_equal_texts_out_of_the_list_are_asked_for_before_they_are_changed(
    start, tmp_path, make_workspace, given
):
    texts = [("same text", "positive"), ("Same  text", "negative"), *given]
    folder = make_workspace(tmp_path / "twins", texts, with_runs=False)
    async with start(folder) as driver:
        await driver.press("slash", *"label:positive", "enter")
        await driver.until_seen("▸ label:positive")
        await driver.press("equals_sign", "2")
        await driver.until_seen("1 positive → negative")
        assert driver.tweet(1).label == "positive"
        await driver.press("enter")
        await driver.until(lambda: driver.tweet(1).label == "negative")


async def test_the_first_picture_of_a_narrow_terminal_is_laid_out_for_it(start, monkeypatch):
    monkeypatch.setattr(WorkbenchApp, "HORIZONTAL_BREAKPOINTS", [])  # those come with a resize
    async with start(size=(80, 24)) as driver:
        await driver.until(lambda: driver.lines[14].startswith("── #1 · "))


async def test_an_apostrophe_goes_back_to_where_one_was_before_a_jump(start):
    async with start() as driver:
        await driver.press("apostrophe")
        await driver.until_seen("There was no jump yet")
        await driver.press("j", "j", "G", "apostrophe")
        assert driver.current == 3
        await driver.press("apostrophe")
        assert driver.current == 12
        await driver.press("apostrophe", "slash", *"tsla", "enter")
        await driver.until_seen("▸ tsla")
        await driver.press("j", "apostrophe")
        await driver.until(lambda: len(driver.app._browse.tweets.ids) == 12)
        assert driver.current == 3
        await driver.press("apostrophe")
        await driver.until(lambda: driver.app._browse.settings.filter == "tsla")
        assert driver.current == 9
        await driver.press("g", "G", "escape")
        await driver.until(lambda: not driver.app._browse.settings.filter)
        await driver.press("apostrophe")
        await driver.until(lambda: driver.app._browse.settings.filter == "tsla")
        assert driver.current == 9, "where the filter was left, not where one jumped from in it"
        await driver.press("right_square_bracket", "g", "right_square_bracket", "apostrophe")
        await driver.until_seen("No undecided disagreement")


async def test_copy_goes_to_the_terminal(start, monkeypatch, given):
    for name in ("TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    async with start() as driver:
        written = []
        monkeypatch.setattr(driver.app._driver, "write", written.append)
        await driver.press("y")
        text = base64.b64encode(given[0][0].encode()).decode()
        assert f"\x1b]52;c;{text}\a" in "".join(written)


async def test_help_lists_every_key_of_the_screen(start):
    async with start(size=(100, 80)) as driver:
        await driver.press("question_mark")
        await driver.until_seen("Everywhere")
        for told in (
            "label positive and go on",
            "space",
            "ctrl+r",
            "next disagreement",
            "half a page down",
            "in the list",
            "quit",
        ):
            assert told in driver.text
        await driver.press("question_mark")
        await driver.until_seen("$TSLA to the moon")


async def test_the_palette_offers_the_actions(start):
    async with start() as driver:
        await driver.press("ctrl+p")
        await driver.type("exclude")
        await driver.until_seen("exclude from training")
        await driver.press("enter")
        await driver.until(lambda: driver.tweet(1).excluded)


async def test_too_small_is_one_sentence_and_labels_nothing(start):
    async with start(size=(80, 24)) as driver:
        await driver.pilot.resize_terminal(50, 12)
        await driver.until_seen("too small")
        assert "$TSLA" not in driver.text
        await driver.press("2", "x")
        await driver.pilot.resize_terminal(120, 40)
        await driver.until_seen("$TSLA to the moon")
        await driver.press("j")
        await driver.settled()
        assert len(driver.history(1)) == 1


async def test_the_width_decides_where_the_details_stand(start):
    async with start(size=(120, 40)) as driver:
        await driver.settled()
        assert "#1 · train" in driver.lines[1]
        await driver.pilot.resize_terminal(80, 24)
        await driver.until(lambda: driver.lines[14].startswith("── #1 · train"))
