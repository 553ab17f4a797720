"""Zip archives: the one file in a .zip, and archives that unpack to more than is sane."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

from storage.errors import UserError, on_one_line

LARGE = 50 << 20
"""Bytes up to which an archive may be packed as well as it likes."""
RATIO = 100
"""Times that it may grow beyond that; tables of texts grow 5 to 30 times."""
LARGEST = 16 << 30
PACKED = re.compile(r"\.(gz|zst|bz2|xz)$", re.IGNORECASE)
"""Endings of a file that has to be unpacked once more."""
DRIVE = re.compile("[A-Za-z]:")
LITTER = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
"""What systems put into archives beside the files."""


def only_member(path: Path, name: str) -> str:
    """The one file in a .zip; raises UserError for several, none, or one that is no plain file."""
    members = [
        info
        for info in _members(path, name)
        if not info.is_dir()
        and not any(part in LITTER for part in PurePosixPath(info.filename).parts)
    ]
    for info in members:
        _require_inside(info, name)
    if len(members) != 1:
        shown = ", ".join(info.filename for info in members[:5])
        many = f"{len(members)} files ({shown}{', …' if len(members) > 5 else ''})"
        raise UserError(
            f"{name} holds {many if members else 'no file'}, and one is expected; unpack it and "
            "import what you want of it."
        )
    if members[0].flag_bits & 1:
        raise UserError(f"{name} is locked with a password; unpack it first.")
    if PACKED.search(members[0].filename):
        raise UserError(
            f"{name} holds {members[0].filename!r}, which is packed itself; unpack it first."
        )
    require_sane(path, members, name)
    return members[0].filename


def _require_inside(info: ZipInfo, name: str) -> None:
    """Raise UserError for a path that climbs out of the archive, and for a link to somewhere."""
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if ".." in path.parts or path.is_absolute() or DRIVE.match(info.filename):
        raise UserError(
            f"{name} holds {info.filename!r}, a path that leads out of the archive; such files "
            "are not opened."
        )
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise UserError(
            f"{name} holds {info.filename!r}, which is a link or a device and no file; pack the "
            "file itself."
        )


def is_workbook(path: Path, name: str) -> bool:
    """Whether an archive is a workbook of Excel, whoever wrote it and in whatever order."""
    return any(info.filename.startswith("xl/") for info in _members(path, name))


def require_workbook(path: Path, name: str) -> None:
    """Raise UserError unless a file is a zip archive as Excel writes it, of sane size."""
    members = _members(path, name)
    if any(info.flag_bits & 1 for info in members):
        raise UserError(f"{name} is locked with a password; save it without one.")
    require_sane(path, members, name)


def require_sane(path: Path, members: Sequence[ZipInfo], name: str) -> None:
    """Raise UserError for an archive that unpacks to very much more than it is.

    What its directory says is no more than a bound: no more of a file is ever unpacked than its
    size there. The archive itself is measured, as several files may share one piece of it.
    """
    size, packed = sum(info.file_size for info in members), path.stat().st_size
    if size > LARGEST or (size > LARGE and size > RATIO * packed):
        raise UserError(
            f"{name} would unpack to {size / 1e6:,.0f} MB, {size / max(1, packed):,.0f} times "
            "its size, as no table of tweets does; it is not opened."
        )


def _members(path: Path, name: str) -> list[ZipInfo]:
    try:
        with ZipFile(path) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UserError(
            f"{name} cannot be opened as an archive: {on_one_line(error)}; fetch it again."
        ) from None
