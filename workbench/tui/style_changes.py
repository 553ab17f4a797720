"""What has to be sent to a terminal when the style of what is written changes.

Textual begins and ends every run of a style with all of its colours, some forty bytes; most styles
of a screen differ in one colour from the one before, and a blank shows its background only.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

LINES = frozenset({"4", "7", "9", "21", "53"})
"""The codes of what is seen of a blank too: underlined, reversed, struck out, overlined."""
ENDS = {
    "1": "22",
    "2": "22",
    "3": "23",
    "4": "24",
    "5": "25",
    "6": "25",
    "7": "27",
    "8": "28",
    "9": "29",
    "21": "24",
    "51": "54",
    "52": "54",
    "53": "55",
}
"""The codes that end attributes; one may end two of them."""


class Look(NamedTuple):
    """A style as a terminal knows it: the codes of its attributes and of its two colours."""

    attributes: frozenset[str]
    colour: str
    background: str


PLAIN = Look(frozenset(), "", "")


class StyleChanges:
    """Writes text in one style after the other, and ends in the plain one."""

    def __init__(self, colours: ColorSystem, present: Look = PLAIN) -> None:
        self._colours = colours
        self._present = present

    def copy(self) -> StyleChanges:
        """Another one that goes on from here."""
        return StyleChanges(self._colours, self._present)

    def write(self, segments: Iterable[Segment]) -> str:
        """Text with the sequences before each change of style."""
        parts = []
        for text, style, _ in segments:
            wanted = PLAIN if style is None else _look(style, self._colours)
            if not text.strip(" ") and not wanted.attributes & LINES:
                kept = self._present
                wanted = Look(kept.attributes - LINES, kept.colour, wanted.background)
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
    """The shortest sequence that goes from one look to another."""
    if before == after:
        return ""
    if after == PLAIN:
        return "\x1b[0m"
    anew = ["0", *sorted(after.attributes), after.colour, after.background]
    ends = {ENDS[code] for code in before.attributes - after.attributes}
    begins = {code for code in after.attributes if ENDS[code] in ends}
    changed = [*sorted(ends), *sorted(begins | after.attributes - before.attributes)]
    changed += [after.colour or "39"] if after.colour != before.colour else []
    changed += [after.background or "49"] if after.background != before.background else []
    codes = min((";".join(filter(None, way)) for way in (anew, changed)), key=len)
    return f"\x1b[{codes}m"
