"""What keys and their actions are called, in the settings and on the screen."""

from __future__ import annotations

import re
from collections.abc import Iterable

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import REPLACED_KEYS, Keys, _character_to_key, key_to_character

NAMED = frozenset(str(key.value) for key in Keys)
"""Keys that have a name and type nothing."""
FIXED = frozenset(
    (
        *("enter", "escape", "tab", "shift+tab", "up", "down", "left", "right", "shift+up"),
        *("shift+down", "home", "end", "pageup", "pagedown", "f1"),
    )
)
"""Keys that mean the same whatever the settings say: they move, answer and leave."""
OUTSIDE = {"escape": "esc"}
"""Keys that people call otherwise."""
NAMES = {
    "answer(True)": "yes",
    "answer(False)": "no",
    "cursor_down": "down",
    "cursor_up": "up",
    "disagreement(1)": "next_disagreement",
    "disagreement(-1)": "previous_disagreement",
    "end(1)": "last",
    "end(-1)": "first",
    "flag('ambiguous')": "ambiguous",
    "flag('excluded')": "exclude",
    "flag('review')": "flag",
    "focus_next": "next_field",
    "focus_previous": "previous_field",
    "lines(1)": "down",
    "lines(-1)": "up",
    "next_box(1)": "next_box",
    "next_box(-1)": "previous_box",
    "page(0.5)": "half_page_down",
    "page(-0.5)": "half_page_up",
    "page(1)": "page_down",
    "page(-1)": "page_up",
    "pages(0.5)": "half_page_down",
    "pages(-0.5)": "half_page_up",
    "pages(1)": "page_down",
    "pages(-1)": "page_up",
    "scroll_detail(1)": "scroll_down",
    "scroll_detail(-1)": "scroll_up",
    "sideways(1)": "right",
    "sideways(-1)": "left",
    "skip(1)": "skip",
    "skip(-1)": "skip_back",
    "step(1)": "down",
    "step(-1)": "up",
}
"""The names by which actions have other keys, where they are not what the actions are called."""


def action_name(action: str) -> str:
    """The name of an action in workbench.toml; what does the same on several screens has one."""
    plain = action.removeprefix("app.").removeprefix("screen.")
    return NAMES.get(plain) or re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


def key_names(keys: str) -> list[str]:
    """The keys of a list with commas, as Textual calls them; a comma alone is one too."""
    parts = [","] if keys.strip() == "," else [part.strip() for part in keys.split(",")]
    known = {shown: name for name, shown in OUTSIDE.items()}
    return [_character_to_key(p) if len(p) == 1 else known.get(p, p) for p in parts if p]


def known_key(key: str) -> bool:
    """Whether a terminal can send something of this name."""
    *modifiers, plain = key.split("+")
    named = len(plain) == 1 or types(plain) or plain in NAMED
    return named and set(modifiers) <= {"ctrl", "shift", "alt"}


def _character(key: str) -> str:
    """What a key types, an empty text where it types nothing."""
    found = key_to_character(REPLACED_KEYS.get(key, key)) or ""
    return found if found.isprintable() else ""


def types(key: str) -> bool:
    """Whether a key is a character of what is typed."""
    return bool(_character(key))


def shown_keys(keys: Iterable[str]) -> str:
    """Keys as people call them."""
    shown = []
    for key in keys:
        shown.append(_character(key).strip() or OUTSIDE.get(key, key))
    return " ".join(shown)


def bindings_of(kind: type[DOMNode]) -> list[Binding]:
    """The bindings of a screen, a widget or the application, with those of our bases of it."""
    bindings: list[Binding] = []
    for base in kind.__mro__:
        if base is kind or (base.__module__.startswith("workbench.") and issubclass(base, DOMNode)):
            own = [each for each in vars(base).get("BINDINGS", ()) if isinstance(each, Binding)]
            bindings = own + bindings
    return bindings
