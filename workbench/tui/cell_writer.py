"""Cells written to a terminal in as few bytes as it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from workbench.tui.style_changes import StyleChanges

Cell = tuple[str, Style | None]
"""A character with what combines with it; empty for the second cell of a wide one."""
Row = Sequence[Cell | None]
"""What the cells of a row show; None where that is not known."""
MOST_BETWEEN = 8
"""Cells alike that may be written again with what follows them: more take more than a move."""
BLANK, ERASE = " ", "\x1b[K"


@dataclass(frozen=True)
class Run:
    """Cells of a row that are to be written."""

    y: int
    first: int
    end: int
    erases: bool = False
    """Whether the row is blank from there on, and is erased."""


def written(
    rows: Sequence[Row], runs: Iterable[Run], colours: ColorSystem, erases_in_colour: bool
) -> str:
    """What has a terminal show these cells: from left to right, or one style after the other.

    Another colour takes up to twenty bytes and a move at most eight. Not every terminal erases in
    a background colour: GNU screen, for one, does not.
    """
    in_place = list(_without_blank_ends(rows, runs, erases_in_colour))
    parts = [part for run in in_place for part in _parts(rows[run.y], run)]
    styles = {style: at for at, style in enumerate(dict.fromkeys(style for style, _ in parts))}
    by_style = [run for _, run in sorted(parts, key=lambda part: styles[part[0]])]
    ways = [in_place] if len(styles) < 2 else [in_place, by_style]
    texts = [_Encoding(rows, colours).text(way) for way in ways]
    return min(texts, key=lambda text: len(text.encode()))


def is_plain(cells: Row) -> bool:
    """Whether each cell is known to have one character of one cell."""
    return all(cell is not None and len(cell[0]) == 1 for cell in cells)


def _without_blank_ends(
    rows: Sequence[Row], runs: Iterable[Run], erases_in_colour: bool
) -> Iterator[Run]:
    """The runs, those erased that reach far enough into the blank end of their row."""
    erased: dict[int, int] = {}
    for run in runs:
        row = rows[run.y]
        blank = max(run.first, _first_blank(row))
        if run.first >= erased.get(run.y, len(row)):
            continue
        if run.end - blank > len(ERASE) and _can_erase(row[-1], erases_in_colour):
            erased[run.y] = blank
            yield Run(run.y, run.first, blank, erases=True)
        else:
            yield run


def _first_blank(row: Row) -> int:
    """The column from which on a row shows the same blank."""
    last, at = row[-1], len(row)
    while last is not None and last[0] == BLANK and at and row[at - 1] == last:
        at -= 1
    return at


def _can_erase(cell: Cell | None, in_colour: bool) -> bool:
    if (style := _style(cell)) is None:
        return True
    ground = style.bgcolor
    return _is_bare(style) and (in_colour or ground is None or ground.is_default)


def _parts(row: Row, run: Run) -> Iterator[tuple[Style | None, Run]]:
    """A run as several of one style each; a blank belongs to what stands beside it."""
    if not is_plain(row[run.first : run.end]) or run.first == run.end:
        yield _style(row[min(run.first, len(row) - 1)]), run
        return
    start, style = run.first, _style(row[run.first])
    for x in range(run.first + 1, run.end):
        other = _style(row[x])
        if other == style or (_same_ground(style, other) and _is_bare(other)):
            continue
        if not (_same_ground(style, other) and _is_bare(style)):
            yield style, Run(run.y, start, x)
            start = x
        style = other
    yield style, Run(run.y, start, run.end, run.erases)


def _is_bare(style: Style | None) -> bool:
    """Whether a style is that of a blank, which has a background only."""
    return style is None or style == Style(bgcolor=style.bgcolor)


def _same_ground(one: Style | None, other: Style | None) -> bool:
    return (one and one.bgcolor) == (other and other.bgcolor)


def _style(cell: Cell | None) -> Style | None:
    return None if cell is None else cell[1]


class _Encoding:
    """Runs in an order, each reached by the shortest way from the one before."""

    def __init__(self, rows: Sequence[Row], colours: ColorSystem) -> None:
        self._rows = rows
        self._styles = StyleChanges(colours)
        self._at: tuple[int, int] | None = None
        """Row and column where the terminal writes next, if that is sure."""
        self._all_ascii = True
        """Whether all terminals agree how many cells were written since the last long move."""

    def text(self, runs: Iterable[Run]) -> str:
        """What is sent; the terminal is plain after it."""
        return "".join(map(self._run, runs)) + self._styles.end()

    def _run(self, run: Run) -> str:
        row = self._rows[run.y]
        starts = [run.first]
        if self._at is not None and self._at[0] == run.y:
            between = row[self._at[1] : run.first]
            if 0 < len(between) <= MOST_BETWEEN and is_plain(between):
                starts.append(self._at[1])
        ways = [self._way(run.y, start, row[start : run.end]) for start in starts]
        text, self._styles = min(ways, key=lambda way: len(way[0].encode()))
        self._all_ascii = text.isascii() and (
            self._all_ascii or text.startswith(_jump(run.y, run.first))
        )
        self._at = (run.y, run.end) if is_plain(row[run.first : run.end]) else None
        if run.erases:
            text += self._styles.write([Segment("", _style(row[-1]))]) + ERASE
        return text

    def _way(self, y: int, x: int, cells: Row) -> tuple[str, StyleChanges]:
        styles = self._styles.copy()
        return self._move(y, x) + styles.write(_segments(cells)), styles

    def _move(self, y: int, x: int) -> str:
        if self._at == (y, x):
            return ""
        if self._at is not None and self._at[0] == y and self._at[1] < x and self._all_ascii:
            far = x - self._at[1]
            return f"\x1b[{far if far > 1 else ''}C"
        return _jump(y, x)


def _jump(y: int, x: int) -> str:
    return f"\x1b[{y + 1 if y else ''}{f';{x + 1}' if x else ''}H"


def _segments(cells: Row) -> Iterator[Segment]:
    for style, run in groupby(cells, _style):
        yield Segment("".join(cell[0] for cell in run if cell is not None), style)
