"""A screen that is open while its program is updated: what it imports then fits no more."""

from __future__ import annotations

import sys
import time
from pathlib import Path

STARTED = time.time()
PACKAGES = ("storage", "workbench")
SENTENCE = (
    "The program was updated while this screen was open, so it had to close; start it again, "
    "everything is saved."
)


def was_updated() -> bool:
    """Whether a file that this process has imported was replaced, or is gone."""
    modules = [each for name, each in sys.modules.items() if name.partition(".")[0] in PACKAGES]
    return any(_is_replaced(file) for each in modules if (file := getattr(each, "__file__", None)))


def _is_replaced(file: str) -> bool:
    try:
        return Path(file).stat().st_ctime > STARTED  # which no tool that copies files sets back
    except OSError:
        return True
