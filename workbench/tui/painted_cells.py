"""What the terminal shows, cell by cell, so that only cells that differ are sent to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

from workbench.tui.cell_writer import BLANK, Cell, Row, Run, blank_of, goes_on, one_style, written

ATTRIBUTES = (
    "bold",
    "dim",
    "italic",
    "underline",
    "blink",
    "blink2",
    "reverse",
    "conceal",
    "strike",
    "underline2",
    "frame",
    "encircle",
    "overline",
)
GAP = 3
"""Cells that are sent again in no more bytes than it takes to move over them."""
Piece = tuple[int, int, Strip]
"""A column, a row, and what is written from there on."""


class PaintedCells:
    """Keeps what has been sent, and finds what differs from it."""

    def __init__(self, erases_in_colour: bool = False) -> None:
        self._erases_in_colour = erases_in_colour
        self._rows: list[list[Cell | None]] = []
        self._odd_rows: set[int] = set()
        """Those with cells that terminals may show otherwise, now or before."""

    def forget(self) -> None:
        """Know no more what the terminal shows, so that all that is painted next is sent."""
        self._rows = []
        self._odd_rows.clear()

    def difference(self, update: CompositorUpdate) -> CompositorUpdate:
        """What has to be sent of an update, found out at the moment of sending."""
        return _Difference(self, update)

    def send(self, update: CompositorUpdate, colours: ColorSystem) -> str:
        """What shows in the terminal what an update has otherwise; from now on that is shown."""
        runs = [run for piece in _pieces(update) for run in self._paint(*piece)]
        return written(self._rows, runs, colours, self._erases_in_colour) if runs else ""

    def _paint(self, x: int, y: int, strip: Strip) -> Iterator[Run]:
        cells = cells_of(strip)
        row = self._row(y, x + len(cells))
        before, row[x : x + len(cells)] = row[x : x + len(cells)], cells
        if before == cells:
            return
        odd = self._first_odd(y, strip, before, cells)
        for first, end in _differing(before[:odd], cells[:odd]):
            yield Run(y, x + first, x + end)
        if before[odd:] != cells[odd:]:
            # Terminals do not agree how wide such characters are: nothing is kept right of them.
            yield Run(y, x + odd, x + len(cells), plain=False)

    def _first_odd(self, y: int, strip: Strip, before: Row, cells: Row) -> int:
        """The first cell that terminals may show otherwise, or that stands where one stood."""
        first = len(cells)
        if not all(text.isascii() for text, _, _ in strip):
            first = _first_odd(cells)
        if first < len(cells):
            self._odd_rows.add(y)
        return min(first, _first_odd(before)) if y in self._odd_rows else first

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
        colours = console._color_system or ColorSystem.TRUECOLOR
        return self._painted.send(self._update, colours)


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


def cells_of(strip: Strip) -> list[Cell]:
    """What is in each cell of a strip; a wide character is in its first one."""
    cells: list[Cell] = []
    for text, style, _ in strip:
        seen = None if style is None else _seen(style)
        blank = blank_of(seen)
        if text.isascii():
            cells += [(letter, blank if letter == BLANK else seen) for letter in text]
            continue
        for character in text:
            width = _width(character)
            if not width and cells:
                at = -1 if cells[-1][0] else -2  # the first cell of a wide one
                cells[at] = (cells[at][0] + character, cells[at][1])
            cells += [(character, blank if character == BLANK else seen), ("", seen)][:width]
    return cells


@lru_cache(maxsize=4096)
def _width(character: str) -> int:
    return cell_len(character)


@lru_cache(maxsize=4096)
def _seen(style: Style) -> Style:
    """A style as a terminal shows it: without what it means to Textual, and what it says is off."""
    on: dict[str, Any] = {name: True for name in ATTRIBUTES if getattr(style, name)}
    return one_style(Style(color=style.color, bgcolor=style.bgcolor, link=style.link, **on))


def _first_odd(cells: Row) -> int:
    """The first cell with a character that is wide or has others that combine with it."""
    for at, cell in enumerate(cells):
        if cell is not None and len(cell[0]) != 1:
            return at if cell[0] else max(0, at - 1)
    return len(cells)


def _differing(before: Row, cells: Sequence[Cell]) -> list[tuple[int, int]]:
    """The first cell and the end of each run that differs; a gap shorter than a move is sent too.

    Where another text stands, every few letters one is as it was: parts to be sorted and moved to.
    """
    runs: list[tuple[int, int]] = []
    for at, (old, new) in enumerate(zip(before, cells, strict=True)):
        if old is not None and old[1] is new[1] and old[0] == new[0]:  # quicker than old == new
            continue
        end = runs[-1][1] if runs else -GAP - 1
        if at == end or (at - end <= GAP and goes_on(cells, end, at)):
            runs[-1] = runs[-1][0], at + 1
        else:
            runs.append((at, at + 1))
    return runs
