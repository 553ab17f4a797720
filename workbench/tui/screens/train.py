"""The form that starts a run."""

from __future__ import annotations

import shlex
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Button, Checkbox, Input, OptionList, Static
from textual.widgets.option_list import Option

from storage.errors import UserError
from storage.plurals import counted
from storage.runs import training_set
from storage.store import open_store
from workbench import escaping
from workbench.planning.class_balance import balance_warnings
from workbench.recipes import recipes
from workbench.recipes.base_models import absolute_name
from workbench.runs import engine_control
from workbench.runs.login_sessions import logout_effect
from workbench.tui.background_calls import in_background
from workbench.tui.host import host
from workbench.tui.screens import start_form
from workbench.tui.widgets.forecast import ForecastLines
from workbench.tui.widgets.line_input import LineInput
from workbench.tui.widgets.menu import CURSOR, Menu
from workbench.tui.widgets.top_line import TopLine

KEEP = f"keep the base loaded for {engine_control.IDLE_MINUTES:g} minutes afterwards (tab, space)"
TITLES = {
    "recipe": "recipe",
    "base": "base model: a hub name or a local folder",
    "settings": "settings that differ from the recipe",
}


class TrainScreen(Screen[None]):
    """Recipe, base model and settings; enter goes from field to field, at last to the start."""

    BINDINGS: ClassVar = [*start_form.MOVES]

    def __init__(self) -> None:
        super().__init__(name="train")

    def compose(self) -> ComposeResult:
        """The fields in the order in which they are filled in."""
        config = host(self).store.config
        names = recipes.descriptions()
        menu = Menu(*(Option(_line(name), id=name) for name in names), id="recipe", compact=True)
        menu.highlighted = list(names).index(config.recipe) if config.recipe in names else 0
        example = "none, or such as: lora.r=8 training.max_steps=50"
        yield TopLine("train")
        with Vertical(id="form"):
            yield Static("Train on the labels as they are now", id="form-title")
            yield Static(classes="field", id="recipe-title")
            yield menu
            yield Static(classes="field", id="base-title")
            yield LineInput(config.base, id="base")
            yield Static(classes="field", id="settings-title")
            yield LineInput(id="settings", placeholder=example)
            yield Static(id="snapshot", markup=False)
            yield ForecastLines(id="forecast", markup=False)
            yield Button("Start", id="start", compact=True, variant="primary")
            yield KeepCheckbox(_keeps_base(), id="keep")
            yield Static(id="form-message", markup=False)
        yield Static("enter next field  tab moves  esc q back  F1 help", classes="hint")

    def on_mount(self) -> None:
        """Begin with the recipe."""
        self.query_one("#recipe").focus()

    def on_screen_resume(self) -> None:
        """Count anew whenever somebody comes here."""
        self._count()
        self._look_at_logout()

    @work(group="logout")
    async def _look_at_logout(self) -> None:
        if (warning := (await in_background(logout_effect)).warning) is not None:
            self.say(warning, True)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Mark the field that has the focus, beside its colour."""
        start_form.mark(self, TITLES, event.widget)
        keep = self.query_one("#keep", KeepCheckbox)
        keep.label = f"{CURSOR if event.widget is keep else ' '}{KEEP}"

    @work(thread=True, group="count")
    def _count(self) -> None:
        store = open_store(host(self).store.folder)
        try:
            found = training_set.count(store)
            warnings = balance_warnings(training_set.label_counts(store), store.config.labels)
        finally:
            store.close()
        text = (
            f"{counted(found, 'training tweet')}: labelled, not excluded or ambiguous, no test text"
        )
        if warnings:  # on one line, lest the form leaves a small terminal
            text += f"\n! {escaping.line(', '.join(warning.short for warning in warnings))}"
        self.app.call_from_thread(self.query_one("#snapshot", Static).update, text)

    @property
    def recipe(self) -> str:
        """The recipe that is chosen."""
        menu = self.query_one("#recipe", OptionList)
        return list(recipes.descriptions())[menu.highlighted or 0]

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        start_form.say(self, text, problem)

    @on(OptionList.OptionHighlighted)
    def _chosen(self) -> None:
        baseline = recipes.load(self.recipe).kind == "baseline"
        self.query_one("#base", Input).disabled = self.query_one("#keep").disabled = baseline
        self._estimate()

    @on(Input.Changed)
    def _estimate(self) -> None:
        """Show what a run of the form as it is now would need."""
        base, settings = (self.query_one(name, Input).value for name in ("#base", "#settings"))
        self.query_one(ForecastLines).show(self.recipe, base.strip(), settings)

    def retract(self, text: str) -> None:
        """Take a message away if it is still there."""
        start_form.retract(self, text)

    def action_go_on(self) -> None:
        """From field to field, and start at last."""
        start_form.go_on(self)

    @on(Checkbox.Changed)
    def _remember(self, event: Checkbox.Changed) -> None:
        try:
            engine_control.save_keep_base_preference(event.value)
        except (UserError, OSError) as error:
            self.say(str(error), problem=True)

    @on(Button.Pressed)
    def action_start(self) -> None:
        """Check the form and start the run."""
        try:
            overrides = shlex.split(self.query_one("#settings", Input).value)
            kind = recipes.load(self.recipe, overrides).kind
        except (UserError, ValueError) as error:
            self.say(str(error), problem=True)
            return
        base = self.query_one("#base", Input).value.strip()
        if kind != "baseline" and not base:
            self.say("Name a base model: a hub name or a local folder.", problem=True)
            return
        arguments = ["--recipe", self.recipe]
        keeps = kind != "baseline" and self.query_one("#keep", KeepCheckbox).value
        arguments += ["--base", absolute_name(base)] if kind != "baseline" else []
        arguments += ["--launcher", "engine"] if keeps else []
        for override in overrides:
            arguments += ["--set", override]
        self.query_one("#start", Button).disabled = True
        self.say("Freezing a snapshot of the labels and starting the run…")
        start_form.start(self, "train", *arguments)

    def action_back(self) -> None:
        """Back to where the user came from."""
        self.app.pop_screen()


class KeepCheckbox(Checkbox):
    """Whether the engine does the run and keeps the base model loaded."""

    def __init__(self, keeps: bool, **more: str) -> None:
        super().__init__(f" {KEEP}", keeps, compact=True, **more)  # type: ignore[arg-type]
        self._mark()

    def watch_value(self) -> None:
        """Post the change, and show it by a letter beside the colour."""
        self._mark()
        super().watch_value()

    def _mark(self) -> None:
        self.BUTTON_INNER = "X" if self.value else " "


def _keeps_base() -> bool:
    wished = engine_control.keep_base_preference()
    return engine_control.has_gpu() if wished is None else wished


def _line(name: str) -> Content:
    width = max(map(len, recipes.descriptions()))
    return Content(f"{name:<{width}}  {recipes.descriptions()[name]}")
