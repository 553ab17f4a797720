"""Which file system a folder is on: SQLite's write-ahead log needs memory that all users share."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
NETWORK = frozenset(
    (
        "9p",
        "acfs",
        "afs",
        "autofs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "fhgfs",
        "gfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "mmfs",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "panfs",
        "prl_fs",
        "pvfs2",
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",
        "vmhgfs",
        "weka",
        "wekafs",
    )
)
"""Types that several machines, or a machine and its host, may have mounted at once."""
LOCAL_FUSE = frozenset({"fuse.fuse-overlayfs", "fuse.ntfs-3g", "fuse.ntfs", "fuse.exfat"})
"""FUSE is sshfs, rclone, GlusterFS or JuiceFS unless it is known to be on this machine."""


def network_type(folder: Path) -> str | None:
    """The type of the network file system that a folder is on; None for a local one.

    None as well where the kernel does not tell (no /proc).
    """
    try:
        table = MOUNTS.read_text("utf-8", "surrogateescape")
    except OSError:
        return None
    kind = _type_at(folder.resolve(), table)
    if kind in NETWORK or (kind.split(".")[0] == "fuse" and kind not in LOCAL_FUSE):
        return kind
    return None


def _type_at(folder: Path, table: str) -> str:
    """The type of the innermost mount that holds a folder; of several at one place, the last."""
    above = {str(folder), *map(str, folder.parents)}
    found, depth = "", -1
    for line in table.splitlines():
        before, _, after = line.partition(" - ")
        place = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), before.split(" ")[4])
        if place in above and len(place) >= depth:
            found, depth = after.split(" ")[0], len(place)
    return found
