"""Keys for several actions at once, chosen by `keys.preset` in workbench.toml."""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT, VIM, ONE_HAND = "default", "vim", "one-hand"
PRESETS: Mapping[str, Mapping[str, str]] = {
    DEFAULT: {},
    VIM: {
        "next_disagreement": "n",
        "previous_disagreement": "N",
        "page_down": "ctrl+f,pagedown",
        "page_up": "ctrl+b,pageup",
        "left": "h,left",
        "right": "l,right",
        "scroll_down": "ctrl+e,J,shift+down",
        "scroll_up": "ctrl+y,K,shift+up",
    },
    ONE_HAND: {
        "up": "w,up",
        "down": "s,down",
        "skip_back": "w,up",
        "skip": "s,down",
        "left": "z,left",
        "right": "Z,right",
        "half_page_up": "ctrl+e",
        "next_disagreement": "F",
        "previous_disagreement": "ctrl+f",
        "sort": "W",
        "split": "W",
        "choose_queue": "W",
        "open": "grave_accent,enter",
        "undo": "ctrl+z",
        "menu": "tilde",
    },
}
"""The keys of each preset by the names of actions, with those that stay; others keep theirs."""
ABOUT = {
    DEFAULT: "as the help names them",
    VIM: "n N to disagreements, h l sideways",
    ONE_HAND: "all within reach of the left hand: w s move",
}
