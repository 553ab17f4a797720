"""How long a run has been going, also while its worker is too busy to write its heartbeat."""

from __future__ import annotations

import time
from pathlib import Path

from workbench.rundir.folder import JOB, LIVE, QUEUED, State

LONGEST_SILENCE_S = 86_400.0
"""A heartbeat that seems older, or from the future, means that a clock was set."""


def elapsed_seconds(folder: Path, state: State) -> float | None:
    """Seconds since a run began, or since it was queued; of one that is over, how long it took."""
    if state.state == QUEUED:
        try:
            return _since(state.heartbeat or (folder / JOB).stat().st_mtime)
        except OSError:
            return None
    if state.seconds is None or state.state not in LIVE:
        return state.seconds
    return state.seconds + _since(state.heartbeat or time.time())


def _since(moment: float) -> float:
    passed = time.time() - moment
    return passed if 0.0 <= passed <= LONGEST_SILENCE_S else 0.0
