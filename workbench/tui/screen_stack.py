"""The layers of the screen, the list of tweets below all: messages to them, and leaving them."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from textual import events
from textual.app import App
from textual.screen import Screen

from workbench.tui.widgets.keys import name_of


@runtime_checkable
class HasPlace(Protocol):
    """A screen that shows messages."""

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""


@runtime_checkable
class KeepsMessages(Protocol):
    """A screen on which a message stands until the next one."""

    def take_back(self, text: str) -> None:
        """Take a message away if it is still there."""


@runtime_checkable
class CanBeLeft(Protocol):
    """A screen that lies on another one."""

    def action_back(self) -> None:
        """Go back there."""


@runtime_checkable
class HasLayer(Protocol):
    """A screen with something of its own lying on it."""

    def left(self) -> bool:
        """Take that away; False if there is nothing."""


@runtime_checkable
class KnowsKeys(Protocol):
    """A screen that has a word for keys without a meaning."""

    def instead_of(self, name: str) -> str:
        """What to press instead of a key, or nothing."""


def say(app: App[Any], text: str, problem: bool = False) -> None:
    """Show a message on all layers that have a place for one."""
    for screen in app.screen_stack if app.is_running else ():  # and not while they are closed
        if isinstance(screen, HasPlace):
            if screen.is_mounted:
                screen.say(text, problem)
            else:  # it has just been opened and has no place yet
                screen.call_later(screen.say, text, problem)


def take_back(app: App[Any], text: str) -> None:
    """Take a message away, on all layers on which it still stands, as it is true no more."""
    for screen in app.screen_stack:
        if isinstance(screen, KeepsMessages):
            screen.take_back(text)


def say_unused(app: App[Any], event: events.Key) -> None:
    """Say of a key that it means nothing on the top layer, if it does not."""
    screen, name = app.screen, name_of(event)
    if event.key in screen.active_bindings or not isinstance(screen, HasPlace):
        return
    instead = screen.instead_of(name) if isinstance(screen, KnowsKeys) else ""
    screen.say(instead or f"{name} does nothing here.")


def uncover(app: App[Any], depth: int) -> None:
    """Take layers away until so many are left."""
    while len(app.screen_stack) > depth:
        app.pop_screen()


def put(app: App[Any], screen: Screen[None]) -> None:
    """Put a screen directly on the list, in the place of what lies there."""
    uncover(app, depth=2)
    if len(app.screen_stack) == 1:
        app.push_screen(screen)
    else:
        app.switch_screen(screen)


async def leave(app: App[Any]) -> None:
    """Leave the top layer; under the last one there is only the way out."""
    if isinstance(app.screen, HasLayer) and app.screen.left():
        return
    if len(app.screen_stack) == 1:
        await app.action_quit()
    elif isinstance(app.screen, CanBeLeft):
        app.screen.action_back()
