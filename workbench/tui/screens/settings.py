"""The settings of the workspace, each changed with a key and written down at once."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.screen import Screen

from storage import setting_changes
from storage.config import FILE_NAME
from storage.errors import UserError
from storage.store import refresh_settings
from workbench import escaping
from workbench.tui.dialogs.choose import ChoiceDialog
from workbench.tui.host import host
from workbench.tui.offered_settings import SETTINGS, Choice, Setting
from workbench.tui.widgets.key_line import KeyLine
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.line_list import Content, Line, LineList, Part, Stop
from workbench.tui.widgets.line_lists import LineLists
from workbench.tui.widgets.top_line import TopLine

KEYS = (
    ("↑↓", "setting"),
    ("← →", "other value"),
    ("↵", "all values"),
    ("esc q", "back"),
    ("?", "more"),
)


def choose(app: App[Any], setting: Setting) -> None:
    """Choose among all values of a setting."""
    choices = {choice.word: choice for choice in setting.choices}

    def chosen(word: str | None) -> None:
        if word is not None:
            change(app, setting, choices[word])

    current = setting.choice(host(app).store.config).word
    offered = [(choice.word, choice.about) for choice in setting.choices]
    title = setting.title[:1].upper() + setting.title[1:]
    app.push_screen(ChoiceDialog(title, offered, current), chosen)


def change(app: App[Any], setting: Setting, choice: Choice) -> None:
    """Write a setting down, and have it hold at once."""
    try:
        setting_changes.change(host(app).store, setting.name, choice.value)
    except UserError as error:
        host(app).say(str(error), problem=True)
    else:
        host(app).go_by_settings()


class SettingsScreen(Screen[None]):
    """A line a setting; what is chosen is written to workbench.toml and holds at once."""

    BINDINGS: ClassVar = [
        key("enter", "open", "choose among all values"),
        key("escape", "back", "back", key_display="esc q"),
    ]

    def __init__(self) -> None:
        super().__init__(name="settings")

    def compose(self) -> ComposeResult:
        """The places, the settings, the keys."""
        yield TopLine("settings")
        with LineLists(id="settings-boxes"):
            yield LineList(id="settings")
        yield KeyLine(KEYS)

    def on_mount(self) -> None:
        """The keys move in the list."""
        for boxes in self.query(LineLists):  # none where it was left before it was made
            boxes.focus()

    def on_screen_resume(self) -> None:
        """Show what the settings are now, whoever has written them."""
        if self.query(LineList):
            self._read_again()
            self._draw()

    def _read_again(self) -> None:
        """Have what somebody else has written hold here too."""
        store = host(self).store
        before = store.config
        try:
            refresh_settings(store)
        except UserError as error:
            self.say(str(error), problem=True)
        else:
            if store.config != before:
                host(self).go_by_settings()

    def _draw(self) -> None:
        """Show each setting with its value and what that means."""
        config = host(self).store.config
        width = max(len(setting.title) for setting in SETTINGS)
        words = max(len(choice.word) for setting in SETTINGS for choice in setting.choices)
        lines: list[Line] = [()]
        stops = []
        for setting in SETTINGS:
            stops.append(Stop(setting.name, len(lines), opens=setting))
            choice = setting.choice(config)
            lines += [
                (
                    Part(f"   {setting.title:<{width}}  "),
                    Part(f"{escaping.line(choice.word):<{words}}  ", "bold"),
                    Part(choice.about, "dim"),
                ),
                (Part(f"   {' ' * width}  {setting.about}", "dim"),),
                (),
            ]
        content = Content("SETTINGS", tuple(lines), tuple(stops), aside=f"kept in {FILE_NAME}")
        self.query_one(LineList).show(content)
        self.query_one(LineLists).keep_active()

    @property
    def _setting(self) -> Setting:
        here = self.query_one(LineList).current
        assert here is not None  # noqa: S101 - there is always a setting
        assert isinstance(here.opens, Setting)  # noqa: S101
        return here.opens

    def action_open(self) -> None:
        """Choose among all values of a setting."""
        choose(self.app, self._setting)

    @on(LineList.Stuck)
    def _stuck(self, event: LineList.Stuck) -> None:
        if event.across:
            self._read_again()
            setting = self._setting
            choices, now = setting.choices, setting.choice(host(self).store.config)
            at = choices.index(now) + event.way if now in choices else 0
            self.query_one(KeyLine).show_keys()
            change(self.app, setting, choices[at % len(choices)])
            self._draw()
        else:
            self.say("There is no other setting that way.")

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self.query_one(KeyLine).say(text, problem)

    def action_back(self) -> None:
        """Back to where the user came from."""
        self.app.pop_screen()
