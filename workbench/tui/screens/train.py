"""The form that starts a run."""

from __future__ import annotations

import shlex
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, Checkbox, Input, OptionList, Static
from textual.widgets.option_list import Option

from storage.errors import UserError
from storage.plurals import counted
from storage.runs import training_set
from storage.store import open_store
from workbench import escaping
from workbench.planning.class_balance import balance_warnings
from workbench.planning.devices import has_gpu
from workbench.recipes import recipes
from workbench.recipes.base_models import absolute_name
from workbench.runs import engine_control
from workbench.runs.login_sessions import logout_effect
from workbench.tui.background_calls import in_background
from workbench.tui.host import host
from workbench.tui.screens import start_form
from workbench.tui.training.likely_choices import LikelyChoices, about_parent, likely_choices
from workbench.tui.widgets.choice_input import ChoiceInput
from workbench.tui.widgets.forecast import ForecastLines
from workbench.tui.widgets.key_line import KeyLine
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.line_input import LineInput
from workbench.tui.widgets.menu import CURSOR, Menu
from workbench.tui.widgets.path_completion import Completions, completions
from workbench.tui.widgets.top_line import TopLine

KEEP = f"keep the base loaded for {engine_control.IDLE_MINUTES:g} minutes afterwards (tab, space)"
TITLES = {"recipe": "recipe", "base": "base", "from": "from run", "settings": "settings"}
EXAMPLE = "those that differ, such as: lora.r=8 training.max_steps=50"
BASE_HINT = "a hub name or a folder"


class TrainScreen(Screen[None]):
    """Recipe, base, run to go on from, settings; enter goes to the next, at last to the start."""

    BINDINGS: ClassVar = [
        start_form.ENTER,
        key("tab", "complete", "complete the folder, or go to the next field", show=False),
        *start_form.OTHERS,
    ]

    def __init__(self) -> None:
        super().__init__(name="train")
        self._likely = LikelyChoices()

    def compose(self) -> ComposeResult:
        """The fields in the order in which they are filled in."""
        config = host(self).store.config
        names = recipes.descriptions()
        menu = Menu(*(Option(_line(name), id=name) for name in names), id="recipe", compact=True)
        menu.highlighted = list(names).index(config.recipe) if config.recipe in names else 0
        yield TopLine("train")
        with Vertical(id="form"):
            yield Static("Train on the labels as they are now", id="form-title")
            yield _row("recipe", menu)
            yield Static(classes="field-hint", id="recipe-when")
            yield _row("base", ChoiceInput(config.base, id="base"))
            yield Static(BASE_HINT, classes="field-hint", id="base-hint", markup=False)
            yield _row("from", ChoiceInput(id="from", placeholder="none: begin anew"))
            yield Static(classes="field-hint", id="from-hint", markup=False)
            yield _row("settings", LineInput(id="settings", placeholder=EXAMPLE))
            yield Static(id="snapshot", markup=False)
            yield ForecastLines(id="forecast", markup=False)
            yield Button("Start", id="start", compact=True, variant="primary")
            yield KeepCheckbox(_keeps_base(), id="keep")
            yield Static(id="form-message", markup=False)
        yield KeyLine(start_form.keys(self.focused))

    def on_mount(self) -> None:
        """Begin with the recipe."""
        self.query_one("#recipe").focus()

    def on_screen_resume(self) -> None:
        """Count anew whenever somebody comes here."""
        self._count()
        self._read_likely()
        self._look_at_logout()
        self._begin_engine()

    @work(group="logout")
    async def _look_at_logout(self) -> None:
        if (warning := (await in_background(logout_effect)).warning) is not None:
            self.say(warning, True)

    def _begin_engine(self) -> None:
        """Have the engine import its libraries, 20 seconds' work, while the form is filled in."""
        wanted = self.query_one("#keep", KeepCheckbox).value and has_gpu()
        if wanted and recipes.load(self.recipe).kind != "baseline":
            base = self._base.value.strip()
            host(self).start_engine(absolute_name(base) if base else "")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Mark the field that has the focus, beside its colour."""
        start_form.mark(self, TITLES, event.widget)
        keep = self.query_one("#keep", KeepCheckbox)
        keep.label = f"{CURSOR if event.widget is keep else ' '}{KEEP}"

    @work(thread=True, group="likely", exclusive=True)
    def _read_likely(self) -> None:
        store = open_store(host(self).store.folder)
        try:
            found = likely_choices(store)
        finally:
            store.close()
        self.app.call_from_thread(self._offer_likely, found)

    def _offer_likely(self, found: LikelyChoices) -> None:
        """Have the arrow keys go through what is likely, and say so."""
        self._likely = found
        self._base.choices = found.bases
        self._from.choices = ("", *(str(run.id) for run in found.parents))
        self._hint_at_base()
        self._describe_parent()

    def _hint_at_base(self) -> None:
        """Name the folders that a path could go on to, else what can be typed."""
        hint, typed = self.query_one("#base-hint", Static), self._base.value
        folders = completions(typed).folders if "/" in typed else Completions()
        if folders.paths and folders.paths != [f"{typed}/"]:
            hint.update(folders.in_one_line(hint.content_size.width))
            return
        bases = " ".join(self._likely.bases[:3])
        more = len(self._likely.bases[3:])
        recent = f"; ↓ takes recent ones: {bases}" if len(self._likely.bases) > 1 else ""
        text = f"{BASE_HINT}, which tab completes{recent}{f' and {more} more' * bool(more)}"
        hint.update(escaping.line(text))

    def _describe_parent(self) -> None:
        """Say what the run to go on from brings along, and leave no field that it decides."""
        parent, typed = self._likely.parent(self._from.value), self._from.value.strip()
        parents = self._likely.parents
        runs_named = ", ".join(str(run.id) for run in parents[:6])
        runs_named += f" and {len(parents) - 6} more" if len(parents) > 6 else ""
        if parent is not None:
            text = about_parent(parent)
        elif typed:
            text = f"! no run of that number has an adapter{f': {runs_named}' * bool(runs_named)}"
        elif runs_named:
            text = f"a run whose adapter it goes on from; ↓ takes {runs_named}"
        else:
            text = "no run has an adapter to go on from yet"
        self.query_one("#from-hint", Static).update(escaping.line(text))
        baseline = recipes.load(self.recipe).kind == "baseline"
        self.query_one("#recipe").disabled = bool(typed)
        self._base.disabled = bool(typed) or baseline
        self._from.disabled = baseline
        self.query_one("#keep").disabled = baseline

    def action_complete(self) -> None:
        """Complete the folder that is typed as the base, or go to the next field."""
        base = self._base
        if self.focused is base and base.cursor_position == len(base.value):
            folders = completions(base.value).folders
            completed = folders.completed(base.value)
            if completed != base.value:
                base.value, base.cursor_position = completed, len(completed)
                return
        self.focus_next()

    @property
    def _base(self) -> ChoiceInput:
        return self.query_one("#base", ChoiceInput)

    @property
    def _from(self) -> ChoiceInput:
        return self.query_one("#from", ChoiceInput)

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
        when = recipes.occasions()[self.recipe]
        self.query_one("#recipe-when", Static).update(f"take it {when}")
        self._describe_parent()
        self._estimate()

    @on(Input.Changed)
    def _estimate(self) -> None:
        """Show what a run of the form as it is now would need."""
        self._describe_parent()
        self._hint_at_base()
        goes_on = bool(self._from.value.strip())  # whose time is told beside its number
        base = "" if goes_on else self._base.value.strip()
        settings = self.query_one("#settings", Input).value
        self.query_one(ForecastLines).show(self.recipe, base, settings)

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
        keeps = kind != "baseline" and self.query_one("#keep", KeepCheckbox).value
        if parent := self._from.value.strip():
            arguments = ["--from", parent]
        elif kind == "baseline":
            arguments = ["--recipe", self.recipe]
        elif base := self._base.value.strip():
            arguments = ["--recipe", self.recipe, "--base", absolute_name(base)]
        else:
            self.say("Name a base model: a hub name or a local folder.", problem=True)
            return
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
    return has_gpu() if wished is None else wished


def _row(name: str, field: Widget) -> Horizontal:
    """A field with its title before it."""
    return Horizontal(Static(id=f"{name}-title", classes="field-title"), field, classes="field-row")


def _line(name: str) -> Content:
    width = max(map(len, recipes.descriptions()))
    return Content(f"{name:<{width}}  {recipes.descriptions()[name]}")
