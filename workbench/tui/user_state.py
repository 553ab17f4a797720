"""What is remembered of a user's way with the screen, in small files of the home folder."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def path(name: str) -> Path:
    """Where something is kept, for all workspaces of a user."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "workbench" / f"{name}.json"


def read(name: str) -> Any:
    """What is kept; None where nothing that is readable is."""
    try:
        return json.loads(path(name).read_text("utf-8"))
    except (OSError, ValueError):
        return None


def write(name: str, value: Any) -> None:
    """Keep something instead; a home that cannot be written costs only the memory of it."""
    file = path(name)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary.touch(0o600)
        temporary.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
        temporary.replace(file)
