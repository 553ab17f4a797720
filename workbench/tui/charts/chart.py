"""A chart as lines: curves, marks and levels in a frame with an axis at the left and below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from workbench.tui.charts.axes import Axis, mark_texts
from workbench.tui.charts.braille import Point, braille_lines, column_of, row_of

DASH = "┄"
BELOW = 2
"""Lines below the curves: the axis, and what is written at its marks."""

Cell = tuple[str, str]
Line = list[Cell]
"""Pieces of text, each with the name of its tone."""


@dataclass(frozen=True)
class Curve:
    """Points that hang together, by their values on both axes, from left to right."""

    points: Sequence[Point]
    tone: str = ""
    sign: str = ""
    """What its last cell shows, by which it is told from others without colours."""


@dataclass(frozen=True)
class Mark:
    """One point, with a few words beside it where there is room."""

    x: float
    y: float
    sign: str
    text: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Level:
    """A value that others are compared with: a dashed line with its name at an end."""

    y: float
    text: str
    tone: str = "dim"


@dataclass(frozen=True)
class Frame:
    """The room of a chart and its axes."""

    width: int
    height: int
    x: Axis
    y: Axis

    @property
    def left(self) -> int:
        """Cells before the curves, for what is written at the marks and the axis."""
        return max((len(text) for text in mark_texts(self.y)), default=0) + 2

    @property
    def columns(self) -> int:
        """Cells for the curves, across."""
        return max(2, self.width - self.left)

    @property
    def rows(self) -> int:
        """Lines for the curves."""
        return max(1, self.height - BELOW)


def chart_lines(
    frame: Frame,
    curves: Sequence[Curve] = (),
    marks: Sequence[Mark] = (),
    levels: Sequence[Level] = (),
) -> list[Line]:
    """The lines of a chart; what comes later in an argument lies over what came before.

    Words are written where they cover nothing, or else left out.
    """
    cells: list[list[Cell]] = [[(" ", "")] * frame.columns for _ in range(frame.rows)]
    for level in levels:
        row = cells[row_of(frame.y.share(level.y), frame.rows)]
        row[:] = [(DASH, level.tone)] * frame.columns
    for curve in curves:
        _draw_curve(cells, frame, curve)
    for mark in marks:
        _draw_mark(cells, frame, mark)
    for mark in marks:
        _write_beside(cells, frame, mark)
    for level in levels:
        _write_name(cells, frame, level)
    lines = [[(edge, "dim"), *_joined(row)] for edge, row in zip(_edges(frame), cells, strict=True)]
    return [*lines, *_below(frame)]


def _draw_curve(cells: list[list[Cell]], frame: Frame, curve: Curve) -> None:
    points = [(frame.x.share(x), frame.y.share(y)) for x, y in curve.points]
    for row, line in zip(cells, braille_lines(points, frame.columns, frame.rows), strict=True):
        for at, character in enumerate(line):
            if character != " ":
                row[at] = (character, curve.tone)
    if curve.sign and points:
        x, y = points[-1]
        row = cells[row_of(y, frame.rows)]
        row[column_of(x, frame.columns)] = (curve.sign, curve.tone)


def _draw_mark(cells: list[list[Cell]], frame: Frame, mark: Mark) -> None:
    row = cells[row_of(frame.y.share(mark.y), frame.rows)]
    row[column_of(frame.x.share(mark.x), frame.columns)] = (mark.sign, mark.tone)


def _write_beside(cells: list[list[Cell]], frame: Frame, mark: Mark) -> None:
    """Write the words of a mark at its right, or at its left."""
    row = cells[row_of(frame.y.share(mark.y), frame.rows)]
    at, text = column_of(frame.x.share(mark.x), frame.columns), mark.text
    if text and not _write(row, at + 1, f" {text}", mark.tone):
        _write(row, at - 1 - len(text), f"{text} ", mark.tone)


def _write_name(cells: list[list[Cell]], frame: Frame, level: Level) -> None:
    """Write the name of a level at its right end, or at its left one."""
    row, text = cells[row_of(frame.y.share(level.y), frame.rows)], level.text
    if not _write(row, frame.columns - len(text) - 1, f" {text}", level.tone):
        _write(row, 0, f"{text} ", level.tone)


def _write(row: list[Cell], start: int, text: str, tone: str) -> bool:
    """Write a text into free cells of a row; false if there are not enough."""
    room = range(start, start + len(text))
    if start < 0 or room.stop > len(row) or not all(_is_free(row[cell]) for cell in room):
        return False
    for cell, character in zip(room, text, strict=True):
        row[cell] = (character, tone)
    return True


def _is_free(cell: Cell) -> bool:
    return cell[0] in (" ", DASH)


def _edges(frame: Frame) -> Iterator[str]:
    """The axis at the left, a line each, with what is written at its marks."""
    width = frame.left - 2
    texts = {
        row_of(frame.y.share(mark), frame.rows): text
        for mark, text in zip(frame.y.marks, mark_texts(frame.y), strict=True)
    }
    for row in range(frame.rows):
        yield f"{texts[row]:>{width}} ┤" if row in texts else f"{'':{width}} │"


def _below(frame: Frame) -> Iterator[Line]:
    """The axis below and what is written at its marks, as far as one is clear of the next."""
    ticks, texts = ["─"] * frame.columns, ""
    for mark, text in zip(frame.x.marks, mark_texts(frame.x), strict=True):
        at = column_of(frame.x.share(mark), frame.columns)
        start = min(at, frame.columns - len(text))
        if start >= len(texts) + (2 if texts else 0):
            ticks[at] = "┬"
            texts = f"{texts:<{start}}{text}"
    before = " " * (frame.left - 1)
    yield [(f"{before}└{''.join(ticks)}", "dim")]
    yield [(f"{before} {texts:<{frame.columns}}", "dim")]


def _joined(row: list[Cell]) -> Iterator[Cell]:
    """Neighbours of one tone as one piece."""
    for tone, pieces in groupby(row, key=lambda cell: cell[1]):
        yield "".join(text for text, _ in pieces), tone
