"""Messages about runs, which are sent to every open screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:  # it reads run folders, which no screen needs before there is a run
    from workbench.tui.run_progress import RunProgress


class RunProgressed(Message):
    """A run has moved on."""

    def __init__(self, progress: RunProgress) -> None:
        super().__init__()
        self.progress = progress


class RunsCollected(Message):
    """Runs have ended, and their results are in the store."""

    def __init__(self, ended: Sequence[dict[str, Any]]) -> None:
        super().__init__()
        self.ended = ended
