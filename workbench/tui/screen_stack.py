"""The stack of screens, the list of tweets at its bottom: messages to all of them, and leaving."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from textual import events
from textual.app import App
from textual.screen import Screen

from workbench.tui.host import host
from workbench.tui.widgets.keys import key_name


@runtime_checkable
class ShowsMessages(Protocol):
    """A screen that shows messages."""

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""


@runtime_checkable
class RetractsMessages(Protocol):
    """A screen on which a message stands until the next one."""

    def retract(self, text: str) -> None:
        """Take a message away if it is still there."""


@runtime_checkable
class HasBack(Protocol):
    """A screen that lies on another one."""

    def action_back(self) -> None:
        """Go back there."""


@runtime_checkable
class HasOverlay(Protocol):
    """A screen that can be covered by something of its own, such as the card of a tweet."""

    def close_overlay(self) -> bool:
        """Close what covers it; False if nothing does."""


@runtime_checkable
class ExplainsKeys(Protocol):
    """A screen that can say what to press instead of a key that does nothing."""

    def hint_for_key(self, name: str) -> str:
        """What to press instead, in a sentence, or an empty text."""


def say(app: App[Any], text: str, problem: bool = False) -> None:
    """Show a message on all screens of the stack that have a place for one."""
    say_each(app, lambda screen: text, problem)


def say_each(app: App[Any], text: Callable[[Screen[Any]], str], problem: bool = False) -> None:
    """Show a message of its own on each screen of the stack that has a place for one."""
    running = app.is_running  # and not while they are closed
    stack: Sequence[Screen[Any]] = app.screen_stack[::-1] if running else ()
    host(app).message_log.one_of(text(each) for each in stack if isinstance(each, ShowsMessages))
    for screen in stack:
        if isinstance(screen, ShowsMessages):
            if screen.is_mounted:
                screen.say(text(screen), problem)
            else:  # it has just been opened and has no place yet
                screen.call_later(screen.say, text(screen), problem)


def retract(app: App[Any], text: str) -> None:
    """Take a message away on all screens on which it still stands, as it is true no more."""
    for screen in app.screen_stack:
        if isinstance(screen, RetractsMessages) and screen.is_mounted:
            screen.retract(text)


def report_unused_key(app: App[Any], event: events.Key) -> None:
    """Say that a key does nothing on the top screen, if it has no binding there."""
    screen, name = app.screen, key_name(event)
    if event.key in screen.active_bindings or not isinstance(screen, ShowsMessages):
        return
    instead = screen.hint_for_key(name) if isinstance(screen, ExplainsKeys) else ""
    said = instead or f"{name} does nothing here."
    screen.say(said)
    host(app).at_next_key(lambda: retract(app, said))


def pop_down_to(app: App[Any], depth: int) -> None:
    """Pop screens until so many are left."""
    while len(app.screen_stack) > depth:
        app.pop_screen()


def show_over_list(app: App[Any], screen: Screen[None]) -> None:
    """Put a screen directly on the list of tweets, in the place of what lies there."""
    pop_down_to(app, depth=2)
    if len(app.screen_stack) == 1:
        app.push_screen(screen)
    else:
        app.switch_screen(screen)


async def leave_top(app: App[Any]) -> None:
    """Leave the top screen; from the last one it goes out of the program."""
    if isinstance(app.screen, HasOverlay) and app.screen.close_overlay():
        return
    if len(app.screen_stack) == 1:
        await app.action_quit()
    elif isinstance(app.screen, HasBack):
        app.screen.action_back()
