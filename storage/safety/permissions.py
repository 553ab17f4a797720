"""Who else may read or change a workspace."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from storage.plurals import counted

MOST_NAMED = 5


def problems(folder: Path) -> list[str]:
    """What lets others into a workspace, a sentence each; nothing for one that is its owner's only.

    Files below a folder that only its owner can enter count as well: the folder may be opened
    later, and a copy of them keeps their modes.
    """
    found = [sentence for path in _paths(folder) for sentence in _of(path)]
    if len(found) > MOST_NAMED:
        rest = len(found) - MOST_NAMED
        found = [
            *found[:MOST_NAMED],
            f"{counted(rest, 'more file has', 'more files have')} such permissions.",
        ]
    return found


def _paths(folder: Path) -> Iterator[Path]:
    yield folder
    for parent, folders, files in os.walk(folder):
        for name in (*sorted(folders), *sorted(files)):
            yield Path(parent, name)


def _of(path: Path) -> Iterator[str]:
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return  # gone since it was listed
    if stat.S_ISLNK(facts.st_mode):
        return
    if facts.st_uid != os.getuid():
        yield f"{path} belongs to {_user(facts.st_uid)}, not to you; only its owner should use it."
    others = facts.st_mode & 0o077
    if others:
        done = "changed" if others & 0o022 else "read"
        whose = "everybody" if others & 0o007 else "its group"
        mode = stat.S_IMODE(facts.st_mode)
        private = "700" if path.is_dir() else "600"
        yield (f"{path} can be {done} by {whose} (mode {mode:04o}); run `chmod {private} {path}`.")


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"the user with the number {number}"
