"""What the command palette offers: the keys of a screen by name, and what has no key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textual.app import App, SystemCommand
from textual.screen import Screen

from workbench.tui.engine_status import EngineStatus
from workbench.tui.file_commands import FileCommands
from workbench.tui.host import host
from workbench.tui.offered_settings import SETTINGS
from workbench.tui.places import PLACES, place_action
from workbench.tui.screens import on_demand


def commands(
    app: App[Any], screen: Screen[Any], files: FileCommands, engine: EngineStatus
) -> Iterator[SystemCommand]:
    """The places, what the keys of the screen do, files and snapshots, the engine, the themes."""
    offered = {"command_palette"}
    for place in PLACES:  # whose keys mean nothing while the palette lies over the screen
        offered.add(place_action(place))
        yield SystemCommand(
            f"{place.title}: {place.does}",
            f"key {place.key}",
            lambda name=place.name: host(app).places.go(name),
        )
    for node, binding, _, _ in screen.active_bindings.values():
        if binding.description and binding.show and binding.action not in offered:
            offered.add(binding.action)  # several keys may do the same
            yield SystemCommand(
                binding.description,
                f"key {binding.key_display or binding.key}",
                lambda action=binding.action, node=node: app.run_action(action, node),
            )
    for name, does, act in (
        ("import a file", "tweets, and what differs if you say so", files.import_file),
        ("export the tweets of the list", "to a file for elsewhere", files.export),
        ("take a snapshot", "a name for the labels as they are", files.take_snapshot),
        ("go back to a snapshot", "one step, which undo takes back", files.restore_snapshot),
    ):
        yield SystemCommand(name, does, act)
    action = engine.action
    yield SystemCommand(
        f"{action} the engine",
        "a process that keeps the base model between runs",
        lambda: engine.turn(action),
    )
    for setting in SETTINGS:
        yield SystemCommand(
            setting.title,
            setting.about,
            lambda setting=setting: on_demand.choose_setting(app, setting),
        )
