"""Keys for several actions at once, chosen by `keys.preset` in workbench.toml."""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT, VIM, ONE_HAND = "default", "vim", "one-hand"
PRESETS: Mapping[str, Mapping[str, str]] = {
    DEFAULT: {},
    VIM: {
        "next_disagreement": "n",
        "previous_disagreement": "N",
        "page_down": "ctrl+f",
        "page_up": "ctrl+b",
        "left": "h",
        "right": "l",
        "scroll_down": "ctrl+e",
        "scroll_up": "ctrl+y",
    },
    ONE_HAND: {
        "up": "w",
        "down": "s",
        "skip_back": "w",
        "skip": "s",
        "left": "z",
        "right": "Z",
        "half_page_up": "ctrl+e",
        "next_disagreement": "F",
        "previous_disagreement": "ctrl+f",
        "sort": "W",
        "split": "W",
        "choose_queue": "W",
        "open": "grave_accent",
        "undo": "ctrl+z",
        "menu": "tilde",
    },
}
"""The keys of each preset by the names of actions; all other actions keep theirs."""
ABOUT = {
    DEFAULT: "as drawn",
    VIM: "n N to disagreements, h l sideways, ctrl+f ctrl+b pages",
    ONE_HAND: "all within reach of the left hand: w s move",
}
