"""The top line of every place: the places, the present one in brackets, and how far the work is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from workbench import escaping
from workbench.tui.host import host
from workbench.tui.standing import Standing

WIDE = 100
"""Columns from which the places have their figures beside them."""


@dataclass(frozen=True)
class _Part:
    text: str
    place: str = ""
    here: bool = False


class TopLine(Widget, can_focus=False):
    """One line; only cells that have changed are painted."""

    COMPONENT_CLASSES: ClassVar = {"top-line--here", "top-line--aside"}

    def __init__(self, here: str) -> None:
        super().__init__(classes="top-line")
        self._here = here
        self._standing = Standing()
        self._painted = ""

    def on_mount(self) -> None:
        """Show how far the work is at once."""
        self.show(host(self).places.standing())

    def show(self, standing: Standing) -> None:
        """Show how far the work is."""
        if standing == self._standing:
            return
        self._standing = standing
        before, now = self._painted, self._text
        if len(before) != len(now):
            self.refresh()
        elif changed := [
            at for at, pair in enumerate(zip(before, now, strict=True)) if _other(pair)
        ]:
            first, last = (cell_len(now[:at]) for at in (changed[0], changed[-1] + 1))
            self.refresh(Region(first, 0, last - first, 1))

    def on_click(self, event: events.Click) -> None:
        """Go to the place that was clicked."""
        at = 0
        for part in self._parts():
            at += cell_len(part.text)
            if event.x < at:
                if part.place:
                    self.app.call_later(self.app.run_action, f"place('{part.place}')")
                return

    def render_line(self, y: int) -> Strip:
        """The places at the left; workspace, annotator and what was fixed at the right."""
        here = self.get_component_rich_style("top-line--here")
        aside = self.get_component_rich_style("top-line--aside")
        parts, width, elsewhere = list(self._parts()), self.size.width, self.rich_style
        room = width - sum(cell_len(part.text) for part in parts)
        segments = [Segment(part.text, here if part.here else elsewhere) for part in parts]
        segments.append(Segment(self._aside(room).rjust(max(0, room)), aside))
        self._painted = self._text
        return Strip(segments).adjust_cell_length(width, elsewhere)

    @property
    def _text(self) -> str:
        """The whole line."""
        left = "".join(part.text for part in self._parts())
        room = self.size.width - cell_len(left)
        return set_cell_size(left + self._aside(room).rjust(max(0, room)), self.size.width)

    def _parts(self) -> Iterator[_Part]:
        wide = self.size.width >= WIDE
        yield _Part(" ")
        for tab in self._standing.tabs:
            text = tab.title
            if wide:
                text = " ".join(filter(None, (tab.title, tab.mark, tab.figure)))
            elif tab.mark:
                text += tab.mark
            here = tab.place == self._here
            yield _Part(f"[{text}]" if here else f" {text} ", tab.place, here)
            yield _Part(" ")

    def _aside(self, room: int) -> str:
        """Workspace, annotator and what was fixed, as much of it as there is room for."""
        told = self._standing
        dot = " · " if self.size.width >= WIDE else "·"
        names = dot.join(filter(None, map(escaping.line, (told.workspace, told.annotator))))
        fixed = f"{names}{dot}{told.fixed:,} fixed"
        for text in (fixed, names) if self.size.width >= WIDE else (names,):
            if cell_len(text) + 1 <= room:
                return text + " "
        return set_cell_size(names, max(0, room - 2)) + "… " if room > 3 else ""


def _other(pair: tuple[str, str]) -> bool:
    return pair[0] != pair[1]
