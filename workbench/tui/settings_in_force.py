"""What the screen does by the settings: at its start, and at once when they are changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from textual.app import App

from workbench.tui import acting_keys, themes
from workbench.tui.host import host
from workbench.tui.places import Places


@runtime_checkable
class NamesKeys(Protocol):
    """A screen or a part of one that names keys."""

    def show_keys(self) -> None:
        """Name them as they are now."""


class SettingsInForce:
    """Has the colours and the screens follow the settings."""

    def __init__(self, app: App[Any], places: Places, then: Callable[[], None]) -> None:
        self._app, self._places, self._then = app, places, then
        self._theme = host(app).store.config.theme
        self._problems = [themes.begin(app, self._theme), *self._take_keys()]

    def say_problems(self) -> None:
        """Say what is wrong with them."""
        if problems := " ".join(filter(None, self._problems)):
            host(self._app).say(problems, problem=True)

    def _take_keys(self) -> tuple[str, ...]:
        """Give the actions the keys of the settings, and say which of these cannot be."""
        config = host(self._app).store.config
        if not config.action_keys:
            acting_keys.choose({})
            self._app.set_keymap({})
            return ()
        from workbench.tui.key_map import key_map

        found = key_map(config, type(self._app))
        acting_keys.choose(found.keys)
        self._app.set_keymap(found.keys)
        return found.problems

    def follow(self) -> None:
        """Do as the settings say now."""
        config = host(self._app).store.config
        if config.theme != self._theme:  # else the environment may have chosen another
            self._theme = config.theme
            themes.put_on(self._app, self._theme)
        before, self._problems = self._problems, [*self._take_keys()]
        for seen in (*self._app.screen_stack, *self._places.made()):
            for named in (*seen.query("*"), seen):
                if isinstance(named, NamesKeys):
                    named.show_keys()
        for screen in self._places.label_screens():
            screen.go_by_settings()
        self._then()
        if not set(self._problems) <= set(before):  # which was said then
            self.say_problems()
