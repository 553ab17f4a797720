"""How a figure went over the steps of a run, in no more points than can be shown."""

from __future__ import annotations

from math import isfinite

MOST_POINTS = 2_048
"""Points that are kept of a figure; beyond, two neighbours become their mean."""


class Course:
    """Takes a value a step, and keeps means of equally many."""

    def __init__(self, most: int = MOST_POINTS) -> None:
        self._most = most
        self._each = 1
        """How many values a point is the mean of, but for the last one."""
        self._points: list[tuple[float, float]] = []
        self._in_last = 0

    def add(self, step: float, value: float) -> None:
        """Take the value at a step; from a run that went back, what it had there is forgotten.

        A value that is no finite number is left out.
        """
        if not (isfinite(step) and isfinite(value)):
            return
        while self._points and self._points[-1][0] >= step:
            self._points.pop()
            self._in_last = self._each
        if self._points and self._in_last < self._each:
            mean = self._points[-1][1]
            self._in_last += 1
            self._points[-1] = (step, mean + (value - mean) / self._in_last)
            return
        self._points.append((step, value))
        self._in_last = 1
        if len(self._points) > self._most:
            self._halve()

    def _halve(self) -> None:
        last = self._points.pop()
        pairs = zip(self._points[::2], self._points[1::2], strict=False)
        halved = [(right, (mean + other) / 2) for (_, mean), (right, other) in pairs]
        self._points = [*halved, *self._points[2 * len(halved) :], last]
        self._each *= 2

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """The steps and the means up to each of them, in their order."""
        return tuple(self._points)
