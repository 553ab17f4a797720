"""What the processes of a run beyond the first have to say when they fail.

The first one alone writes state.json. Another that fails leaves its reason in a file of its own,
where the first, or whoever finds that all have ended, takes it from.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from storage.errors import UserError
from workbench.rundir import schema

FILES = "failed-{}.json"
PATIENCE_S = 3.0
"""How long the first process, cut off by another, waits for the word of that one."""


def tell(folder: Path, rank: int, reason: str) -> None:
    """Leave the reason why a process has failed."""
    path = folder / FILES.format(rank)
    path.write_text(json.dumps({"reason": reason}, ensure_ascii=False), "utf-8")


def told(folder: Path, patience_s: float = 0.0) -> str | None:
    """Why one of the others has failed, as soon as it says so; None if none does."""
    end = time.monotonic() + patience_s
    while True:
        for path in sorted(folder.glob(FILES.format("[0-9]*"))):
            reason = _reason(path)
            if reason is not None:
                return f"Process {path.stem.partition('-')[2]} failed: {reason}"
        if time.monotonic() >= end:
            return None
        time.sleep(0.1)


def forget(folder: Path, rank: int | None = None) -> None:
    """Remove what all, or one of them, said of an earlier start of the run."""
    for path in folder.glob(FILES.format("[0-9]*" if rank is None else rank)):
        path.unlink(missing_ok=True)


def _reason(path: Path) -> str | None:
    try:
        reason = schema.read_object(path).get("reason")
    except UserError:
        return None  # half of it, so far
    return reason[: schema.MOST_TEXT] if isinstance(reason, str) and reason else None
