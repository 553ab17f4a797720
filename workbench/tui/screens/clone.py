"""The form that trains again on the data of a run, with other settings."""

from __future__ import annotations

import shlex
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from storage.errors import UserError
from storage.runs.runs import Run
from workbench import escaping
from workbench.recipes import recipes
from workbench.recipes.base_models import absolute_name
from workbench.recipes.recipes import Recipe
from workbench.rundir.folder import read_job, require_folder
from workbench.tui.host import host
from workbench.tui.screens import start_form
from workbench.tui.widgets.key_line import KeyLine
from workbench.tui.widgets.line_input import LineInput
from workbench.tui.widgets.top_line import TopLine

TITLES = {
    "settings": "settings that differ from those of the run",
    "base": "base model: a hub name or a local folder",
}


class CloneScreen(Screen[None]):
    """Settings and base model; enter goes from field to field, at last to the start."""

    BINDINGS: ClassVar = [*start_form.MOVES]

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self._recipe: Recipe | None = None

    def compose(self) -> ComposeResult:
        """The fields above the settings of the run."""
        run = self.run
        example = "none, or such as: lora.r=8 training.learning_rate=1e-4"
        title = escaping.line(
            f"Train again on the tweets and labels of run {run.id} ({run.recipe})"
        )
        yield TopLine("train")
        with Vertical(id="form"):
            yield Static(title, id="form-title", markup=False)
            yield Static(classes="field", id="settings-title")
            yield LineInput(id="settings", placeholder=example)
            yield Static(classes="field", id="base-title")
            yield LineInput(run.base or "", id="base", disabled=run.kind == "baseline")
            yield Button("Start", id="start", compact=True, variant="primary")
            yield Static(id="form-message", markup=False)
            yield Static(id="snapshot", markup=False)
        yield KeyLine(start_form.keys(self.focused))

    def on_mount(self) -> None:
        """Say what the settings of the run are."""
        if not self.query("#settings"):
            return  # it was left before it was made
        self.query_one("#settings").focus()
        folder = host(self).store.run_folder(self.run.id)
        try:
            require_folder(folder)
            self._recipe = read_job(folder).recipe
        except UserError as error:
            self.say(str(error), problem=True)
            return
        named = "  ".join(f"{name}={value}" for name, value in self._recipe.settings().items())
        self.query_one("#snapshot", Static).update(escaping.line(f"run {self.run.id}: {named}"))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Mark the field that has the focus, beside its colour."""
        start_form.mark(self, TITLES, event.widget)

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        start_form.say(self, text, problem)

    def retract(self, text: str) -> None:
        """Take a message away if it is still there."""
        start_form.retract(self, text)

    def action_go_on(self) -> None:
        """From field to field, and start at last."""
        start_form.go_on(self)

    @on(Button.Pressed)
    def action_start(self) -> None:
        """Check the form and start the run."""
        try:
            overrides = shlex.split(self.query_one("#settings", Input).value)
            if self._recipe is not None:
                recipes.with_overrides(self._recipe, overrides)
        except (UserError, ValueError) as error:
            self.say(str(error), problem=True)
            return
        base = self.query_one("#base", Input).value.strip()
        arguments = [str(self.run.id)]
        arguments += ["--base", absolute_name(base)] if base and base != self.run.base else []
        for override in overrides:
            arguments += ["--set", override]
        self.query_one("#start", Button).disabled = True
        start_form.start(self, "clone", *arguments)

    def action_back(self) -> None:
        """Back to the runs."""
        host(self).places.go("runs")
