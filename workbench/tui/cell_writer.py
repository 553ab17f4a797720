"""Cells written to a terminal, by the shortest way from one run of them to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from workbench.tui.style_changes import StyleChanges

Cell = tuple[str, Style | None]
"""A character with what combines with it; empty for the second cell of a wide one."""
Row = Sequence[Cell | None]
"""What the cells of a row show; None where that is not known."""
Run = tuple[int, int]
"""The first column of some cells, and the one after the last."""
MOST_BETWEEN = 8
"""Cells alike that may be written again with what follows them: more take more than a move."""
ERASE = "\x1b[K"


class CellWriter:
    """Collects what is to be sent; the end of a row that is blank is erased where that is less.

    Not every terminal erases in a background colour: GNU screen, for one, does not.
    """

    def __init__(self, colours: ColorSystem, erases_in_colour: bool) -> None:
        self._styles = StyleChanges(colours)
        self._erases_in_colour = erases_in_colour
        self._parts: list[str] = []
        self._row, self._column = -1, 0
        """Where the terminal writes next; row -1 where that is not sure."""
        self._all_ascii = True
        """Whether all terminals agree how many cells were written since the last move."""

    def write(self, row: Row, y: int, runs: Sequence[Run]) -> None:
        """Write some runs of a row, from left to right."""
        blank = _first_blank(row)
        for first, end in runs:
            erased = end - max(first, blank)
            if erased > len(ERASE) and self._can_erase(row[-1]):
                self._write_run(row, y, first, max(first, blank))
                self._parts.append(self._styles.write([Segment("", _style(row[-1]))]) + ERASE)
                return
            self._write_run(row, y, first, end)

    def text(self) -> str:
        """All that has been written; the terminal is plain after it."""
        return "".join(self._parts) + self._styles.end()

    def _can_erase(self, cell: Cell | None) -> bool:
        if (style := _style(cell)) is None:
            return True
        ground = style.bgcolor
        bare = ground is None or ground.is_default or self._erases_in_colour
        return bare and style == Style(bgcolor=ground)  # not underlined or reversed

    def _write_run(self, row: Row, y: int, first: int, end: int) -> None:
        ways = [(self._move(y, first), first)]
        between = row[self._column : first]
        if y == self._row and 0 < len(between) <= MOST_BETWEEN and is_plain(between, known=True):
            ways.append(("", self._column))
        written = [self._way(move, row[start:end]) for move, start in ways]
        text, self._styles = min(written, key=lambda way: len(way[0].encode()))
        self._parts.append(text)
        cells = row[first:end]
        self._all_ascii = (self._all_ascii or y != self._row) and text.isascii()
        self._row, self._column = (y, end) if is_plain(cells, known=True) else (-1, 0)

    def _way(self, move: str, cells: Row) -> tuple[str, StyleChanges]:
        styles = self._styles.copy()
        return move + styles.write(_segments(cells)), styles

    def _move(self, y: int, x: int) -> str:
        if y == self._row and x >= self._column and self._all_ascii:
            far = x - self._column
            return f"\x1b[{far if far > 1 else ''}C" if far else ""
        return f"\x1b[{y + 1 if y else ''}{f';{x + 1}' if x else ''}H"


def is_plain(cells: Row, known: bool = False) -> bool:
    """Whether each cell has one character of one cell; they may have to be known."""
    return all(not known if cell is None else len(cell[0]) == 1 for cell in cells)


def _first_blank(row: Row) -> int:
    """The column from which on a row shows the same blank."""
    last = row[-1] if row else None
    if last is None or last[0] != " ":
        return len(row)
    at = len(row)
    while at and row[at - 1] == last:
        at -= 1
    return at


def _segments(cells: Row) -> Iterator[Segment]:
    for style, run in groupby(cells, _style):
        yield Segment("".join(cell[0] for cell in run if cell is not None), style)


def _style(cell: Cell | None) -> Style | None:
    return None if cell is None else cell[1]
