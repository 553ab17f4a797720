"""What keys mean on every screen: leaving, answering, moving, and what they say without effect."""

from collections import defaultdict

import click
import pytest

from storage.config import MOVING_KEYS, RESERVED_KEYS
from workbench.cli import main
from workbench.tui.offered_settings import SETTINGS
from workbench.tui.screens.browse import BrowseScreen
from workbench.tui.screens.compare import CompareScreen
from workbench.tui.screens.too_small import TooSmallScreen

pytestmark = pytest.mark.usefixtures("drawn")
KINDS = {
    "move": {
        "step",
        "page",
        "first",
        "last",
        "disagreement",
        "jump_back",
        "scroll_detail",
        "next_box",
        "lines",
        "pages",
        "end",
        "skip",
        "sideways",
        "cursor_down",
        "cursor_up",
        "page_down",
        "page_up",
    },
    "go": {
        "place",
        "leave",
        "back",
        "quit",
        "help",
        "palette",
        "train",
        "runs",
        "new_run",
        "open",
        "show",
        "compare",
        "clone",
        "undelete",
        "filter",
        "sort",
        "take_offer",
        "leave_offer",
        "examine",
        "split",
        "work_out",
        "queue",
        "choose_queue",
        "blind",
        "columns",
        "settings",
        "messages",
        "redraw",
        "curves",
        "log",
        "history",
    },
    "select": {"mark", "mark_range", "mark_twins", "versus"},
    "label": {"label", "menu", "suggestion", "clear", "flag", "note", "undo", "redo"},
    "run": {"stop", "delete", "start", "promote", "train_on"},
    "copy": {"copy", "copy_text", "export"},
    "answer": {"answer", "select"},
    "read": {"further"},
    "field": {"go_on", "complete", "focus_next", "focus_previous", "toggle_button"},
}
"""Each action of the screens by what kind of thing it does."""
COMMANDS_OF = {
    "label": "label",
    "menu": "label labels",
    "add labels": "labels",
    "clear": "label",
    "suggestion": "take",
    "note": "note",
    "flag": "flag exclude ambiguous",
    "undo": "undo",
    "redo": "redo",
    "filter": "list",
    "sort": "list suspects",
    "disagreement": "list",
    "copy": "show history",
    "show": "list",
    "queue": "queue",
    "choose_queue": "queue suspects conflicts",
    "blind": "queue",
    "columns": "open",
    "runs": "runs",
    "open": "keep",
    "compare": "compare",
    "curves": "runs",
    "log": "logs",
    "examine": "evaluate",
    "work_out": "calibration coverage slices",
    "train": "train",
    "new_run": "train",
    "start": "train",
    "stop": "stop resume",
    "take_offer": "shown",
    "leave_offer": "shown",
    "promote": "promote",
    "clone": "clone",
    "train_on": "train",
    "export": "export-adapter",
    "delete": "delete",
    "undelete": "undelete",
    "export the tweets of the list": "export",
    "import a file": "import",
    "import predictions": "import-predictions",
    "write a report": "report",
    "take a snapshot": "snapshot",
    "go back to a snapshot": "restore snapshots diff",
    "back up the database": "backup",
    "check the database": "check",
    "start the engine": "engine",
}
"""What does the same from the command line, for each action that is more than a view."""
ONLY_VIEWS = {
    "place",
    "leave",
    "back",
    "quit",
    "help",
    "messages",
    "palette",
    "redraw",
    "copy_text",
    "split",
    "history",
    "settings",
    "theme",
    "keys",
    "call",
    "label initials",
    "blind share",
    "auto-train",
    *KINDS["move"] - {"disagreement"},
    *KINDS["select"],
    *KINDS["answer"],
    *KINDS["read"],
    *KINDS["field"],
}
ONLY_COMMANDS = {
    "init demo": "they come before there is anything to look at",
    "status": "the line with the counts shows it all the time",
    "restore-backup doctor": "they are for when the screen does not open",
    "imports unimport delete-tweets": "they are about whole files, or for good",
    "group agreement": "they are about imports and people, seldom about what is shown",
    "dynamics why diagnose": "they say more after an evaluation",
    "invariance": "it says whether the words or their looks decide",
    "measure": "it says what labelling has brought",
    "predict classify": "they take models elsewhere",
}
WRITE = {"label", "run"}
IN_ITS_OWN_LAYER = {"answer", "field", "read"}
"""Kinds of menus, questions, forms and pages, which are left before anything else goes on."""
LAYERS = {
    "browse": (),
    "help": ("question_mark",),
    "menu": ("s",),
    "runs": ("r",),
    "question": ("r", "D"),
    "run": ("r", "enter"),
    "log": ("r", "enter", "l"),
    "clone, at the button": ("r", "C", "tab", "tab"),
    "train, at the menu": ("t",),
    "train, at the button": ("t", "tab", "tab", "tab", "tab"),
    "train, at the box": ("t", "tab", "tab", "tab", "tab", "tab"),
    "compare": ("r", "c"),
    "errors": ("E",),
    "queue": ("Q",),
    "settings": ("f2",),
    "a setting": ("f2", "enter"),
}
"""How each layer is reached from the list."""
FOUND = {
    "runs": [{"id": 1, "recipe": "baseline"}, {"id": 2, "recipe": "fast"}],
    "n": 0,
    "split": "test",
    "settings": [],
    "flips": [],
    "figures": [
        dict.fromkeys(
            (
                "accuracy",
                "accuracy_low",
                "accuracy_high",
                "macro_f1",
                "macro_f1_low",
                "macro_f1_high",
            ),
            0.5,
        )
    ]
    * 2,
    "difference": {"accuracy": 0, "low": 0, "high": 0},
    "mcnemar": {"p": 1.0, "fixed": 0, "broken": 0, "both_wrong": 0},
    "data": {
        "first": 0,
        "second": 0,
        "added": [],
        "removed": [],
        "relabelled": [],
        "unknown": [0, 0],
    },
}


NOT_IN_THE_PALETTE = {
    *("palette", "answer", "select", "start", "copy_text", *KINDS["field"]),
    *("cursor_down", "cursor_up", "page_down", "page_up"),
}
"""Actions of menus and forms, whose keys are named on them."""


async def reach(driver, layer):
    """Go from the list to a layer, and wait until it is there."""
    await driver.settled()
    if layer == "compare":
        await driver.press("r")
        await driver.until_seen("baseline")
        driver.app.push_screen(CompareScreen(FOUND))
        await driver.until_seen("McNemar")
        return
    for key in LAYERS[layer]:
        await driver.press(key)
        if key == "t":  # the form is as it was left
            driver.app.screen.query_one("#recipe").focus()
        if key == "r":
            await driver.until_seen("baseline")
        await driver.pilot.pause()
    if layer.startswith("clone") or layer.startswith("train"):
        await driver.until_seen(" Start")


def bound(app):
    """The keys that mean something now, and the names of their actions."""
    bindings = app.screen.active_bindings.items()
    return {
        key: active.binding.action.split("(")[0].split(".")[-1]
        for key, active in bindings
        if not active.binding.system
    }


async def test_a_key_is_of_the_same_kind_on_every_screen(start):
    async with start() as driver:
        kind_of = {action: kind for kind, actions in KINDS.items() for action in actions}
        kinds, seen = defaultdict(dict), set()
        for layer in LAYERS:
            await reach(driver, layer)
            for key, action in bound(driver.app).items():
                seen.add(action)
                kinds[key][layer] = kind_of.get(action, f"no kind: {action}")
            if layer == "browse":
                letters = {key for key in kinds if len(key) == 1}
            await driver.press("B")
            while len(driver.app.screen_stack) > 1:
                driver.app.pop_screen()
        assert sorted(seen ^ set(kind_of)) == [], "the table of kinds is complete"
        for key, by_layer in kinds.items():
            alike = set(by_layer.values()) - IN_ITS_OWN_LAYER
            assert len(alike) <= 1, (key, by_layer)
            assert not (WRITE & set(by_layer.values()) and "move" in by_layer.values()), key
        assert {kinds[key]["browse"] for key in "1290"} == {"label"}
        assert not [key for key in MOVING_KEYS if WRITE & set(kinds[key].values())]
        assert letters <= RESERVED_KEYS, "no label gets a key of the list"


async def test_what_the_screen_does_commands_do_too_and_the_other_way_round(start):
    async with start() as driver:
        await driver.press("ctrl+p")
        entries = driver.app.screen.entries.values()
    keyless = {entry.name for entry in entries if not entry.action}
    of_many = ("sort by ", "queue of ", "run ", *(f"{setting.title}: " for setting in SETTINGS))
    keyless = {name for name in keyless if not name.startswith(of_many)}
    actions = set().union(*KINDS.values()) | keyless
    assert sorted(actions ^ (set(COMMANDS_OF) | ONLY_VIEWS)) == []
    assert not set(COMMANDS_OF) & ONLY_VIEWS
    on_screen = set(" ".join(COMMANDS_OF.values()).split())
    alone = set(" ".join(ONLY_COMMANDS).split())
    assert sorted((on_screen | alone) ^ set(main.list_commands(click.Context(main)))) == []
    assert not on_screen & alone


async def offered(driver):
    """The actions that the palette finds by name where the driver is."""
    await driver.press("ctrl+p")
    await driver.until_seen("what to do")
    found = {
        entry.action.split("(")[0].split(".")[-1] for entry in driver.app.screen.entries.values()
    }
    await driver.press("escape")
    await driver.until(lambda: driver.app.screen.name != "palette")
    return found


async def test_the_palette_finds_each_action(start):
    in_a_place = set().union(*(KINDS[kind] for kind in ("go", "select", "label", "run", "copy")))
    async with start() as driver:
        everywhere = await offered(driver)
        seen = set(everywhere)
        for layer in ("runs", "run", "train, at the button", "errors", "queue", "help"):
            await reach(driver, layer)
            seen |= await offered(driver)
            await driver.press("B")
            await driver.until(lambda: len(driver.app.screen_stack) == 1)
    assert set().union(*KINDS.values()) - NOT_IN_THE_PALETTE - seen == set()
    assert in_a_place - NOT_IN_THE_PALETTE - everywhere == {"stop", "curves", "log"}, (
        "they are about the run on the screen"
    )


@pytest.mark.parametrize("key", ["q", "escape", "ctrl+g"])
async def test_three_keys_leave_the_top_layer_and_never_the_program(start, key):
    async with start() as driver:
        for layer in (name for name in LAYERS if name != "browse"):
            await reach(driver, layer)
            top = driver.app.screen
            await driver.press(key)
            await driver.until(lambda top=top: driver.app.screen is not top)
            assert driver.app.is_running
            await driver.press("B")
            await driver.until(lambda: len(driver.app.screen_stack) == 1)


async def test_escape_has_a_second_key_where_q_is_typed(start):
    async with start() as driver:
        for opener in ("slash", "e", "comma", "ctrl+p"):
            await driver.press(opener, "q")
            top = driver.app.screen
            assert driver.app.focused.value == "q"
            await driver.press("ctrl+g")
            await driver.until(lambda: driver.app.focused is driver.app._browse.tweets)
            assert top is not driver.app.screen or driver.app.screen.prompt.request is None
        for layer in ("train, at the menu", "clone, at the button"):
            await reach(driver, layer)
            await driver.press("shift+tab")
            await driver.press("ctrl+g")
            await driver.until(lambda: "Start" not in driver.text)
            await driver.press("B")


async def test_q_is_text_in_a_field_and_quits_from_the_list(start):
    async with start() as driver:
        for opener in ("slash", "e"):
            await driver.press(opener, "q", "B", "Q", "E", "T", "R")
            assert driver.app.screen.prompt.entry.value == "qBQETR"
            await driver.press("escape")
            await driver.until(lambda: driver.current is not None)
        await driver.press("t")
        await driver.until_seen("Train on the labels")
        await driver.press("tab", "end", "q", "R")
        assert driver.app.screen.query_one("#base").value.endswith("qR")
        assert driver.app.is_running
        await driver.press("tab", "tab", "tab", "q", "q")
        await driver.until(lambda: driver.app._exit)


async def test_capitals_go_to_their_place_from_everywhere(start):
    places = {"B": "[Browse", "Q": "[Queue", "E": "[Errors", "T": "[Train", "R": "[Runs"}
    async with start() as driver:
        for layer in ("browse", "help", "runs", "run", "compare", "train, at the menu"):
            for key, sign in places.items():
                await reach(driver, layer)
                await driver.press(key)
                await driver.until_seen(sign)
                assert len(driver.app.screen_stack) == 1 + (key != "B")
                await driver.press("B")
        await reach(driver, "question")
        await driver.press("T")
        await driver.until_seen("T does nothing here")


@pytest.mark.parametrize(
    ("keys", "deleted"),
    [(["y"], True), (["enter"], True), (["n"], False), (["escape"], False), (["q"], False)],
)
async def test_every_question_is_answered_by_the_same_keys(start, stub, keys, deleted):
    async with start(program=stub.program, size=(80, 24)) as driver:
        await driver.press("r")
        await driver.until_seen("baseline")
        await driver.press("D")
        await driver.until_seen("Delete run 2 (fast, done)?")
        assert "baseline" in driver.text, "the question covers only the last lines"
        await driver.press(*keys)
        await driver.until(lambda: "Delete run 2" not in driver.text)
        wanted = ["delete", "2", "--yes", "--json"]
        await driver.until(lambda: (wanted in stub.calls) == deleted)
        assert [call[0] for call in stub.calls].count("delete") == deleted
        assert driver.app.is_running


# A key without effect says something.


@pytest.mark.parametrize("layer", [name for name in LAYERS if name != "browse"])
async def test_a_key_that_means_nothing_says_so(start, layer):
    async with start() as driver:
        await reach(driver, layer)
        for key in ("Z", "f5"):
            await driver.press(key)
            await driver.until_seen(f"{key} does nothing here.")


async def test_a_letter_that_begins_two_labels_names_their_digits(start, make_workspace, tmp_path):
    folder = make_workspace(tmp_path / "two", [("a", "positive")], with_runs=False)
    path = folder / "workbench.toml"
    text = path.read_text().replace('["positive", "negative"]', '["bullish", "bearish"]')
    path.write_text(text.replace("initials = false", "initials = true"))
    async with start(folder) as driver:
        await driver.press("b")
        await driver.until_seen("b labels nothing; press 1 for bullish or 2 for bearish.")
        await driver.press("z")
        await driver.until_seen("z does nothing here.")


async def silent_keys(driver, message):
    """The keys of a layer after which nothing has been said and nothing else is shown."""
    silent = []
    home = driver.app.screen
    for key, action in bound(driver.app).items():
        if action in ("quit", "leave", "redraw", "copy_text", "focus_next", "focus_previous"):
            continue
        home.say("nothing yet")
        await driver.pilot.pause()
        await driver.press(key)
        await driver.pilot.pause()
        if driver.app.screen is not home:
            while driver.app.screen is not home and len(driver.app.screen_stack) > 1:
                driver.app.pop_screen()
            if driver.app.screen is not home:
                return silent  # it was left
        elif home.query("PromptLine") and home.prompt.request is not None:
            home.prompt.close()
        elif str(home.query_one(message).content) in ("", "nothing yet"):
            silent.append(key)
    return silent


async def test_no_key_is_silent_on_an_empty_list(start, empty_workspace):
    async with start(empty_workspace) as driver:
        assert await silent_keys(driver, "#keys") == []


async def test_no_key_is_silent_where_there_are_no_runs(start, empty_workspace):
    async with start(empty_workspace) as driver:
        await driver.press("r")
        await driver.until_seen("no runs yet")
        assert await silent_keys(driver, "#keys") == []


async def test_the_ends_of_a_list_are_said_once_the_cursor_stands_there(start):
    async with start() as driver:
        for keys, said in (
            (["k"], "the first tweet"),
            (["g"], "the first tweet"),
            (["ctrl+u"], "the first tweet"),
            (["G", "j"], "the last tweet"),
            (["pagedown"], "the last tweet"),
        ):
            driver.app.screen.say("")
            await driver.press(*keys)
            await driver.until_seen(said)
        await driver.press("r")
        await driver.until_seen("baseline")
        await driver.press("k")
        await driver.until_seen("This is the first run of the list.")
        await driver.press("G", "j")
        await driver.until_seen("This is the last run of the list.")
        await driver.press("right")
        await driver.until_seen("nothing more to the right")
        await driver.press("question_mark")
        await driver.until_seen("Everywhere")
        await driver.press("k")
        await driver.until_seen("This is the top.")


async def test_what_is_labelled_at_the_end_of_the_list_is_said(start):
    async with start() as driver:
        await driver.press("G", "2")
        await driver.until_seen("Tweet 12: positive → negative.")
        await driver.pilot.pause(0.3)
        assert "last tweet" not in driver.text


async def test_keys_without_effect_on_the_list_say_why(start):
    async with start() as driver:
        for key, said in (
            ("escape", "no mark and no filter"),
            ("u", "nothing to undo"),
            ("ctrl+r", "nothing to redo"),
            ("9", "no label 9"),
            ("K", "nothing more above"),
        ):
            await driver.press(key)
            await driver.until_seen(said)


async def test_a_key_that_is_typed_ahead_waits_for_its_screen(start, monkeypatch):
    compose = BrowseScreen.compose

    def typed_ahead(screen):
        for name in ("0", "j", "0"):
            screen.app.simulate_key(name)
        return compose(screen)

    monkeypatch.setattr(BrowseScreen, "compose", typed_ahead)
    async with start() as driver:
        await driver.until(lambda: driver.tweet(3).label is None)
        assert driver.tweet(1).label is None


async def test_a_terminal_too_small_has_one_key(start):
    async with start(size=(50, 12)) as driver:
        await driver.until(lambda: isinstance(driver.app.screen, TooSmallScreen))
        await driver.press("q", "T", "2", "question_mark", "ctrl+p")
        assert isinstance(driver.app.screen, TooSmallScreen)
        await driver.press("ctrl+q")
        await driver.until(lambda: driver.app._exit)
