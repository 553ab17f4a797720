"""Whatever names a key names the one that acts now, in messages and in the last line."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import workbench.tui
from storage.store import refresh_settings
from workbench.tui import acting_keys
from workbench.tui.acting_keys import BY_DEFAULT, key_for
from workbench.tui.app import WorkbenchApp
from workbench.tui.key_map import WHILE_TYPING, actions
from workbench.tui.key_names import FIXED, key_names, shown_keys

SOURCES = sorted(Path(inspect.getfile(workbench.tui)).parent.rglob("*.py"))
LETTERS = [
    chr(code)
    for alphabet in (range(0x3B1, 0x3C2), range(0x430, 0x450), range(0x531, 0x557))
    for code in alphabet
]
"""Greek, Cyrillic and Armenian ones, which mean nothing by default."""
TYPING_NOTHING = [f"f{number}" for number in range(3, 13)]
NOT_WORDS = frozenset(("a", "A", "I"))
ABOUT_OTHER_THINGS = re.compile(
    "such as (w, f5 or )?ctrl|to disagreements, h l|of the left hand"  # what could be chosen
    "|esc ctrl\\+q quits"  # before there is a workspace, whose keys could be others
    "|macro F1|  n \x00|^\x00 [hs]$|^x a f$"  # figures, units, and marks in the list
)


@pytest.fixture(autouse=True)
def keys_as_they_are():
    yield
    acting_keys.choose({})


def texts(path):
    """The texts in a module that somebody could read, with what is put into them left out."""
    tree, aside = ast.parse(path.read_text("utf-8")), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            aside.add(node.value)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("key", "Binding"):
            aside |= {each.value for each in node.keywords if each.arg == "key_display"}
        if isinstance(node, ast.JoinedStr):
            aside |= set(node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (each.value if isinstance(each, ast.Constant) else "\0" for each in node.values)
            yield "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in aside:
            yield node.value


def keys_in(text):
    """The words of a text that are keys which people can have otherwise."""
    known = set(BY_DEFAULT.values())
    for action in actions(WorkbenchApp).values():
        known |= {shown_keys([key]) for key in action.keys if key not in FIXED}
    known -= NOT_WORDS | {str(digit) for digit in range(10)} | {"space", ",", ";", ":"}
    words = [word.strip("().,;:“”!") or word for word in text.split()]
    return [word for word in words if word in known or re.fullmatch(r"F\d+|ctrl\+\S", word)]


def test_no_text_names_a_key_by_itself():
    """Texts ask `key_for`; lists of keys for the last line are looked up there."""
    found = [
        f"{path.name}: {text!r} names {named}"
        for path in SOURCES
        for text in texts(path)
        if (named := keys_in(text)) and len(named) < len(set(text.split()) - {"esc"})
        if "\n" not in text and "(?:" not in text and not ABOUT_OTHER_THINGS.search(text)
    ]
    assert not found, "\n".join(found)
    assert keys_in("u takes it back (ctrl+p)") == ["u", "ctrl+p"], "such a text is found"


def test_the_keys_that_texts_ask_for_are_known():
    asked = set()
    for path in SOURCES:
        asked |= set(re.findall(r"key_for\(f?[\"']([a-z_]+)", path.read_text("utf-8")))
    assert asked >= {"label_", "queue_", "undo", "palette"}
    assert asked - {"label_", "queue_"} <= set(BY_DEFAULT)
    known = actions(WorkbenchApp)
    for name, key in BY_DEFAULT.items():
        keys = [shown_keys([each]) for each in known[name].keys]
        assert re.sub(r"^F(?=\d)", "f", key) in keys, name


def every_action_elsewhere():
    """A key of its own, as nobody has it by default, for each action."""
    letters, others = iter(LETTERS), iter([*TYPING_NOTHING, *(f"alt+{c}" for c in "abcdefgh")])
    return {
        name: next(others if name in WHILE_TYPING else letters) for name in actions(WorkbenchApp)
    }


def test_a_key_that_was_chosen_is_named_and_another_is_not():
    acting_keys.choose({"undo": "ctrl+z", "skip": "s,down", "open": "grave_accent,enter"})
    assert [key_for(name) for name in ("undo", "skip", "redo")] == ["ctrl+z", "s", "ctrl+r"]


async def test_where_every_key_is_another_each_place_names_those_that_act(start, stub, workspace):
    chosen = every_action_elsewhere()
    lines = [f'{name} = "{key}"' for name, key in chosen.items()]
    path = workspace / "workbench.toml"
    path.write_text(path.read_text().replace("[keys]", "\n".join(("[keys]", *lines))))
    async with start(program=stub.program, size=(200, 50)) as driver:
        assert not driver.app.problem
        assert key_for("undo") == chosen["undo"]
        for place in ("browse", "queue", "errors", "train", "runs"):
            await driver.press(*key_names(chosen[f"place_{place}"]))
            await driver.until(lambda place=place: driver.app.screen.name == place)
            await driver.until(lambda: driver.named_keys)
            active = driver.app.screen.active_bindings
            unbound = [
                key for key in driver.named_keys if not (key in active and active[key].enabled)
            ]
            assert not unbound, (place, driver.lines[-1])
            await driver.press(*key_names(chosen["help"]))
            await driver.until(lambda: driver.app.screen.name == "help")
            await driver.press("escape")


async def test_what_is_drawn_already_follows_when_the_keys_change(start, workspace):
    async with start() as driver:
        await driver.press("enter")
        await driver.until_seen("[1] positive")
        path = workspace / "workbench.toml"
        path.write_text(path.read_text().replace("[keys]", '[keys]\nlabel_1 = "w"'))
        refresh_settings(driver.app.store)
        driver.app.go_by_settings()
        driver.app.screen.look_again()
        await driver.until_seen("[w] positive")
