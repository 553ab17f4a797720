"""The list of tweets: a window over any number of rows, a few bytes per key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from storage.tweet import Tweet
from workbench.tui.widgets import rows
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.menu import CURSOR
from workbench.tui.widgets.row_strips import RowStrips
from workbench.tui.widgets.row_windows import RowWindows
from workbench.tui.widgets.rows import Row

SETTLED_AFTER = 0.15
"""Seconds without a move after which the rest of the screen follows the cursor."""


class TweetList(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows fetched in windows as they come into view.

    A move repaints two cells, and at an edge the list jumps by most of a page, because on a slow
    line every repainted row is felt.
    """

    COMPONENT_CLASSES: ClassVar = {
        "list--cursor",
        "list--corrected",
        "list--disagrees",
        "list--excluded",
        "list--dim",
        "list--here",
    }
    BINDINGS: ClassVar = [
        key("j,down", "step(1)", "next tweet"),
        key("k,up", "step(-1)", "previous tweet"),
        key("ctrl+d", "page(0.5)", "half a page down"),
        key("ctrl+u", "page(-0.5)", "half a page up"),
        key("pagedown", "page(1)", "a page down"),
        key("pageup", "page(-1)", "a page up"),
        key("g,home", "first", "first tweet"),
        key("G,end", "last", "last tweet"),
    ]

    class Settled(Message):
        """The cursor has rested for a moment."""

    class Stuck(Message):
        """A key that moves had nowhere to go."""

    class Jumped(Message):
        """The cursor has gone to an end of the list."""

        def __init__(self, before: int | None) -> None:
            super().__init__()
            self.before = before
            """The tweet on which it was."""

    def __init__(self, fetch: Callable[[Sequence[int]], list[Tweet]], id: str) -> None:
        super().__init__(id=id)
        self.ids: Sequence[int] = range(0)
        self.cursor = 0
        self.marked: set[int] = set()
        self.windows = RowWindows(fetch)
        self.layout_of = rows.columns(())
        self.covered = False
        """Whether a card lies over the list, so that only the tweet under the cursor is seen."""
        self.waits: Callable[[int], bool] = lambda tweet: False
        """Whether an edit of a tweet is still to be saved."""
        self.row_after: Callable[[int, int], int] = lambda row, rows_down: row + rows_down
        """The row to go on to from one, so many further down."""
        self._strips = RowStrips()
        self._direction = 0
        """1 or -1 if the cursor went one row down or up last, else 0."""
        self._turned = 0
        """1 or -1 if the cursor went pages down or up last, else 0."""
        self._rests_on: int | None = None
        """The row that is marked as a whole, as the cursor rested there."""
        self._palette: rows.Palette | None = None
        self._settle: Timer | None = None
        self._follows = True
        """Whether the card shows the tweet under the cursor; if not, it has been told to."""

    # What is shown.

    def show(self, ids: Sequence[int], cursor: int = 0) -> None:
        """Show these tweets with the cursor on a row."""
        self.ids = ids
        self.virtual_size = Size(self.size.width, len(ids))
        self.cursor, self._rests_on = max(0, min(cursor, len(ids) - 1)), None
        self.windows.clear()
        self.refresh()
        self._scroll_to_cursor(centre=True)
        self.settle()

    def lay_out(self, columns: rows.Columns) -> None:
        """Write the tweets in other columns."""
        if columns != self.layout_of:
            self.layout_of = columns
            self._strips.clear()
            self.refresh()

    def look_again(self) -> None:
        """Read what is in view again; rows out of view are read when they come into view."""
        self.windows.clear()
        self.repaint()

    def repaint(self) -> None:
        """Repaint the rows that are not as they were painted."""
        for row in self._in_view():
            if self._state(row) != self._strips.state(row):
                self.refresh_line(row)

    def in_view(self, ids: Collection[int]) -> list[Tweet] | None:
        """These tweets as they are shown, None if some of them are not on the screen."""
        found = (self.tweet_at(row) for row in self._in_view())
        shown = {tweet.id: tweet for tweet in found if tweet is not None}
        return [shown[number] for number in ids] if all(n in shown for n in ids) else None

    def _in_view(self) -> range:
        top = self.scroll_offset.y
        return range(top, min(top + self.size.height, len(self.ids)))

    def tweet_at(self, row: int) -> Tweet | None:
        """The tweet on a row, its text cut to what a line can show."""
        found = self.windows.row(self.ids, row)
        return None if found is None else found.tweet

    @property
    def current(self) -> Tweet | None:
        """The tweet under the cursor."""
        return self.tweet_at(self.cursor)

    @property
    def current_id(self) -> int | None:
        """The id of the tweet under the cursor."""
        return self.ids[self.cursor] if self.ids else None

    def target_ids(self) -> list[int]:
        """What a key acts on: the marked tweets in order of their ids, else the current one."""
        if self.marked:
            return sorted(self.marked)
        return [] if self.current_id is None else [self.current_id]

    # Moving.

    def go(self, row: int) -> None:
        """Put the cursor on a row, or the nearest there is."""
        row = max(0, min(row, len(self.ids) - 1))
        if row == self.cursor:
            return
        before, self.cursor = self.cursor, row
        self._direction, self._turned = row - before if abs(row - before) == 1 else 0, 0
        self._refresh_gutter(before)
        self._refresh_gutter(row)
        self._scroll_to_cursor()
        if not self.covered:
            self._write_next()
        self.settle()

    def settle(self) -> None:
        """Let the rest of the screen follow when no key has come for a moment, or at once."""
        if self.covered:
            if self._follows:
                self._follows = False
                self.post_message(self.Settled())
        else:
            if self._settle is not None:  # one that is reset would go off up to twice as late
                self._settle.stop()
            self._settle = self.set_timer(SETTLED_AFTER, self._settled)

    def followed(self) -> None:
        """The rest of the screen shows the tweet under the cursor: nobody need be told."""
        self._follows = True

    def on_tweet_list_settled(self, event: Settled) -> None:
        """Tell nobody who has followed in the meantime."""
        if self.covered and self._follows:
            event.stop()
        self._follows = True

    def settle_now(self) -> None:
        """Let the rest of the screen follow at once."""
        if self._settle is not None:
            self._settle.stop()
        self._settled()

    def _settled(self) -> None:
        self._settle = None
        self._jump_ahead()
        self._write_ahead()
        if self.cursor != self._rests_on:
            before, self._rests_on = self._rests_on, self.cursor
            for row in (before, self.cursor):
                if row is not None and row in self._in_view():
                    self.refresh_line(row)
        self.post_message(self.Settled())

    def _scroll_to_cursor(self, centre: bool = False) -> None:
        height, top, at = self.size.height, self.scroll_offset.y, self.cursor
        if not height or (top <= at < top + height and not centre):
            return
        if not centre and top - height <= at < top + 2 * height:
            self._show_ahead(down=at >= top)
        else:
            self.scroll_to(y=max(0, at - height // 2), animate=False, immediate=True)

    def _show_ahead(self, down: bool) -> None:
        """Scroll so that most of the rows that are seen lie ahead of the cursor."""
        height = self.size.height
        above = height // 5 if down else height - 1 - height // 5
        self.scroll_to(y=max(0, self.cursor - above), animate=False, immediate=True)

    def _jump_ahead(self) -> None:
        """Jump at the edge while the hand rests, so that the next key finds its row painted."""
        edge, beyond = self._in_view(), self.cursor + self._direction
        if self._direction and beyond not in edge and 0 <= beyond < len(self.ids):
            self._show_ahead(down=self._direction > 0)

    def _refresh_gutter(self, row: int) -> None:
        self.refresh(Region(0, row - self.scroll_offset.y, 1, 1))

    def action_step(self, rows_down: int) -> None:
        """Move the cursor by rows, or post `Stuck` at the end."""
        self._go_or_post_stuck(self.cursor + rows_down)

    def _go_or_post_stuck(self, row: int) -> None:
        before = self.cursor
        self.go(row)
        if self.cursor == before:
            self.post_message(self.Stuck())

    def action_move(self, rows_down: int) -> None:
        """Move the cursor by rows."""
        self.go(self.row_after(self.cursor, rows_down))

    def action_page(self, pages: float) -> None:
        """Move cursor and list together by a share of a page."""
        step, self._turned = round(pages * max(1, self.size.height)), 1 if pages > 0 else -1
        top = self.scroll_offset.y + step
        self.cursor, before = max(0, min(self.cursor + step, len(self.ids) - 1)), self.cursor
        self.scroll_to(y=max(0, top), animate=False, immediate=True)
        self._refresh_gutter(before)
        self._refresh_gutter(self.cursor)
        self._scroll_to_cursor()
        self.settle()
        if self.cursor == before:
            self.post_message(self.Stuck())

    def action_first(self) -> None:
        """Go to the first row."""
        self._jump(0)

    def action_last(self) -> None:
        """Go to the last row."""
        self._jump(len(self.ids) - 1)

    def _jump(self, row: int) -> None:
        if self.ids:
            self.post_message(self.Jumped(self.current_id))
        self._go_or_post_stuck(row)

    def mark_rows(self, first: int, last: int) -> None:
        """Mark the rows from one to another, both included."""
        first, last = sorted((first, last))
        self.marked.update(self.ids[first : last + 1])
        self._marks_changed()

    def toggle_mark(self) -> None:
        """Mark the tweet under the cursor, or take its mark away."""
        if (number := self.current_id) is not None:
            self.toggle_marks([number])

    def toggle_marks(self, ids: Collection[int]) -> None:
        """Mark some tweets, or take their marks away where all of them have one."""
        self.marked = (
            self.marked - set(ids) if self.marked.issuperset(ids) else self.marked | {*ids}
        )
        self._marks_changed()

    def unmark(self) -> None:
        """Take all marks away."""
        if self.marked:
            self.marked = set()
            self._marks_changed()

    def _marks_changed(self) -> None:
        self.repaint()
        self.settle()

    # Events and painting.

    def on_resize(self) -> None:
        """Cut the rows anew and keep the cursor in view."""
        self._strips.clear()
        self._scroll_to_cursor()

    def notify_style_update(self) -> None:
        """Take on the colours of another theme."""
        super().notify_style_update()
        self._palette = None
        self._strips.clear()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse was pressed; the list does not move below it."""
        self.go(self.scroll_offset.y + event.y)
        self._direction = 0

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll at once: an animation repaints the list many times."""
        event.prevent_default().stop()
        self.action_move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll at once: an animation repaints the list many times."""
        event.prevent_default().stop()
        self.action_move(-3)

    def render_line(self, y: int) -> Strip:
        """One line of the screen: gutter and row."""
        row = self.scroll_offset.y + y
        if (state := self._state(row)) is None:
            self._strips.forget(row)
            return Strip.blank(self.size.width, self.rich_style)
        strip = self._strip(row, state)
        if row != self.cursor:
            return strip
        gutter = Segment(CURSOR, self.get_component_rich_style("list--cursor"))
        return Strip([gutter, *strip.crop(1)], strip.cell_length)

    def _strip(self, row: int, state: Row) -> Strip:
        """A row without the cursor."""
        here, palette = row == self._rests_on, self._palette or self._read_palette()

        def write() -> Strip:
            width = self.size.width
            written = rows.render(state, self.layout_of, palette, width - 1, here=here)
            gutter = Segment(" ", palette.here if here else palette.base)
            return Strip([gutter, *written], width).simplify()

        return (self._strips.once if here else self._strips.strip)(row, state, write)

    def _write_ahead(self) -> None:
        """Write the rows of the next page while the hand rests, where pages are turned."""
        height = self.size.height
        first = self.scroll_offset.y + self._turned * height
        self._write(range(first, first + height))

    def _write_next(self) -> None:
        """Write one of the rows that the next jump shows with each step to the edge."""
        shown, kept, down = self._in_view(), self.size.height // 5, self._direction > 0
        next_one = shown.stop - shown.start - kept if down else shown.start - shown.stop + kept
        self._write([self.cursor + next_one] if self._direction else [])

    def _write(self, wanted: Iterable[int]) -> None:
        shown = self._in_view()
        for row in wanted:
            if row not in shown and (state := self._state(row)) is not None:
                self._strip(row, state)

    def _state(self, row: int) -> Row | None:
        """The tweet on a row, its value and its mark."""
        if (found := self.windows.row(self.ids, row)) is None:
            return None
        if self.waits(found.tweet.id):
            return replace(found, mark=rows.WAITS)
        return replace(found, mark=rows.MARKED) if found.tweet.id in self.marked else found

    def _read_palette(self) -> rows.Palette:
        self._palette = rows.Palette(
            self.rich_style,
            *(
                self.get_component_rich_style(f"list--{name}")
                for name in ("corrected", "disagrees", "excluded", "dim", "here")
            ),
        )
        return self._palette
