"""Which file a workspace was made of by opening it, and whether that has changed since."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import UserError

NAME = "opened.json"
"""In the workspace of a file: which file it was made of, and how that was when it was taken in."""


@dataclass(frozen=True)
class TakenFile:
    """A file that was taken in, and what the import was told of its columns."""

    path: Path
    options: tuple[str, ...]


def write(folder: Path, path: Path, options: list[str]) -> None:
    """Write down that a workspace is of a file as it is now."""
    state = path.stat()
    known = {"path": str(path), "size": state.st_size, "changed": state.st_mtime_ns}
    (folder / NAME).write_text(json.dumps(known | {"options": options}), "utf-8")


def file_of(folder: Path) -> Path | None:
    """The file that a workspace was made of; None for any other workspace."""
    known = _read(folder)
    return None if known is None else Path(known["path"])


def changed_file(folder: Path) -> TakenFile | None:
    """The file of a workspace if it is another one than when it was taken in."""
    if (known := _read(folder)) is None:
        return None
    with suppress(OSError, KeyError, TypeError):  # a file that is gone has nothing to take in
        path = Path(known["path"])
        state = path.stat()
        if (state.st_size, state.st_mtime_ns) != (known["size"], known["changed"]):
            return TakenFile(path, tuple(map(str, known.get("options", ()))))
    return None


def require_options(folder: Path, options: list[str]) -> None:
    """Raise UserError where a file that was taken in is opened with other options than then."""
    known = _read(folder)
    if known is not None and options not in ([], known.get("options", [])):
        raise UserError(
            f"{known['path']} has been taken in already, with other columns or names of codes; "
            "open it without options, and `c` on the screen takes others."
        )


def remember(folder: Path, path: Path) -> None:
    """Write down that a file, if the workspace is of it, has been taken in as it is now."""
    with suppress(OSError):  # which costs a message that says so once more
        if (known := _read(folder)) is not None and Path(known["path"]) == path.resolve():
            write(folder, path.resolve(), list(known.get("options", ())))


def _read(folder: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        known = json.loads((folder / NAME).read_text("utf-8"))
        if isinstance(known, dict) and isinstance(known.get("path"), str):
            return known
    return None
