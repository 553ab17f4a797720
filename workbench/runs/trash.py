"""Where deleted run folders lie until somebody empties it: `runs/.trash`."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.runs import folder as run_folder

TRASH = ".trash"


def put(folder: Path) -> Path:
    """Move a run folder into the trash beside it, and return where it lies now."""
    trash = folder.parent / TRASH
    trash.mkdir(mode=0o700, exist_ok=True)
    number = 0
    while True:
        place = trash / (folder.name if not number else f"{folder.name}.{number}")
        if not os.path.lexists(place):
            return folder.rename(place)
        number += 1


def lying(runs_folder: Path) -> list[Path]:
    """The run folders in the trash, by name."""
    trash = runs_folder / TRASH
    if not trash.is_dir():
        return []
    return sorted(path for path in trash.iterdir() if (path / run_folder.JOB).is_file())
