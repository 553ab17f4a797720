"""The colours of the screen: a theme has few of them, each for one purpose."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from textual.app import App
from textual.theme import Theme

DARK, LIGHT, HIGH_CONTRAST = "dark", "light", "high-contrast"
ANSI_DARK, ANSI_LIGHT = "ansi-dark", "ansi-light"


@dataclass(frozen=True)
class Colours:
    """What each colour of a theme is for."""

    ground: str
    raised: str
    """The ground of menus, questions and the line of state, which lie over the list."""
    text: str
    secondary: str
    accent: str
    """Where somebody is: the place, the cursor, what has the focus."""
    differs: str
    corrected: str
    problem: str


@dataclass(frozen=True)
class Look:
    """A theme that is offered."""

    name: str
    about: str
    colours: Colours
    dark: bool = True
    ansi: bool = False


_TERMINAL = "ansi_default"
"""The colour that text or ground has anyway in a terminal."""
LOOKS = (
    Look(
        DARK,
        "light on a dark ground",
        Colours(
            ground="#121212",
            raised="#262626",
            text="#e4e4e4",
            secondary="#a8a8a8",
            accent="#87afff",
            differs="#ffaf5f",
            corrected="#87d787",
            problem="#ff8787",
        ),
    ),
    Look(
        LIGHT,
        "dark on a white ground",
        Colours(
            ground="#ffffff",
            raised="#eeeeee",
            text="#1c1c1c",
            secondary="#585858",
            accent="#005faf",
            differs="#875f00",
            corrected="#005f00",
            problem="#af0000",
        ),
        dark=False,
    ),
    Look(
        HIGH_CONTRAST,
        "white on black, every colour at 7 : 1 or more",
        Colours(
            ground="#000000",
            raised="#262626",
            text="#ffffff",
            secondary="#d0d0d0",
            accent="#ffff00",
            differs="#ffaf00",
            corrected="#5fff87",
            problem="#ffafaf",
        ),
    ),
    Look(
        ANSI_DARK,
        "the 16 colours of a dark terminal, and fewer bytes",
        Colours(
            ground=_TERMINAL,
            raised=_TERMINAL,
            text=_TERMINAL,
            secondary=_TERMINAL,
            accent="ansi_cyan",
            differs="ansi_yellow",
            corrected="ansi_green",
            problem="ansi_bright_red",
        ),
        ansi=True,
    ),
    Look(
        ANSI_LIGHT,
        "the 16 colours of a light terminal, and fewer bytes",
        Colours(
            ground=_TERMINAL,
            raised=_TERMINAL,
            text=_TERMINAL,
            secondary=_TERMINAL,
            accent="ansi_blue",
            differs="ansi_red",
            corrected="ansi_magenta",
            problem="ansi_red",
        ),
        dark=False,
        ansi=True,
    ),
)
"""The themes in the order in which they are offered."""
NAMES = tuple(look.name for look in LOOKS)


def usual(app: App[Any]) -> str:
    """The theme where nobody asks for one: what the terminal can show."""
    few = app.console.color_system in (None, "standard")
    return ANSI_DARK if few or app.no_color else DARK


def put_on(app: App[Any], wanted: str) -> None:
    """Change the colours; where there are to be none, nothing changes."""
    app.theme = wanted if wanted in NAMES and not app.no_color else usual(app)


def begin(app: App[Any], setting: str) -> str:
    """Offer the themes and put on the one asked for, by the environment or else by a setting.

    Returns what is wrong with that in a sentence, or an empty text.
    """
    for look in LOOKS:
        app.register_theme(_theme(look))
    wanted = os.environ.get("WORKBENCH_THEME") or setting
    put_on(app, wanted)
    for name in set(app.available_themes) - set(NAMES):  # those that come with Textual
        app.unregister_theme(name)
    return "" if wanted in ("", *NAMES) else unknown(wanted)


def unknown(name: str) -> str:
    """What is said of a theme that is not there."""
    return f"There is no theme {name!r} (known: {', '.join(NAMES)})."


def _theme(look: Look) -> Theme:
    colours = look.colours
    return Theme(
        name=look.name,
        primary=colours.accent,
        secondary=colours.secondary,
        accent=colours.accent,
        warning=colours.differs,
        success=colours.corrected,
        error=colours.problem,
        foreground=colours.text,
        background=colours.ground,
        surface=colours.ground,
        panel=colours.raised,
        boost=colours.raised,
        dark=look.dark,
        ansi=look.ansi,
        variables=_variables(colours) if not look.ansi else _ansi_variables(colours),
    )


def _variables(colours: Colours) -> dict[str, str]:
    """What Textual would mix from the colours, in these colours instead."""
    return {
        "text": colours.text,
        "text-muted": colours.secondary,
        "text-disabled": colours.secondary,
        "text-primary": colours.accent,
        "text-secondary": colours.secondary,
        "text-accent": colours.accent,
        "text-warning": colours.differs,
        "text-success": colours.corrected,
        "text-error": colours.problem,
        "foreground-muted": colours.secondary,
        "foreground-disabled": colours.secondary,
        "panel-darken-1": colours.raised,
        "block-cursor-foreground": colours.ground,
        "block-cursor-background": colours.accent,
        "block-cursor-blurred-foreground": colours.text,
        "block-cursor-blurred-background": colours.raised,
        "block-hover-background": colours.raised,
        "border": colours.accent,
        "border-blurred": colours.secondary,
        "input-selection-background": colours.accent,
        "input-selection-foreground": colours.ground,
        "link-color": colours.accent,
        "scrollbar": colours.secondary,
        "scrollbar-hover": colours.secondary,
        "scrollbar-active": colours.accent,
        "scrollbar-background": colours.ground,
    }


def _ansi_variables(colours: Colours) -> dict[str, str]:
    """What is reversed on a terminal whose colours are not known."""
    return {
        "ansi-background": _TERMINAL,
        "ansi-foreground": _TERMINAL,
        "border": colours.accent,
        "border-blurred": _TERMINAL,
        "block-cursor-foreground": _TERMINAL,
        "block-cursor-background": _TERMINAL,
        "block-cursor-text-style": "reverse",
        "input-cursor-background": _TERMINAL,
        "input-cursor-foreground": _TERMINAL,
        "input-cursor-text-style": "reverse",
        "input-selection-background": _TERMINAL,
        "input-selection-foreground": _TERMINAL,
        "text-muted": _TERMINAL,
        "text-disabled": _TERMINAL,
        "footer-key-foreground": colours.accent,
        "scrollbar": _TERMINAL,
        "scrollbar-hover": _TERMINAL,
        "scrollbar-active": _TERMINAL,
    }
