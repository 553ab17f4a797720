"""The limit on the size of a pass after memory ran out, kept in a file for a resumed run.

A pass is one forward and backward; the packed trainer limits its tokens, TRL's its tweets.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

LIMIT_FILE = "limit.json"
"""Lies beside the checkpoints."""


def read_pass_limit(folder: Path) -> int | None:
    """The limit that an earlier process of the run has set, if there is one.

    A damaged file counts as none, since the longest batch is tried before training anyway.
    """
    try:
        most = json.loads((folder / LIMIT_FILE).read_text("utf-8"))["most"]
    except (OSError, LookupError, TypeError, ValueError, RecursionError):
        return None
    return most if type(most) is int and most > 0 else None


def write_pass_limit(folder: Path, most: int) -> None:
    """Set the limit for this run and its resumption."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{LIMIT_FILE}-{os.getpid()}"  # several processes may run out at once
    temporary.write_text(json.dumps({"most": most}), "utf-8")
    temporary.replace(folder / LIMIT_FILE)
