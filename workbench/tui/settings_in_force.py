"""What the screen does by the settings: at its start, and at once when they are changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import App

from workbench.tui import themes
from workbench.tui.host import host
from workbench.tui.places import Places


class SettingsInForce:
    """Has the colours and the screens follow the settings."""

    def __init__(self, app: App[Any], places: Places, then: Callable[[], None]) -> None:
        self._app, self._places, self._then = app, places, then
        self._theme = host(app).store.config.theme
        self._problem = themes.begin(app, self._theme)

    def say_problems(self) -> None:
        """Say what is wrong with them."""
        if self._problem:
            host(self._app).say(self._problem, problem=True)

    def follow(self) -> None:
        """Do as the settings say now."""
        config = host(self._app).store.config
        if config.theme != self._theme:  # else the environment may have chosen another
            self._theme = config.theme
            themes.put_on(self._app, self._theme)
        for screen in self._places.label_screens():
            screen.go_by_settings()
        self._then()
