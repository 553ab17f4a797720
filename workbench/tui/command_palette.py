"""What the command palette offers: each action of each place by its name, and what has no key."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.dom import DOMNode

from storage.query.tweets import SORTS
from storage.runs import runs
from storage.runs.runs import Run
from workbench import opened_mark
from workbench.runs.description import describe_recipe
from workbench.tui.acting_keys import key_for, keys_of_binding
from workbench.tui.dialogs.palette import PaletteEntry
from workbench.tui.editing.label_keys import LabelKeys
from workbench.tui.engine_status import EngineStatus
from workbench.tui.file_commands import FileCommands
from workbench.tui.host import host
from workbench.tui.key_names import action_name, bindings_of
from workbench.tui.listing.sort_orders import SORT_MEANINGS
from workbench.tui.offered_settings import SETTINGS
from workbench.tui.places import PLACES, Place, place_action
from workbench.tui.reviewing.sources import meanings
from workbench.tui.screens import on_demand

if TYPE_CHECKING:
    from workbench.tui.screens.browse import BrowseScreen

ON_SIGHT = frozenset(
    (
        *("label", "menu", "suggestion", "clear", "flag", "note", "undo", "redo"),
        *("stop", "delete", "start", "promote", "train_on", "mark", "mark_range"),
    )
)
"""Actions that are done only where one sees what they change."""
NOT_FROM_ELSEWHERE = ("back", "open", "scroll_detail", "skip")
"""Actions that move where one is."""


def entries(
    app: App[Any], browse: BrowseScreen, files: FileCommands, engine: EngineStatus
) -> list[PaletteEntry]:
    """All that can be done by name, what can be done on the screen first."""
    return [
        *_labels(app),
        *_of_screen(app),
        *_places(app),
        *_new_labels(app),
        *_files(app, files),
        *_elsewhere(app),
        *_orders(app, browse),
        *_queues(app),
        *_runs(app, browse),
        *_settings(app, engine),
    ]


def _labels(app: App[Any]) -> Iterator[PaletteEntry]:
    """The labels, where there is a tweet to give them to."""
    screen = app.screen
    if not isinstance(screen, LabelKeys):
        return
    config = screen.store.config
    letters = config.key_of()
    for number, label in enumerate(config.labels, start=1):
        digit = key_for(f"label_{number}") if number <= 9 else ""
        yield PaletteEntry(
            f"label {label}",
            partial(_act, app, f"label({number})", screen),
            "/".join(filter(None, (digit, letters.get(label, "")))),
            config.definitions.get(label, "the tweet under the cursor, or all marked ones"),
            f"label({number})",
        )


def _new_labels(app: App[Any]) -> Iterator[PaletteEntry]:
    if isinstance(screen := app.screen, LabelKeys):
        about = "behind those that there are"
        yield PaletteEntry("add labels", screen.ask_for_labels, about=about)


def _of_screen(app: App[Any]) -> Iterator[PaletteEntry]:
    """What keys do on the screen as it is now."""
    offered = {"palette", *map(place_action, PLACES)}
    active = app.screen.active_bindings.values()
    for node, binding, enabled, _ in sorted(active, key=lambda each: each.node is not app.screen):
        if enabled and binding.show and binding.description and binding.action not in offered:
            offered.add(binding.action)  # several keys may do the same
            shown = keys_of_binding(binding)
            yield PaletteEntry(
                binding.description,
                partial(_act, app, binding.action, node),
                shown,
                action=binding.action,
            )


def _places(app: App[Any]) -> Iterator[PaletteEntry]:
    for place in PLACES:
        go = partial(host(app).places.go, place.name)
        action = place_action(place)
        shown = _key_of_place(app, place)
        yield PaletteEntry(f"{place.title}: {place.does}", go, shown, action=action)
    start = partial(_act, app, "new_run", app)
    yield PaletteEntry("start a run", start, about="the form", action="new_run")


def _files(app: App[Any], files: FileCommands) -> Iterator[PaletteEntry]:
    if (changed := opened_mark.changed_file(host(app).store.folder)) is not None:
        yield PaletteEntry(
            f"take the changes of {changed.path.name}",
            partial(files.take_changes, changed),
            about="new tweets, and what differs if you say so",
        )
    for name, about, do in (
        ("import a file", "tweets, and what differs if you say so", files.import_file),
        ("import predictions", "another model's, as a run", files.import_predictions),
        ("export the tweets of the list", "to a file for elsewhere", files.export),
        ("write a report", "a data card in Markdown", files.report),
        ("take a snapshot", "a name for the labels as they are", files.take_snapshot),
        ("go back to a snapshot", "restore, in one step that undo takes back", files.go_back),
        ("back up the database", "a copy, also while others label", files.back_up),
        ("check the database", "look for damage, in it and in its backups", files.check),
    ):
        yield PaletteEntry(name, do, about=about)


def _elsewhere(app: App[Any]) -> Iterator[PaletteEntry]:
    """What keys do in the other places; what would change something there is only shown."""
    for place in PLACES:
        if place.name == app.screen.name or (place.name == "train" and not _run_goes_on(app)):
            continue
        for binding in bindings_of(on_demand.screen_class(place.name)):
            action = binding.action.split("(")[0]
            if not binding.show or action in NOT_FROM_ELSEWHERE or action.startswith("app."):
                continue
            shown = keys_of_binding(binding).split()[0]
            about = f"{place.title}: {shown} {binding.description}"
            act = None if action in ON_SIGHT else binding.action
            yield PaletteEntry(
                f"{place.title}: {binding.description}",
                partial(_go_and_act, app, place, act, about),
                f"{_key_of_place(app, place)} {shown}",
                action=binding.action,
            )


def _key_of_place(app: App[Any], place: Place) -> str:
    return key_for(action_name(place_action(place)))


def _run_goes_on(app: App[Any]) -> bool:
    return any(progress.live for progress in host(app).run_progress.values())


def _orders(app: App[Any], browse: BrowseScreen) -> Iterator[PaletteEntry]:
    for name in SORTS:

        def sort(name: str = name) -> None:
            if app.screen is not browse:
                host(app).places.go("browse")
            browse.sort_by(name)

        yield PaletteEntry(f"sort by {name}", sort, about=SORT_MEANINGS.get(name, ""))


def _queues(app: App[Any]) -> Iterator[PaletteEntry]:
    for kind, meaning in meanings(host(app).store).items():
        yield PaletteEntry(
            f"queue of {kind}", partial(host(app).places.show_queue, kind), about=meaning
        )


def _runs(app: App[Any], browse: BrowseScreen) -> Iterator[PaletteEntry]:
    places = host(app).places
    for run in reversed(runs.every(host(app).store, metrics=False)):
        name = f"run {run.id} {describe_recipe(run.kind, run.recipe)}"
        yield PaletteEntry(f"{name}: open", partial(places.show_run, run), about=run.state)
        if run.predictions:
            show = partial(_show_predictions, app, browse, run)
            yield PaletteEntry(f"{name}: show its predictions in the list", show)


def _show_predictions(app: App[Any], browse: BrowseScreen, run: Run) -> None:
    browse.displayed_run.show(run)
    if app.screen is not browse:
        host(app).places.go("browse")


def _settings(app: App[Any], engine: EngineStatus) -> Iterator[PaletteEntry]:
    action = engine.action
    keeps = "a process that keeps the base model between runs"
    yield PaletteEntry(f"{action} the engine", partial(engine.turn, action), about=keeps)
    for setting in SETTINGS:
        among = partial(on_demand.choose_setting, app, setting)
        yield PaletteEntry(setting.title, among, about=setting.about)
        for choice in setting.choices:
            choose = partial(on_demand.change_setting, app, setting, choice)
            yield PaletteEntry(f"{setting.title}: {choice.word}", choose, about=choice.about)


def _go_and_act(app: App[Any], place: Place, action: str | None, about: str) -> None:
    """Go to a place, and do there what changes nothing; else say which key it is."""
    host(app).places.go(place.name)
    if action is None:
        app.call_after_refresh(host(app).say, about)
    else:
        app.call_after_refresh(_act_at, app, place, action)


def _act_at(app: App[Any], place: Place, action: str) -> None:
    if app.screen.name == place.name:  # unless the place has led on
        _act(app, action, app.screen)


def _act(app: App[Any], action: str, node: DOMNode) -> None:
    app.run_worker(app.run_action(action, node), group="palette")


def by_recency(found: list[PaletteEntry], recent: list[str]) -> list[PaletteEntry]:
    """The entries, those that were chosen last before all others."""
    rank = {name: place for place, name in enumerate(recent)}
    last = len(recent)
    return sorted(found, key=lambda entry: rank.get(entry.name, last))
