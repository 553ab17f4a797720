"""What has to be sent to a terminal when the style of what is written changes.

Textual begins and ends every run of a style with all of its colours, some forty bytes; most styles
of a screen differ in one colour from the one before.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip


class Look(NamedTuple):
    """A style as a terminal knows it: the codes of its attributes and of its two colours."""

    attributes: frozenset[str]
    colour: str
    background: str


PLAIN = Look(frozenset(), "", "")


class StyleChanges:
    """Writes text in one style after the other, and ends in the plain one."""

    def __init__(self, colours: ColorSystem) -> None:
        self._colours = colours
        self._present = PLAIN

    def write(self, segments: Iterable[Segment]) -> str:
        """Text with the sequences before each change of style."""
        parts = []
        for text, style, _ in segments:
            wanted = PLAIN if style is None else _look(style, self._colours)
            parts += [_between(self._present, wanted), text]
            self._present = wanted
        return "".join(parts)

    def end(self) -> str:
        """The sequence that leaves the terminal plain."""
        before, self._present = self._present, PLAIN
        return _between(before, PLAIN)


@lru_cache(maxsize=1024)
def _look(style: Style, colours: ColorSystem) -> Look:
    codes = Strip.render_ansi(style.without_color, colours)
    front, back = style.color, style.bgcolor
    return Look(
        frozenset(codes.split(";") if codes else ()),
        ";".join(front.downgrade(colours).get_ansi_codes()) if front else "",
        ";".join(back.downgrade(colours).get_ansi_codes(False)) if back else "",
    )


@lru_cache(maxsize=4096)
def _between(before: Look, after: Look) -> str:
    """The sequence that goes from one look to another."""
    if before == after:
        return ""
    if after == PLAIN:
        return "\x1b[0m"
    lost_colour = before.colour and not after.colour
    lost_background = before.background and not after.background
    if before.attributes - after.attributes or lost_colour or lost_background:
        parts = ["0", *sorted(after.attributes), after.colour, after.background]
    else:
        parts = sorted(after.attributes - before.attributes)
        parts += [after.colour] if after.colour != before.colour else []
        parts += [after.background] if after.background != before.background else []
    return f"\x1b[{';'.join(filter(None, parts))}m"
