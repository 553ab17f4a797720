"""Zip archives: the one file in a .zip, and archives that unpack to more than is sane."""

from __future__ import annotations

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
LITTER = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
"""What systems put into archives beside the files."""


def only_member(path: Path, name: str) -> str:
    """The one file in a .zip; raises UserError for several, none, or a path that climbs out."""
    members = [
        info
        for info in _members(path, name)
        if not info.is_dir()
        and not any(part in LITTER for part in PurePosixPath(info.filename).parts)
    ]
    for info in members:
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        if ".." in parts or parts[:1] == ("/",) or (parts and parts[0].endswith(":")):
            raise UserError(
                f"{name} holds {info.filename!r}, a path that leads out of the archive; such files "
                "are not opened."
            )
    if len(members) != 1:
        shown = ", ".join(info.filename for info in members[:5])
        many = f"{len(members)} files ({shown}{', …' if len(members) > 5 else ''})"
        raise UserError(
            f"{name} holds {many if members else 'no file'}, and one is expected; unpack it and "
            "import what you want of it."
        )
    if members[0].flag_bits & 1:
        raise UserError(f"{name} is locked with a password; unpack it first.")
    require_sane(members, name)
    return members[0].filename


def is_workbook(path: Path, name: str) -> bool:
    """Whether an archive is a workbook of Excel, whoever wrote it and in whatever order."""
    return any(info.filename.startswith("xl/") for info in _members(path, name))


def require_workbook(path: Path, name: str) -> None:
    """Raise UserError unless a file is a zip archive as Excel writes it, of sane size."""
    require_sane(_members(path, name), name)


def require_sane(members: Sequence[ZipInfo], name: str) -> None:
    """Raise UserError for an archive that unpacks to very much more than it is."""
    size = sum(info.file_size for info in members)
    compressed = sum(info.compress_size for info in members)
    if size > LARGEST or (size > LARGE and size > RATIO * compressed):
        raise UserError(
            f"{name} would unpack to {size / 1e6:,.0f} MB, {size / max(1, compressed):,.0f} times "
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
