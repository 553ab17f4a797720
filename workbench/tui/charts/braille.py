"""A curve as lines of braille, of which a character has two dots across and four down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

ACROSS, DOWN = 2, 4
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""What each dot adds to the empty character, by its row and column in it."""
EMPTY = 0x2800

Point = tuple[float, float]


def braille_lines(points: Sequence[Point], width: int, height: int) -> list[str]:
    """Lines of so many characters with the curve through points of the unit square.

    The points go from left to right, 1 is the top; several in one column of dots count as their
    mean, so that a new point changes the last cell and what leads there. Cells without a dot are
    spaces.
    """
    cells = [[0] * width for _ in range(height)]
    for column, row in _dots(_by_column(points, width * ACROSS), height * DOWN):
        cells[row // DOWN][column // ACROSS] |= DOTS[row % DOWN][column % ACROSS]
    return ["".join(chr(EMPTY + dots) if dots else " " for dots in line) for line in cells]


def column_of(x: float, columns: int) -> int:
    """The column of so many, from 0, in which a share of the width lies."""
    return max(0, min(columns - 1, round(x * (columns - 1))))


def row_of(y: float, rows: int) -> int:
    """The row of so many, from 0 at the top, in which a share of the height lies."""
    return max(0, min(rows - 1, round((1 - y) * (rows - 1))))


def _by_column(points: Sequence[Point], columns: int) -> list[Point]:
    """The mean height in each column of dots that has points."""
    heights: dict[int, list[float]] = {}
    for x, y in points:
        heights.setdefault(column_of(x, columns), []).append(max(0.0, min(1.0, y)))
    return [(column, sum(each) / len(each)) for column, each in sorted(heights.items())]


def _dots(means: Sequence[Point], rows: int) -> Iterator[tuple[int, int]]:
    """The dots of the line through these heights; in a column they hang together."""
    if len(means) == 1:
        yield int(means[0][0]), row_of(means[0][1], rows)
    for (left, before), (right, after) in pairwise(means):
        above = row_of(before, rows)
        for column in range(int(left), int(right) + 1):
            along = (column - left) / (right - left)
            row = row_of(before + along * (after - before), rows)
            way = 1 if row > above else -1
            yield column, row
            yield from ((column, between) for between in range(above + way, row, way))
            above = row
