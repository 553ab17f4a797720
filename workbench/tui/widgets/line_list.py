"""Lines under a title, with a cursor that stops in them; a key that moves repaints two cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from workbench import escaping
from workbench.tui.widgets.cut_text import CUT, fitted
from workbench.tui.widgets.menu import CURSOR

RULE = "─"


@dataclass(frozen=True)
class Part:
    """Some text of a line; its tone is a style of the list, or none."""

    text: str
    tone: str = ""


Line = tuple[Part, ...]


def line(text: str, tone: str = "") -> Line:
    """A line of one part."""
    return (Part(text, tone),)


@dataclass(frozen=True)
class Stop:
    """A place where the cursor can stand: its sign is at this column of this line."""

    name: str
    """What it is about, by which the cursor finds it again among other lines."""
    row: int
    column: int = 0
    opens: object = None


@dataclass(frozen=True)
class Content:
    """What a list shows: heads stay where they are when the lines scroll."""

    title: str
    lines: Sequence[Line]
    stops: Sequence[Stop] = ()
    heads: Sequence[Line] = ()
    aside: str = ""
    """What stands at the right end of the title."""

    @property
    def text(self) -> str:
        """All of it without styles, to be copied."""
        lines = ["".join(part.text for part in parts) for parts in (*self.heads, *self.lines)]
        return "\n".join([self.title, *lines])


class LineList(Widget, can_focus=False):
    """Its cursor is seen while it is the active one of several; it has no keys of its own."""

    COMPONENT_CLASSES: ClassVar = {
        "line-list--cursor",
        "line-list--rule",
        "line-list--title",
        "line-list--dim",
        "line-list--bold",
        "line-list--good",
        "line-list--differs",
        "line-list--here",
    }

    settled_after: ClassVar[float] = 0.15
    """Seconds without a move after which the rest of the screen follows the cursor."""

    class Settled(Message):
        """The cursor has rested for a moment, or what is under it has changed."""

        def __init__(self, of: LineList) -> None:
            super().__init__()
            self.of = of

    class Stuck(Message):
        """A key that moves had nowhere to go."""

        def __init__(self, of: LineList, way: int, across: bool = False) -> None:
            super().__init__()
            self.of, self.way, self.across = of, way, across

    class Pressed(Message):
        """Somebody has clicked on a stop."""

        def __init__(self, of: LineList) -> None:
            super().__init__()
            self.of = of

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.content = Content("", ())
        self._active = False
        self.cursor = 0
        """The place of the cursor among the stops."""
        self._top = 0
        self._strips: LRUCache[int, Strip] = LRUCache(400)
        self._settle: Timer | None = None

    @property
    def active(self) -> bool:
        """Whether keys act on it."""
        return self._active

    @active.setter
    def active(self, active: bool) -> None:
        if active != self._active:
            self._active = active
            self.refresh(Region(0, 0, cell_len(self._title) + 3, 1))
            self._refresh_sign()
            self.settle()

    @property
    def current(self) -> Stop | None:
        """Where the cursor stands."""
        stops = self.content.stops
        return stops[self.cursor] if self.cursor < len(stops) else None

    def show(self, content: Content) -> None:
        """Show other lines; the cursor stays at what it is about, or else at its place."""
        if content == self.content:
            return
        names = [stop.name for stop in content.stops]
        name = None if self.current is None else self.current.name
        at = names.index(name) if name in names else self.cursor
        before, self.content = self.content, content
        self.cursor = max(0, min(at, len(names) - 1))
        top = self._top
        self._scroll_to_cursor()
        if top != self._top or len(before.heads) != len(content.heads):
            self._strips.clear()
            self.refresh()
            return
        self._strips.clear()
        for y in range(self.size.height):
            if self._source(before, y) != self._source(content, y):
                self.refresh(Region(0, y, self.size.width, 1))

    def _source(self, content: Content, y: int) -> object:
        """What a row of the screen is made from."""
        if y == 0:
            return content.title, content.aside
        if y <= len(content.heads):
            return content.heads[y - 1]
        row = y - 1 - len(content.heads) + self._top
        columns = [stop.column for stop in content.stops if stop.row == row]
        return (content.lines[row] if row < len(content.lines) else None), columns

    # Moving.

    def go(self, stop: int) -> None:
        """Put the cursor at a stop, or the nearest there is."""
        stop = max(0, min(stop, len(self.content.stops) - 1))
        if stop == self.cursor:
            return
        before, self.cursor = self.cursor, stop
        top = self._top
        self._scroll_to_cursor()
        if top == self._top:
            self._refresh_signs(before, stop)
        else:
            self.refresh()
        self.settle()

    def settle(self) -> None:
        """Let the rest of the screen follow when no key has come for a moment."""
        if self._settle is None:
            self._settle = self.set_timer(self.settled_after, self._settled)
        else:
            self._settle.reset()

    @property
    def settles(self) -> bool:
        """Whether the rest of the screen is still to follow the cursor."""
        return self._settle is not None

    def _settled(self) -> None:
        self._settle = None
        self.post_message(self.Settled(self))

    def step(self, rows: int) -> None:
        """Go to the next row that has a stop, to that which is nearest."""
        if (here := self.current) is None:
            return
        others = [stop.row for stop in self.content.stops if (stop.row - here.row) * rows > 0]
        if not others:
            self.post_message(self.Stuck(self, rows))
            return
        row = min(others) if rows > 0 else max(others)
        self._go_to_row(row, here.column)

    def _go_to_row(self, row: int, column: int) -> None:
        on_row = [at for at, stop in enumerate(self.content.stops) if stop.row == row]
        self.go(min(on_row, key=lambda at: abs(self.content.stops[at].column - column)))

    def sideways(self, way: int) -> None:
        """Go to the next stop on the same row."""
        stops, at = self.content.stops, self.cursor + way
        if 0 <= at < len(stops) and stops[at].row == stops[self.cursor].row:
            self.go(at)
        else:
            self.post_message(self.Stuck(self, way, across=True))

    def page(self, way: int) -> None:
        """Move by as many rows as are seen."""
        if (here := self.current) is None:
            return
        far = here.row + way * self._rows
        rows = [stop.row for stop in self.content.stops]
        if here.row == (rows[-1] if way > 0 else rows[0]):
            self.post_message(self.Stuck(self, way))
        else:
            self._go_to_row(min(rows, key=lambda row: abs(row - far)), here.column)

    def first(self) -> None:
        """Go to the first stop."""
        self._go_or_post_stuck(0, -1)

    def last(self) -> None:
        """Go to the last stop."""
        self._go_or_post_stuck(len(self.content.stops) - 1, 1)

    def _go_or_post_stuck(self, stop: int, way: int) -> None:
        if stop == self.cursor:
            self.post_message(self.Stuck(self, way))
        else:
            self.go(stop)

    @property
    def _rows(self) -> int:
        """The lines that there is room for."""
        return max(1, self.size.height - 1 - len(self.content.heads))

    def _scroll_to_cursor(self) -> None:
        row = 0 if self.current is None else self.current.row
        if self.cursor == 0 and row < self._rows:
            self._top = 0  # with the lines above the first stop
        elif not self._top <= row < self._top + self._rows:
            self._top = max(0, row - self._rows // 2)
        self._top = max(0, min(self._top, len(self.content.lines) - self._rows))

    def _refresh_sign(self) -> None:
        if self.current is not None:
            self.refresh(self._cell(self.cursor))

    def _refresh_signs(self, *stops: int) -> None:
        """Repaint the cells of signs; as one region on one row, as a row is sent from its start."""
        first, second = map(self._cell, stops)
        if first.y == second.y:
            self.refresh(first.union(second))
        else:
            self.refresh(first, second)

    def _cell(self, stop: int) -> Region:
        """The cell of the sign at a stop."""
        at = self.content.stops[stop]
        return Region(at.column, at.row - self._top + 1 + len(self.content.heads), 1, 1)

    # Events and painting.

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """All lines, where the height is left to the list."""
        return 1 + len(self.content.heads) + len(self.content.lines)

    def on_resize(self) -> None:
        """Cut the lines anew and keep the cursor in view."""
        self._strips.clear()
        self._scroll_to_cursor()
        self.refresh()  # it was painted in its new size with the lines of the old one

    def notify_style_update(self) -> None:
        """Take on the colours of another theme."""
        super().notify_style_update()
        self._strips.clear()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse was pressed."""
        row = event.y - 1 - len(self.content.heads) + self._top
        if any(stop.row == row for stop in self.content.stops):
            before = [
                at
                for at, stop in enumerate(self.content.stops)
                if stop.row == row and stop.column <= event.x
            ]
            self.post_message(self.Pressed(self))
            self.go(before[-1] if before else self.cursor)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move the cursor, which scrolls at the edge."""
        event.prevent_default().stop()
        self.step(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move the cursor, which scrolls at the edge."""
        event.prevent_default().stop()
        self.step(-1)

    @property
    def _title(self) -> str:
        return escaping.line(self.content.title)

    def render_line(self, y: int) -> Strip:
        """The title, a head, or a line."""
        content, width = self.content, self.size.width
        if y == 0:
            return self._title_strip(width)
        if y <= len(content.heads):
            return self._strip(content.heads[y - 1], width)
        row = y - 1 - len(content.heads) + self._top
        if row >= len(content.lines):
            return Strip.blank(width, self.rich_style)
        if (strip := self._strips.get(row)) is None or strip.cell_length != width:
            strip = self._strips[row] = self._strip(content.lines[row], width)
        here = self.current
        if not self._active or here is None or here.row != row:
            return strip
        sign = Segment(CURSOR, self.get_component_rich_style("line-list--cursor"))
        column = here.column
        after = strip.crop(column + 1)
        return Strip([*strip.crop(0, column), sign, *after], width)

    def _title_strip(self, width: int) -> Strip:
        rule = self._style("rule")
        if not self.content.title:
            return Strip([Segment(RULE * width, rule)], width)
        title = self._style("here" if self._active else "title")
        aside = escaping.line(self.content.aside)
        aside = f" {aside} {RULE}" if aside else ""
        text = fitted(self._title, max(8, width - 4 - cell_len(aside)))
        left = 3 + cell_len(text) + 1
        fill = RULE * max(0, width - left - cell_len(aside))
        dim = self._style("dim")
        parts = [(RULE * 2 + " ", rule), (text + " ", title), (fill, rule), (aside, dim)]
        segments = [Segment(part, style) for part, style in parts if part]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _strip(self, parts: Line, width: int) -> Strip:
        segments = [Segment(escaping.line(part.text), self._style(part.tone)) for part in parts]
        strip = Strip(segments).simplify()
        if strip.cell_length > width > 0:
            kept = strip.crop(0, width - 1)
            return Strip([*kept, Segment(CUT, self._style("dim"))], width)
        return strip.adjust_cell_length(width, self.rich_style)

    def _style(self, tone: str) -> Style:
        return self.get_component_rich_style(f"line-list--{tone}") if tone else self.rich_style
