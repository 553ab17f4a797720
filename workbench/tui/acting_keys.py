"""Which key does what now: whatever names a key asks here, as people choose other ones."""

from __future__ import annotations

import re
from collections.abc import Mapping

from textual.binding import Binding
from textual.widget import Widget

from workbench.tui.key_names import FIXED, bindings_of, key_names, shown_keys

BY_DEFAULT: Mapping[str, str] = {
    **{f"label_{number}": str(number) for number in range(1, 10)},
    "ambiguous": "a",
    "blind": "b",
    "clear": "0",
    "choose_queue": "s",
    "columns": "c",
    "compare": "c",
    "down": "j",
    "examine": "r",
    "exclude": "x",
    "filter": "/",
    "first": "g",
    "flag": "f",
    "help": "?",
    "history": "h",
    "last": "G",
    "leave": "q",
    "leave_offer": "O",
    "mark": "v",
    "mark_twins": "=",
    "menu": ",",
    "messages": "F3",
    "next_disagreement": "]",
    "no": "n",
    "note": "e",
    "palette": "ctrl+p",
    "place_browse": "B",
    "place_errors": "E",
    "place_queue": "Q",
    "place_runs": "R",
    "place_train": "T",
    "previous_disagreement": "[",
    "promote": "*",
    "queue_disagreement": "d",
    "queue_margin": "m",
    "queue_random": "r",
    "quit": "ctrl+q",
    "redo": "ctrl+r",
    "runs": "r",
    "scroll_down": "J",
    "scroll_up": "K",
    "settings": "F2",
    "show": "o",
    "skip": ";",
    "skip_back": "k",
    "sort": "s",
    "split": "s",
    "stop": "S",
    "suggestion": "space",
    "take_offer": "o",
    "undelete": "U",
    "undo": "u",
    "versus": "v",
    "work_out": "ctrl+l",
    "yes": "y",
}
"""The keys that texts name where nobody has chosen others, by the names of their actions."""
LEAVE = "q"
"""The key of the application that stands beside those of a screen that is left."""
LABELS = re.compile(r"(\d)([-/].*)")
"""The digit of a label with its letter, or the digits of all labels."""
_chosen: dict[str, str] = {}


def choose(keys: Mapping[str, str]) -> None:
    """Have actions the keys that somebody has chosen, and all others those that they have anyway.

    There is one keyboard for all of a process, threads included.
    """
    _chosen.clear()
    _chosen.update(keys)


def key_for(action: str) -> str:
    """The key that does this now, as people call it."""
    chosen = _chosen.get(action, "")
    return shown_keys(chosen.split(",")[:1]) if chosen else BY_DEFAULT[action]


def keys_of_binding(binding: Binding) -> str:
    """The keys that a binding has now, as people call them."""
    leave = key_for("leave")
    if binding.id is not None and binding.id in _chosen:
        return shown_keys(_chosen[binding.id].split(","))
    if binding.key_display is None:
        return shown_keys(binding.key.split(","))
    own = binding.key.split(",")
    words = binding.key_display.split(" ")
    return " ".join(leave if word == LEAVE not in own else word for word in words)


def keys_in_force(name: str, node: Widget) -> str:
    """Keys as they are without any choice, as those that their actions have now on a screen."""
    if not _chosen:
        return name
    focused = node.screen.focused
    holders = [type(node.app), type(node.screen), *([] if focused is None else [type(focused)])]
    now = {}
    for binding in (each for holder in holders for each in bindings_of(holder)):
        if binding.id is not None and binding.id in _chosen:
            first = key_for(binding.id)
            before = (key for key in key_names(binding.key) if key not in FIXED)
            now.update({shown_keys([key]): first for key in before})
    return " ".join(_now(word, now) for word in name.split(" "))


def _now(word: str, now: Mapping[str, str]) -> str:
    if found := LABELS.fullmatch(word):
        first, rest = found.groups()
        return now.get(first, first) + rest
    return now.get(word, word)
