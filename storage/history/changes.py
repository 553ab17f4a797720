"""What an action did to tweets and to the label set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from storage.history.edit_conflicts import LatestChange
from storage.history.events import Value


@dataclass(frozen=True)
class Change:
    """What an action did, for the line that tells the user."""

    action: int
    kind: str
    tweets: tuple[int, ...]
    skipped: int = 0
    """Tweets that undo or redo left alone because somebody else changed them since."""
    conflict: LatestChange | None = None
    """The newest of those changes by somebody else."""
    unchanged: int = 0
    """Tweets that already had the value they were given."""
    labels: tuple[str, ...] = ()
    """What became of the label set, such as `'a' is called 'b'`."""


def present(merged: Mapping[int, int], field: str, value: Value) -> Value:
    """The label that a label means now; other values as they are."""
    return merged.get(int(value), value) if field == "label" and value is not None else value
