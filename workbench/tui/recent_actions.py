"""The actions that somebody chose last from the palette, kept over restarts."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

MOST = 30
"""Names that are kept."""


def path() -> Path:
    """Where they are kept, for all workspaces of a user."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "workbench" / "recent-actions.json"


def read() -> list[str]:
    """The names of the actions, the last one first; none where nothing that is readable is kept."""
    try:
        kept = json.loads(path().read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name in kept if isinstance(name, str)] if isinstance(kept, list) else []


def remember(name: str) -> None:
    """Keep an action as the last one; a home that cannot be written costs only the memory of it."""
    names = [name, *(other for other in read() if other != name)][:MOST]
    file = path()
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary.write_text(json.dumps(names, ensure_ascii=False), "utf-8")
        temporary.replace(file)
