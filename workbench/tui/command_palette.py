"""What the command palette offers: the keys of a screen by name, and what has no key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.screen import Screen

from workbench.runs import engine_control

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp


def commands(app: WorkbenchApp, screen: Screen[Any]) -> Iterator[SystemCommand]:
    """What the keys of the screen do, then files and snapshots, the engine, and the themes."""
    offered = {"command_palette"}
    for node, binding, _, _ in screen.active_bindings.values():
        if binding.description and binding.show and binding.action not in offered:
            offered.add(binding.action)  # several keys may do the same
            yield SystemCommand(
                binding.description,
                f"key {binding.key_display or binding.key}",
                lambda action=binding.action, node=node: app.run_action(action, node),
            )
    for name, does, act in (
        ("export the tweets of the list", "to a file for elsewhere", app.filing.export),
        ("take a snapshot", "a name for the labels as they are", app.filing.take_snapshot),
        ("go back to a snapshot", "one step, which undo takes back", app.filing.restore_snapshot),
    ):
        yield SystemCommand(name, does, act)
    turn = "start" if app.engine.word in ("", engine_control.OFF) else "stop"
    yield SystemCommand(
        f"{turn} the engine",
        "a process that keeps the base model between runs",
        lambda: app.engine.turn(turn),
    )
    yield SystemCommand("theme", "choose other colours", app.action_change_theme)
