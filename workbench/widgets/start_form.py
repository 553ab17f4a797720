"""What the forms that start a run share: the mark of the field in use, messages, the start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, Static

from storage.errors import UserError
from workbench import inert
from workbench.widgets.keys import key
from workbench.widgets.menu import CURSOR

Command = Callable[..., Awaitable[Any]]
"""Runs a command of the command line; see `WorkbenchApp.command`."""
MOVES = (
    key("enter", "go_on", "next field", show=False),
    key("tab", "app.focus_next", "next field", show=False),
    key("shift+tab", "app.focus_previous", "previous field", show=False),
    key("ctrl+j", "start", "start", show=False),
    key("escape", "back", "back, as q does where nothing is typed", key_display="esc q"),
)
"""What goes from field to field, and away, before the next key is looked at."""


def mark(screen: Screen[None], titles: Mapping[str, str], focused: Widget) -> None:
    """Mark the field that has the focus, beside its colour; `titles` are by the id of a field."""
    for name, title in titles.items():
        cursor = CURSOR if focused.id == name else " "
        screen.query_one(f"#{name}-title", Static).update(f"{cursor}{title}")
    start = screen.query_one("#start", Button)
    start.label = f"{CURSOR if focused is start else ' '} Start "


def go_on(screen: Screen[None]) -> None:
    """Go to the next field, or press the button that has the focus."""
    if isinstance(screen.focused, Button):
        screen.focused.press()
    else:
        screen.focus_next()


def say(screen: Screen[None], text: str, problem: bool) -> None:
    """Show a message below the fields."""
    text = inert.line(f"! {text}" if problem and text else text)
    screen.query_one("#form-message", Static).update(text)


def take_back(screen: Screen[None], text: str) -> None:
    """Take a message away if it is still there."""
    shown = str(screen.query_one("#form-message", Static).content)
    if shown.removeprefix("! ") == inert.line(text):
        say(screen, "", problem=False)


async def start(screen: Screen[None], command: Command, *arguments: str) -> int | None:
    """Start a run and give its number; what is wrong is shown, and the form is there again."""
    try:
        started = await command(*arguments, "--json", let_finish=True)
    except UserError as error:
        button = screen.query_one("#start", Button)
        button.disabled = False
        button.focus()
        say(screen, str(error), problem=True)
        return None
    return int(started["id"])
