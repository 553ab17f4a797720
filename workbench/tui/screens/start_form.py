"""What the forms that start a run share: the mark of the field in use, messages, the start."""

from __future__ import annotations

from collections.abc import Mapping

from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from workbench import escaping
from workbench.tui.host import host
from workbench.tui.widgets.key_line import KeyLine, Keys
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.menu import CURSOR

ENTER = key("enter", "go_on", "next field", show=False)
NEXT = key("tab", "app.focus_next", "next field", show=False)
OTHERS = (
    key("shift+tab", "app.focus_previous", "previous field", show=False),
    key("ctrl+j", "start", "start", show=False),
    key("escape", "back", "back", key_display="esc q"),
)
MOVES = (ENTER, NEXT, *OTHERS)
"""What goes from field to field, and away, before the next key is looked at."""


def keys(focused: Widget | None) -> Keys:
    """What the last line names: q leaves where it is not typed, enter starts where Start is."""
    return (
        ("enter", "starts" if isinstance(focused, Button) else "next field, on Start it starts"),
        ("tab", "moves"),
        ("esc" if isinstance(focused, Input) else "esc q", "back"),
        ("F1", "help"),
    )


def mark(screen: Screen[None], titles: Mapping[str, str], focused: Widget) -> None:
    """Mark the field that has the focus, beside its colour; `titles` are by the id of a field."""
    for name, title in titles.items():
        cursor = CURSOR if focused.id == name else " "
        screen.query_one(f"#{name}-title", Static).update(f"{cursor}{title}")
    start = screen.query_one("#start", Button)
    start.label = f"{CURSOR if focused is start else ' '} Start "
    screen.query_one(KeyLine).name_keys(keys(focused))


def go_on(screen: Screen[None]) -> None:
    """Go to the next field, or press the button that has the focus."""
    if isinstance(screen.focused, Button):
        screen.focused.press()
    else:
        screen.focus_next()


def say(screen: Screen[None], text: str, problem: bool) -> None:
    """Show a message below the fields."""
    if text:
        host(screen).message_log.add(text, problem)
    text = escaping.line(f"! {text}" if problem and text else text)
    for line in screen.query("#form-message").results(Static):  # none where the form is gone
        line.update(text)


def retract(screen: Screen[None], text: str) -> None:
    """Take a message away if it is still there."""
    shown = str(screen.query_one("#form-message", Static).content)
    if shown.removeprefix("! ") == escaping.line(text):
        say(screen, "", problem=False)


def start(screen: Screen[None], *arguments: str) -> None:
    """Start a run as work of the application, so that nothing is lost when the form is left."""
    screen.app.run_worker(_start(screen, *arguments), group="start")


async def _start(screen: Screen[None], *arguments: str) -> None:
    app = host(screen)
    try:
        started = await app.command(*arguments, "--json", let_finish=True)
    except Exception:  # whatever it is, the form can be sent again
        _let_start_again(screen, focus=True)
        raise
    _let_start_again(screen, focus=False)
    if screen in screen.app.screen_stack:
        if screen.is_attached:
            say(screen, "", problem=False)
        app.run_started(int(started["id"]))
    else:
        app.follow_runs()
        app.say(f"Run {started['id']} has begun.")


def _let_start_again(screen: Screen[None], focus: bool) -> None:
    for button in screen.query("#start").results(Button):  # none where the form is gone
        button.disabled = False
        if focus:
            button.focus()
