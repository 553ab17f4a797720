"""Where a run is wrong, by the labels as they are now."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Group
from textual import on, work
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from storage.errors import UserError
from storage.runs import runs
from workbench.runs.description import describe_recipe
from workbench.tui.host import host
from workbench.tui.listing.displayed_run import DisplayedRun
from workbench.tui.screens.evaluation import evaluation_lines
from workbench.tui.widgets.key_line import KeyLine
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.page import Page
from workbench.tui.widgets.top_line import TopLine

NO_RUN = "There are no predictions yet; T trains a model that makes some."


class ErrorsScreen(Screen[None]):
    """The figures of a run, worked out anew whenever somebody comes here."""

    BINDINGS: ClassVar = [key("escape", "back", "back to the tweets", key_display="esc q")]

    def __init__(self, displayed_run: DisplayedRun) -> None:
        super().__init__(name="errors")
        self._displayed_run = displayed_run
        self._chosen: int | None = None

    def look_at(self, run: int) -> None:
        """Be about this run instead of the one whose predictions the list shows."""
        self._chosen = run

    def compose(self) -> ComposeResult:
        """The places, the figures, and a line of keys."""
        yield TopLine("errors")
        with Page(id="report"):
            yield Static(id="figures", markup=False)
        yield KeyLine("j k g G scroll  esc q back  ? help")

    def on_mount(self) -> None:
        """The keys scroll at once."""
        self.query_one(Page).focus()

    def on_screen_resume(self) -> None:
        """Have the figures worked out by the labels as they are."""
        if (run := self._chosen or self._displayed_run.run) is None:
            self.query_one("#figures", Static).update(NO_RUN)
        else:
            self.say(f"Evaluating run {run}…")
            self._evaluate(run)

    @work(group="evaluate", exclusive=True)
    async def _evaluate(self, number: int) -> None:
        app = host(self)
        try:
            run = runs.get(app.store, number)
            report = await app.command("evaluate", str(number), "--json")
        except UserError as error:
            self._chosen = None
            self.say(str(error), problem=True)
            return
        lines = evaluation_lines(describe_recipe(run.kind, run.recipe), report)
        self.query_one("#figures", Static).update(Group(*lines))
        self.query_one(KeyLine).show_keys()

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self.query_one(KeyLine).say(text, problem)

    @on(Page.Stuck)
    def _stuck(self, event: Page.Stuck) -> None:
        self.say(event.text)

    def action_back(self) -> None:
        """Back to the tweets."""
        self.app.pop_screen()
