"""What is shown where there is no workspace yet: the question for a file, completed by tab."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.widgets import Input, Static

from workbench import escaping, opened_files
from workbench.tui import themes
from workbench.tui.terminal import ERASE, end_with_terminal
from workbench.tui.widgets.path_completion import PathInput, completions

INTRODUCTION = (
    "Label workbench\n\n"
    "Which file of tweets? CSV, TSV, Excel, JSON, Parquet, text and what labelling programs write. "
    "It is taken in as it is, a folder for the work comes beside it, and the first label that is "
    "likely wrong is shown.\n\n"
    "`workbench demo` in a shell shows all of it on sample tweets."
)
KEYS = "tab completes  enter opens  ctrl+u empties the line  esc ctrl+q quits"


class FirstApp(App[Path]):
    """Returns the file that was chosen, or None."""

    CSS = """
    Screen { padding: 1 2; }
    #introduction { margin-bottom: 1; }
    #files { height: 1fr; margin-top: 1; color: $text-muted; &:ansi { text-style: dim; } }
    #problem { height: auto; color: $error; }
    #keys { height: 1; color: $text-muted; &:ansi { text-style: dim; } }
    """
    BINDINGS: ClassVar = [
        Binding("escape,ctrl+q", "quit", "quit", priority=True),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self) -> None:
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self._theme_problem = themes.begin(self, "")

    def compose(self) -> ComposeResult:
        """What it is, the line for a path, the files that it could be."""
        yield Static(INTRODUCTION, id="introduction", markup=False)
        yield PathInput(id="path", placeholder="tweets.csv")
        yield Static(self._theme_problem, id="problem", markup=False)
        yield Static(id="files", markup=False)
        yield Static(KEYS, id="keys", markup=False)

    def on_mount(self) -> None:
        """A path can be typed at once."""
        if not self.is_headless:
            end_with_terminal(self.exit)
        self.query_one(PathInput).focus()

    def on_resize(self) -> None:
        """Name as many files as there is room for."""
        self.call_after_refresh(lambda: self._list(self.query_one(PathInput).value))

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message below the line."""
        self.query_one("#problem", Static).update(escaping.line(f"! {text}" if problem else text))

    def on_unmount(self) -> None:
        """Leave nothing on the terminal."""
        if self._driver is not None:
            self._driver.write(ERASE)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.query_one("#problem", Static).update("")
        self._list(event.value)

    def _list(self, typed: str) -> None:
        files = self.query_one("#files", Static)
        shown = completions(typed).in_lines(max(1, files.size.height))
        files.update("\n".join(f"  {name}" for name in shown))

    @on(Input.Submitted)
    def _chosen(self, event: Input.Submitted) -> None:
        if not event.value.strip():
            return
        path = Path(event.value.strip()).expanduser()
        if path.is_dir() and not event.value.endswith("/") and not opened_files.is_workspace(path):
            self.query_one(PathInput).value = f"{event.value}/"
            return
        if reason := opened_files.refusal(path):
            self.say(reason, problem=True)
        else:
            self.exit(path)

    def on_paste(self, event: events.Paste) -> None:
        """A file that is dropped on the terminal comes as text with quotes."""
        event.prevent_default()
        self.query_one(PathInput).value = event.text.strip().strip("'\"")
