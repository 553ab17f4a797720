"""Asks for a folder, and has the adapter of a run written to it by a command."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from textual.app import App

from storage.errors import UserError
from storage.runs.runs import Run
from workbench.tui.host import host
from workbench.tui.listing.runs_keys import WITHOUT_ADAPTER
from workbench.tui.widgets.prompt import PromptLine, PromptRequest


class Asks(Protocol):
    """A screen with a line for messages and input."""

    @property
    def app(self) -> App[object]:
        """The application."""

    @property
    def prompt(self) -> PromptLine:
        """The line for messages and input."""

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""


class AdapterExport:
    """What is written is said wherever the user is then."""

    def __init__(self, screen: Asks) -> None:
        self._screen = screen

    def ask(self, run: Run) -> None:
        """Ask for the folder; says so where the run has no adapter."""
        if run.kind in WITHOUT_ADAPTER:
            self._screen.say(f"Run {run.id} ({run.recipe}) has no adapter to export.", problem=True)
            return

        def accept(text: str) -> bool:
            if text.strip():
                folder = Path(text.strip()).expanduser().absolute()
                self._screen.app.run_worker(self._export(run.id, folder), group="export")
            return bool(text.strip())

        hint = "a new folder, for plain transformers and peft; enter writes it, esc leaves"
        self._screen.prompt.ask(PromptRequest(f"export run {run.id} to", hint, accept))

    async def _export(self, run: int, folder: Path) -> None:
        workbench = host(self._screen.prompt)
        workbench.say(f"Writing the adapter of run {run} to {folder} …")
        arguments = ("export-adapter", "--json", "--", str(run), str(folder))
        try:
            await workbench.command(*arguments, let_finish=True)
        except UserError as error:
            workbench.say(str(error), problem=True)
        else:
            workbench.say(f"The adapter of run {run} is in {folder}.")
