"""Key bindings that stay in order when a slow line delivers several keys at once."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.binding import Binding
from textual.widget import Widget

from workbench.tui.key_names import action_name

SECOND_ESCAPE = "ctrl+g"
"""The key that does what esc does, which comes late through some terminals."""


@dataclass(frozen=True)
class KeyHelp:
    """A key, or several that do the same, and what it does."""

    keys: str
    does: str


def key(
    keys: str, action: str, does: str, key_display: str | None = None, show: bool = True
) -> Binding:
    """A binding that acts before the next key is looked at.

    Otherwise a burst such as `/`, `n` would label a tweet: all its keys would be addressed to the
    list before the first of them opened the filter.
    """
    names = keys.split(",")
    if "escape" in names and SECOND_ESCAPE not in names:
        keys += f",{SECOND_ESCAPE}"
    return Binding(
        keys,
        action,
        does,
        show=show,
        key_display=key_display,
        priority=True,
        id=action_name(action),
    )


def key_name(event: events.Key) -> str:
    """A key as people call it: its character, or its name where the character cannot be seen."""
    character = event.character or ""
    return character if character.isprintable() and character.strip() else event.key


def forward_key(widget: Widget, event: events.Key) -> None:
    """Treat a key as just pressed if the widget has lost the focus before it came."""
    if widget.app.focused is not widget:
        event.stop().prevent_default()
        widget.app.post_message(events.Key(event.key, event.character))
