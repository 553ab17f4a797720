"""What the terminal shows, cell by cell, so that only cells that differ are sent to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.control import Control
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

from workbench.tui.style_changes import StyleChanges

GAP = 16
"""Cells alike that are sent with what differs to both sides: fewer than where to go on costs."""

Cell = tuple[str, Style | None]
"""A character with what combines with it; empty for the second cell of a wide one."""
Piece = tuple[int, int, Strip]
"""A column, a row, and what is written from there on."""


class PaintedCells:
    """Keeps what has been sent, and finds what differs from it."""

    def __init__(self) -> None:
        self._rows: list[list[Cell | None]] = []

    def forget(self) -> None:
        """Know no more what the terminal shows, so that all that is painted next is sent."""
        self._rows = []

    def difference(self, update: CompositorUpdate) -> CompositorUpdate:
        """What has to be sent of an update, found out at the moment of sending."""
        return _Difference(self, update)

    def changed_pieces(self, update: CompositorUpdate) -> list[Piece]:
        """What an update shows otherwise than the terminal does, which is shown from now on."""
        return [changed for piece in _pieces(update) for changed in self._paint(*piece)]

    def _paint(self, x: int, y: int, strip: Strip) -> Iterator[Piece]:
        cells = cells_of(strip)
        row = self._row(y, x + len(cells))
        before, row[x : x + len(cells)] = row[x : x + len(cells)], cells
        if before == cells:
            return
        if _plain(before) and _plain(cells):
            for first, end in _differing(before, cells):
                yield x + first, y, strip.crop(first, end).simplify()
        else:  # terminals do not agree how wide such characters are: nothing is kept beside them
            yield x, y, strip

    def _row(self, y: int, width: int) -> list[Cell | None]:
        while len(self._rows) <= y:
            self._rows.append([])
        row = self._rows[y]
        row += [None] * (width - len(row))
        return row


class _Difference(CompositorUpdate):
    """The part of an update that the terminal does not show yet."""

    def __init__(self, painted: PaintedCells, update: CompositorUpdate) -> None:
        self._painted, self._update = painted, update

    def render_segments(self, console: Console) -> str:
        """What is written to the terminal."""
        styles = StyleChanges(console._color_system or ColorSystem.TRUECOLOR)
        written = [
            Control.move_to(x, y).segment.text + styles.write(strip)
            for x, y, strip in self._painted.changed_pieces(self._update)
        ]
        return "".join(written) + styles.end()


def _pieces(update: CompositorUpdate) -> Iterator[Piece]:
    """What Textual would write for an update, piece by piece."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            yield update.region.x, y, Strip.join(line)
    elif isinstance(update, ChopsUpdate):
        for y, first, last in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is not None and x <= last and end > first:
                    yield x, y, strip.crop(0, min(end, last) - x)


def cells_of(strip: Strip) -> list[Cell | None]:
    """What is in each cell of a strip; a wide character is in its first one."""
    cells: list[Cell | None] = []
    for text, style, _ in strip:
        seen = None if style is None else _seen(style)
        if text.isascii():
            blank = seen if seen is None else _blank(seen)
            cells += [(letter, blank if letter == " " else seen) for letter in text]
            continue
        for character in text:
            width = cell_len(character)
            if not width and cells and (last := cells[-1]) is not None:
                cells[-1] = (last[0] + character, last[1])
            cells += [(character, seen), ("", seen)][:width]
    return cells


@lru_cache(maxsize=4096)
def _seen(style: Style) -> Style:
    """A style without what it means to Textual, which no terminal shows."""
    return style if style.link else style.clear_meta_and_links()


@lru_cache(maxsize=4096)
def _blank(style: Style) -> Style:
    """What a style makes of a cell without a character."""
    lines = style.reverse or style.underline or style.underline2 or style.strike or style.overline
    return style if lines else Style(bgcolor=style.bgcolor)


def _plain(cells: Iterable[Cell | None]) -> bool:
    return all(cell is None or len(cell[0]) == 1 for cell in cells)


def _differing(before: Sequence[Cell | None], cells: Sequence[Cell | None]) -> list[list[int]]:
    """The first cell and the end of each run that differs; those that are near are one."""
    runs: list[list[int]] = []
    for at, (old, new) in enumerate(zip(before, cells, strict=True)):
        if old == new:
            continue
        if runs and at - runs[-1][1] < GAP:
            runs[-1][1] = at + 1
        else:
            runs.append([at, at + 1])
    return runs
