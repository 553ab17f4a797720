"""Screens that are imported when they are first opened, so that the list of tweets comes sooner."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.screen import Screen

from storage.runs.runs import Run
from workbench.tui.editing.label_keys import LabelKeys
from workbench.tui.listing.displayed_run import DisplayedRun
from workbench.tui.message_log import MessageLog
from workbench.tui.offered_settings import Choice, Setting


def screen_class(place: str) -> type[Screen[Any]]:
    """The class of the screen of a place; of Train, that of a run that goes on."""
    if place == "queue":
        from workbench.tui.screens.queue import QueueScreen

        return QueueScreen
    if place == "errors":
        from workbench.tui.screens.errors import ErrorsScreen

        return ErrorsScreen
    if place == "runs":
        from workbench.tui.screens.runs import RunsScreen

        return RunsScreen
    if place == "train":
        from workbench.tui.screens.run import RunScreen

        return RunScreen
    from workbench.tui.screens.browse import BrowseScreen

    return BrowseScreen


def help_screen(about: Screen[Any]) -> Screen[None]:
    """All keys of a screen."""
    from workbench.tui.screens.help import HelpScreen

    return HelpScreen(about)


def messages_screen(log: MessageLog) -> Screen[None]:
    """What was said, the last of it at the bottom."""
    from workbench.tui.screens.report import ReportScreen

    return ReportScreen(log.lines(), place="", at_end=True, name="messages")


def settings_screen() -> Screen[None]:
    """The settings of the workspace."""
    from workbench.tui.screens.settings import SettingsScreen

    return SettingsScreen()


def choose_setting(app: App[Any], setting: Setting) -> None:
    """Choose the value of a setting in a menu."""
    from workbench.tui.screens import settings

    settings.choose(app, setting)


def change_setting(app: App[Any], setting: Setting, choice: Choice) -> None:
    """Write a setting down, and have it hold at once."""
    from workbench.tui.screens import settings

    settings.change(app, setting, choice)


def errors_screen(displayed_run: DisplayedRun) -> Screen[None]:
    """Where a run is wrong."""
    from workbench.tui.screens.errors import ErrorsScreen

    return ErrorsScreen(displayed_run)


def queue_screen(browse: LabelKeys) -> Screen[None]:
    """One tweet after the other."""
    from workbench.tui.screens.queue import QueueScreen

    return QueueScreen(browse)


def train_screen() -> Screen[None]:
    """The form that starts a run."""
    from workbench.tui.screens.train import TrainScreen

    return TrainScreen()


def clone_screen(run: Run) -> Screen[None]:
    """The form that trains again on the data of a run."""
    from workbench.tui.screens.clone import CloneScreen

    return CloneScreen(run)


def runs_screen(displayed_run: DisplayedRun) -> Screen[None]:
    """All runs in a table."""
    from workbench.tui.screens.runs import RunsScreen

    return RunsScreen(displayed_run)


def run_page(run: int) -> str:
    """The name of the page of a run."""
    return f"run {run}"


def run_screen(run: Run) -> Screen[None]:
    """One run, live."""
    from workbench.tui.screens.run import RunScreen

    return RunScreen(run, run_page(run.id))
