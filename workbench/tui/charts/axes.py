"""Axes of charts: where they begin and end, and the round values that are marked on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
"""How far marks may lie apart, times a power of ten."""
PARTS = 5
"""Into how many parts the distance of two marks is divided, on which an axis can end."""
LEAST_SPAN = 1e-9
MOST = 1e150
"""A value beyond this counts as this."""
MOST_DIGITS = 7
"""Digits behind the point; a mark that needs more is written with its power of ten."""
LARGE = 1e6
SMALL = 1e-9
"""What a share of a step, or of an axis, may be off."""


@dataclass(frozen=True)
class Axis:
    """The values at both ends, and those that are marked, from low to high."""

    low: float
    high: float
    marks: tuple[float, ...] = ()

    def share(self, value: float) -> float:
        """How far along the axis a value lies, from 0 to 1 and no farther."""
        return max(0.0, min(1.0, (value - self.low) / (self.high - self.low)))

    def holds(self, value: float) -> bool:
        """Whether a value lies on the axis."""
        slack = (self.high - self.low) * SMALL
        return self.low - slack <= _bounded(value) <= self.high + slack


def axis_for(
    values: Sequence[float],
    most_marks: int,
    before: Axis | None = None,
    within: tuple[float, float] = (float("-inf"), float("inf")),
) -> Axis:
    """An axis on which all these values are; the one from before as long as they are on it.

    `within` are the values that there can be at all, such as 0 and 1 of a share.
    """
    known = [_bounded(value) for value in values if isfinite(value)]
    if before is not None and all(map(before.holds, known)):
        return before
    low, high = min(known, default=0.0), max(known, default=1.0)
    if high - low < max(LEAST_SPAN, abs(high) * 1e-6):
        room = abs(high) / 2 if abs(high) > LEAST_SPAN else 0.5
        low, high = low - room, high + room
    low, high = max(within[0], low), min(within[1], high)
    return _axis(low, high, max(2, most_marks))


def _axis(low: float, high: float, most_marks: int) -> Axis:
    """The axis with the narrowest marks of which there are no more than that.

    Its ends are on fifths between marks, as whole ones would leave half of a chart empty.
    """
    power = floor(log10((high - low) / most_marks)) - 1
    for at in range(4 * len(STEPS)):
        step = STEPS[at % len(STEPS)] * 10.0 ** (power + at // len(STEPS))
        fine = step / PARTS
        first, last = floor(low / fine + SMALL), ceil(high / fine - SMALL)
        marked = range(ceil(first / PARTS), last // PARTS + 1)
        if len(marked) <= most_marks:
            break
    return Axis(first * fine, last * fine, tuple(round(number * step, 12) for number in marked))


def fall_axis(values: Sequence[float], most_marks: int, before: Axis | None = None) -> Axis:
    """An axis for what begins high and falls towards 0, with room below for what is to come."""
    known = [_bounded(value) for value in values if isfinite(value)]
    if before is not None and all(map(before.holds, known)):
        return before
    low, high = min(known, default=0.0), max(known, default=1.0)
    if 0 <= low <= high / 2:
        low = 0.0
    elif low > 0:
        low = max(0.0, low - max((high - low) / 2, high / 4))
    return axis_for([low, high], most_marks)


def step_axis(steps: int, most_marks: int) -> Axis:
    """An axis from the start to the last of so many steps, which need not be a round one."""
    end = max(1, steps)
    marks = _axis(0.0, float(end), max(2, most_marks)).marks
    whole = tuple(mark for mark in marks if mark <= end and mark == int(mark))
    return Axis(0.0, float(end), whole)


def mark_texts(axis: Axis) -> list[str]:
    """The marks as short as they can be told apart: .80 and .75, or 2 and 1.5."""
    told_apart = (digits for digits in range(MOST_DIGITS) if _are_exact(axis.marks, digits))
    digits = next(told_apart, MOST_DIGITS)
    return [short_number(mark, digits) if mark else "0" for mark in axis.marks]


def _are_exact(marks: Sequence[float], digits: int) -> bool:
    return all(abs(round(mark, digits) - mark) <= SMALL * max(1, abs(mark)) for mark in marks)


def _bounded(value: float) -> float:
    return max(-MOST, min(MOST, value))


def short_number(value: float, digits: int) -> str:
    """A number with so many digits behind the point, and no 0 before it."""
    if abs(value) >= LARGE or (value and digits >= MOST_DIGITS):
        return f"{value:.2g}"
    text = f"{value:,.{digits}f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text
