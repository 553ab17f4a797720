"""The actions that somebody chose last from the palette, kept over restarts."""

from __future__ import annotations

from workbench.tui import user_state

NAME = "recent-actions"
MOST = 30
"""Names that are kept."""


def read() -> list[str]:
    """The names of the actions, the last one first; none where nothing that is readable is kept."""
    kept = user_state.read(NAME)
    return [name for name in kept if isinstance(name, str)] if isinstance(kept, list) else []


def remember(name: str) -> None:
    """Keep an action as the last one."""
    user_state.write(NAME, [name, *(other for other in read() if other != name)][:MOST])
