"""What the file system refuses, said about the path that the user named."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import UserError


@contextmanager
def translate_os_errors(path: Path) -> Iterator[None]:
    """Say in one sentence why a file or folder of the user cannot be written.

    Whatever temporary name the block uses, the sentence is about `path`.
    """
    try:
        yield
    except OSError as error:
        raise UserError(write_error_message(path, error)) from error


def write_error_message(path: Path, error: OSError) -> str:
    """Why a path cannot be written, and what to do about it."""
    above = _nearest(path.parent)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        if above.is_dir():
            return f"There is no folder {path.parent}; make it first, or name another."
        return f"{above} is a file, so nothing can be written below it; name another folder."
    if error.errno in (errno.EACCES, errno.EPERM):
        place = path if path.exists() else above
        return (
            f"{path} cannot be written, as you have no write permission for {place}; "
            "name another place, or ask its owner for permission."
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"There is no space left for {path}; make some, or name another disk."
    if error.errno in (errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY):
        return f"{path} is there already; name another place."
    limited = error.errno == errno.EFBIG
    advice = "raise the limit on file sizes (ulimit -f)" if limited else "name another place"
    return f"{path} cannot be written ({error.strerror or error}); {advice}."


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that is there and may be looked at."""
    for candidate in (folder, *folder.absolute().parents):
        try:
            candidate.stat()
        except OSError:
            continue
        return candidate
    return folder
