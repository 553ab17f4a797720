"""A share with its interval, drawn on an axis that several of them have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor

VALUE, START, END, BETWEEN = "■", "├", "┤", "─"
STEP = 0.1
"""What the ends of an axis are rounded to, so that it seldom changes."""


@dataclass(frozen=True)
class Axis:
    """The shares at the two ends of the bars."""

    low: float = 0.0
    high: float = 1.0

    def bar(self, value: float, low: float, high: float, cells: int) -> str:
        """The bar of a share, so many cells wide."""
        start, at, end = (self._cell(share, cells) for share in (low, value, high))
        line = [" "] * cells
        line[start : end + 1] = BETWEEN * (end + 1 - start)
        line[start], line[end] = START, END
        line[at] = VALUE
        return "".join(line)

    def _cell(self, share: float, cells: int) -> int:
        along = (share - self.low) / (self.high - self.low)
        return max(0, min(cells - 1, round(along * (cells - 1))))


def axis_of(intervals: Iterable[tuple[float, float]]) -> Axis:
    """The axis on which all of these intervals fit, its ends on round shares."""
    known = [*intervals]
    low = min((low for low, _ in known), default=0.0)
    high = max((high for _, high in known), default=1.0)
    start, end = floor(low / STEP + 1e-9), ceil(high / STEP - 1e-9)
    return Axis(max(0.0, start * STEP), min(1.0, max(end, start + 1) * STEP))
