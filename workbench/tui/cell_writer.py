"""Cells written to a terminal in as few bytes as it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from workbench.tui.style_changes import StyleChanges

Cell = tuple[str, Style | None]
"""A character with what combines with it; empty for the second cell of a wide one."""
Row = Sequence[Cell | None]
"""What the cells of a row show; None where that is not known."""
BLANK, ERASE = " ", "\x1b[K"


@dataclass(frozen=True)
class Run:
    """Cells of a row that are to be written."""

    y: int
    first: int
    end: int
    erases: bool = False
    """Whether the row is blank from there on, and is erased."""
    plain: bool = True
    """Whether each cell is known to have one character of one cell."""


@dataclass(frozen=True)
class _Part:
    """Cells of one style, and of the blanks beside them."""

    run: Run
    style: Style | None
    segments: Sequence[Segment]


def written(
    rows: Sequence[Row], runs: Iterable[Run], colours: ColorSystem, erases_in_colour: bool
) -> str:
    """What has a terminal show these cells: from left to right, or one style after the other.

    Another colour takes up to twenty bytes and a move at most eight. Not every terminal erases in
    a background colour: GNU screen, for one, does not.
    """
    in_place = _without_blank_ends(rows, runs, erases_in_colour)
    parts = [part for run in in_place for part in _parts(rows[run.y], run)]
    styles = {style: at for at, style in enumerate(dict.fromkeys(part.style for part in parts))}
    changes = sum(part.style is not after.style for part, after in pairwise(parts))
    ways = [parts]
    if changes >= len(styles):
        ways.append(sorted(parts, key=lambda part: styles[part.style]))
    texts = [_Encoding(rows, colours).text(way) for way in ways]
    return min(texts, key=lambda text: len(text.encode()))


def goes_on(row: Row, first: int, end: int) -> bool:
    """Whether cells are of one byte each and have the style of the one before them."""
    style = _style(row[first - 1])
    return all(
        cell is not None
        and cell[0].isascii()
        and (cell[1] is style or (cell[0] == BLANK and _same_ground(style, cell[1])))
        for cell in row[first:end]
    )


def _is_plain(cells: Row) -> bool:
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
            plain = run.plain or blank == run.first
            yield replace(run, end=blank, erases=True, plain=plain)
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


def _parts(row: Row, run: Run) -> Iterator[_Part]:
    """A run as several of one style each; a blank belongs to what stands beside it."""
    cells = row[run.first : run.end]
    if not cells or not run.plain:
        style = _style(row[min(run.first, len(row) - 1)])
        yield _Part(run, style, list(_segments(cells)))
        return
    end, style = run.first, _style(cells[0])
    start, segments = end, list[Segment]()
    for segment in _segments(cells):
        other = segment.style
        if other is not style and not (_same_ground(style, other) and _is_bare(other)):
            if not (_same_ground(style, other) and _is_bare(style)):
                yield _Part(Run(run.y, start, end), style, segments)
                start, segments = end, []
            style = other
        segments.append(segment)
        end += len(segment.text)
    yield _Part(Run(run.y, start, run.end, run.erases), style, segments)


@lru_cache(maxsize=4096)
def one_style(style: Style) -> Style:
    """The object that stands for all equal styles, which are told apart quicker so."""
    return style


@lru_cache(maxsize=4096)
def blank_of(style: Style | None) -> Style | None:
    """What a style makes of a cell without a character."""
    if style is None:
        return None
    lines = style.reverse or style.underline or style.underline2 or style.strike or style.overline
    return style if lines else one_style(Style(bgcolor=style.bgcolor))


@lru_cache(maxsize=4096)
def _is_bare(style: Style | None) -> bool:
    """Whether a style is that of a blank, which has a background only."""
    return style is None or style == Style(bgcolor=style.bgcolor)


@lru_cache(maxsize=4096)
def _same_ground(one: Style | None, other: Style | None) -> bool:
    return (one and one.bgcolor) == (other and other.bgcolor)


def _style(cell: Cell | None) -> Style | None:
    return None if cell is None else cell[1]


class _Encoding:
    """Parts in an order, each reached by the shortest way from the one before."""

    def __init__(self, rows: Sequence[Row], colours: ColorSystem) -> None:
        self._rows = rows
        self._styles = StyleChanges(colours)
        self._at: tuple[int, int] | None = None
        """Row and column where the terminal writes next, if that is sure."""
        self._all_ascii = True
        """Whether all terminals agree how many cells were written since the last long move."""

    def text(self, parts: Iterable[_Part]) -> str:
        """What is sent; the terminal is plain after it."""
        return "".join(map(self._part, parts)) + self._styles.end()

    def _part(self, part: _Part) -> str:
        run = part.run
        move = self._move(run.y, run.first)
        again, styles = self._between(run, len(move)), self._styles.copy()
        text = move + self._styles.write(part.segments)
        if again:
            rewritten = styles.write([*_segments(again), *part.segments])
            if len(rewritten.encode()) < len(text.encode()):
                move, text, self._styles = "", rewritten, styles
        ascii_before = self._all_ascii or move == _jump(run.y, run.first)
        self._all_ascii = ascii_before and text.isascii()
        self._at = (run.y, run.end) if run.plain else None
        if run.erases:
            text += self._styles.write([Segment("", _style(self._rows[run.y][-1]))]) + ERASE
        return text

    def _between(self, run: Run, bytes_of_move: int) -> Row:
        """Cells alike before a part that may be written again in less than it takes to move."""
        if self._at is None or self._at[0] != run.y:
            return ()
        cells = self._rows[run.y][self._at[1] : run.first]
        return cells if len(cells) < bytes_of_move and _is_plain(cells) else ()

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
    """The text of cells in pieces of one style; blanks belong to a text whose blanks look so."""
    if not cells:
        return
    start, style, only_blanks = 0, _style(cells[0]), True
    blank = blank_of(style)
    for at, cell in enumerate(cells):
        letter, other = cell or ("", None)
        if other is not style and not (letter == BLANK and other is blank):
            if not (only_blanks and blank_of(other) is style):
                yield _segment(cells[start:at], style)
                start, only_blanks = at, True
            style, blank = other, blank_of(other)
        only_blanks = only_blanks and letter == BLANK
    yield _segment(cells[start:], style)


def _segment(cells: Row, style: Style | None) -> Segment:
    return Segment("".join([cell[0] for cell in cells if cell is not None]), style)
