"""Other keys for the actions of the screen: what is refused, what is shown, what they do."""

import key_page
import pytest

from storage.config import Config, load
from workbench.tui.app import WorkbenchApp
from workbench.tui.key_map import (
    MOVES,
    WHILE_TYPING,
    WRITES,
    _holders,
    _why_not,
    actions,
    key_map,
    layers,
)
from workbench.tui.key_names import FIXED, bindings_of, key_names
from workbench.tui.key_presets import ABOUT, ONE_HAND, PRESETS, VIM
from workbench.tui.widgets.keys import SECOND_ESCAPE

LABELS = ("positive", "negative")


def made(**keys):
    """The keys of the actions by the settings of a workspace."""
    return key_map(Config(labels=LABELS, keys=keys), WorkbenchApp)


def put(folder, *lines):
    """Write lines into the table of keys, as somebody does by hand."""
    path = folder / "workbench.toml"
    path.write_text(path.read_text().replace("[keys]", "\n".join(("[keys]", *lines))))


def test_nothing_is_asked_for_nothing_changes():
    assert made() == made(preset="default")
    assert made().keys == {}


def test_an_action_keeps_the_keys_that_stay_what_they_are():
    assert made(down="n", note="w,ctrl+n").keys == {"down": "n,down", "note": "w,ctrl+n"}


def test_the_details_scroll_by_the_keys_of_vim_and_by_those_of_other_programs_like_it():
    assert made(preset="vim").keys["scroll_down"] == "ctrl+e,J,shift+down"
    assert made(preset="vim").problems == ()


def test_two_actions_change_places():
    assert made(undo="e", note="u") == made(note="u", undo="e")
    assert made(undo="e", note="u").problems == ()


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"note": "u"}, "The key u of note is that of undo too; note keeps e."),
        ({"note": "T"}, "The key T of note is that of place_train too; note keeps e."),
        ({"note": "w", "redo": "w"}, "The key w of note is that of redo too; note keeps e."),
        ({"note": "p", "positive": "p"}, "The key p of note is that of the label positive too;"),
        ({"down": "x"}, "The key x of down is that of exclude too; down keeps j."),
        ({"stop": "w", "skip": "w"}, "The key w of stop is that of skip too; stop keeps S."),
        ({"note": "j"}, "j moves in other programs, so that it never writes: note keeps e."),
        ({"note": "tab"}, "tab stays what it is, as it moves or answers: note keeps e."),
        ({"note": "esc"}, "esc stays what it is, as it moves or answers: note keeps e."),
        ({"note": "foo"}, "'foo' is no key, such as w, f5 or ctrl+n: note keeps e."),
        ({"note": "hyper+w"}, "'hyper+w' is no key"),
        ({"note": ",,"}, "',,' is no key: note keeps e."),
        ({"back": "z"}, "back needs a key that types nothing, such as ctrl+n: back keeps esc."),
        ({"noet": "w"}, "'noet' in [keys] is neither a label nor an action; did you mean note?"),
        (
            {"Positive": "w"},
            "'Positive' in [keys] is neither a label nor an action; did you mean positive?",
        ),
        ({"zzz": "w"}, "'zzz' in [keys] is neither a label nor an action (docs/keys.md"),
        ({"preset": "emacs"}, "There is no preset of keys 'emacs' (known: default, vim, one-hand"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence_and_left_out(keys, sentence):
    found = made(**keys)
    (problem,) = found.problems
    assert problem.startswith(sentence)
    assert not set(found.keys) - {"redo", "skip"}


def test_a_key_of_ones_own_goes_before_the_preset():
    found = made(preset=VIM, next_disagreement="w", note="N")
    assert found.keys["next_disagreement"] == "w"
    assert "note" not in found.keys, "N moves"
    assert made(preset=ONE_HAND, note="W").problems[0].startswith("The key W of note is that of")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_no_clash(preset):
    looked_at = made(preset=preset, note="ctrl+n")
    assert looked_at.problems == ()
    assert looked_at.keys == {**PRESETS[preset], "note": "ctrl+n"}, "with the keys that stay"
    assert made(preset=preset).keys == PRESETS[preset]
    assert preset in ABOUT
    known = actions(WorkbenchApp)
    for name, keys in PRESETS[preset].items():
        own = [key for key in key_names(keys) if key not in FIXED]
        assert not _why_not(name, keys, own, known, ())


def test_the_keys_of_actions_have_names():
    known = actions(WorkbenchApp)
    assert {*MOVES, *WRITES, *WHILE_TYPING} <= set(known)
    assert all(name.replace("_", "").isalnum() and name == name.lower() for name in known)
    assert len(layers(WorkbenchApp)) > 10


def test_escape_has_its_second_key_on_every_screen():
    for holder in _holders():
        for binding in bindings_of(holder):
            keys = binding.key.split(",")
            assert "escape" not in keys or SECOND_ESCAPE in keys, (holder, binding)


def test_the_page_of_the_keys_is_true():
    assert key_page.PATH.read_text("utf-8") == key_page.page(), "`make docs` writes it"


async def test_another_key_acts_and_is_shown_everywhere(start, workspace):
    put(workspace, 'undo = "w"', 'flag = "l"', 'place_queue = "ctrl+n"', 'help = "ctrl+t"')
    async with start() as driver:
        await driver.press("2")
        await driver.until(lambda: driver.tweet(1).label == "negative")
        await driver.press("u")
        await driver.until_seen("u does nothing here")
        await driver.until(lambda: "w undo" in driver.lines[-1])
        await driver.press("w")
        await driver.until(lambda: driver.tweet(1).label == "positive")
        await driver.press("ctrl+t")
        await driver.until_seen("w              undo")
        await driver.until_seen("l              flag for review")
        await driver.press("escape", "ctrl+p", *"undo")
        await driver.until_seen("w        undo")
        await driver.press("escape", "ctrl+n")
        await driver.until_seen("[Queue")
        await driver.until_seen("l flag")


async def test_the_last_line_ends_with_the_help_however_long_the_keys_are_called(start, workspace):
    put(workspace, 'exclude = "ctrl+x"', 'undo = "ctrl+z"', 'filter = "ctrl+f"')
    async with start(size=(80, 24)) as driver:
        await driver.press("1")
        await driver.until_seen("ctrl+x exclude")
        assert driver.lines[-1].rstrip().endswith("? more")
        await driver.pilot.resize_terminal(120, 24)
        await driver.until_seen("ctrl+z undo  ctrl+f filter")
        assert driver.lines[-1].rstrip().endswith("? more")


async def test_what_is_refused_is_said_when_the_screen_opens(start, workspace):
    put(workspace, 'note = "u"')
    async with start() as driver:
        await driver.until_seen("The key u of note is that of undo too; note keeps e.")
        await driver.press("e")
        await driver.until(lambda: driver.app.screen.prompt.request is not None)
        await driver.press("escape", "f2", "right")
        await driver.until(lambda: load(workspace).theme == "dark")
        await driver.pilot.pause()
        assert "The key u of note" not in driver.lines[-1], "once is enough"


@pytest.mark.parametrize("preset", [VIM, ONE_HAND])
async def test_what_is_typed_is_typed_whatever_the_keys(start, workspace, preset):
    put(workspace, f'preset = "{preset}"')
    characters = "nNhlwszZFWq:~`1jk"
    async with start() as driver:
        await driver.press("slash", *characters)
        assert driver.app.screen.prompt.entry.value == characters
        await driver.press("escape", "t")
        await driver.until_seen("Train on the labels")
        await driver.press("tab", "ctrl+u", *characters)
        assert driver.app.focused.value == characters


async def test_a_preset_is_chosen_in_the_settings_and_holds_at_once(start, workspace):
    async with start() as driver:
        await driver.settled()
        await driver.press("f2", "down", "right", "q")
        await driver.until(lambda: load(workspace).action_keys == {"preset": VIM})
        await driver.press("n")
        await driver.until(lambda: driver.current == 3)
        await driver.press("f2", "down", "right", "q", "s")
        await driver.until(lambda: driver.current == 4)
        await driver.press("1", "ctrl+z", "up")
        await driver.until(lambda: driver.current == 3)
