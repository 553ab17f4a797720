"""Why processes of a run other than the first (of rank 0) have failed.

The first one alone writes state.json. Another that fails leaves its reason in a file of its own,
where the first, or whoever finds that all have ended, takes it from.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from storage.errors import UserError
from workbench.rundir import schema

FILE_NAME = "failed-{}.json"
FAILURE_PATIENCE_S = 3.0
"""How long the first process, cut off by the end of another, waits for the reason of that one."""


def write_failure(folder: Path, rank: int, reason: str) -> None:
    """Write down why a process has failed."""
    path = folder / FILE_NAME.format(rank)
    path.write_text(json.dumps({"reason": reason}, ensure_ascii=False), "utf-8")


def read_failure(folder: Path, patience_s: float = 0.0) -> str | None:
    """Why one of the processes has failed, as soon as that is written; None if none has in time."""
    end = time.monotonic() + patience_s
    while True:
        for path in sorted(folder.glob(FILE_NAME.format("[0-9]*"))):
            reason = _reason(path)
            if reason is not None:
                return f"Process {path.stem.partition('-')[2]} failed: {reason}"
        if time.monotonic() >= end:
            return None
        time.sleep(0.1)


def remove_failures(folder: Path, rank: int | None = None) -> None:
    """Remove the reasons of all processes, or of one, from an earlier start of the run."""
    for path in folder.glob(FILE_NAME.format("[0-9]*" if rank is None else rank)):
        path.unlink(missing_ok=True)


def _reason(path: Path) -> str | None:
    try:
        reason = schema.read_object(path).get("reason")
    except UserError:
        return None  # not written to its end yet
    return reason[: schema.MAX_TEXT] if isinstance(reason, str) and reason else None
