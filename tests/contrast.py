"""How well the characters of a screen stand out from their ground."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.color import Color, ColorSystem
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.strip import Strip

LEAST = 4.5
"""What WCAG 2.2 asks for text (success criterion 1.4.3)."""
FAINT = 2 / 3
"""How much of its colour a dim text keeps before its ground, as VTE and Textual draw it."""
XTERM = (
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
)
"""The 16 colours of xterm (charproc and XTerm-col.ad, since its patch 146)."""
TERMINALS = {
    dark: TerminalTheme(ground, text, list(XTERM[:8]), list(XTERM[8:]))
    for dark, ground, text in ((True, XTERM[0], XTERM[7]), (False, XTERM[15], XTERM[0]))
}
"""Dark and light terminals with the colours of xterm."""

Triplet = tuple[float, float, float]


def luminance(colour: Triplet) -> float:
    """Relative luminance of an sRGB colour of 0 to 255 each (WCAG 2.2, terms)."""
    shares = [value / 255 for value in colour]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Triplet, other: Triplet) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, terms)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def too_weak(lines: Iterable[Strip], dark: bool) -> list[str]:
    """What stands out too little, with its colours, on a terminal of all, 256 or 16 colours.

    What has the very colour of its ground is not there to be seen.
    """
    found = {}
    for style, text in _drawn(lines):
        for system in (ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT):
            text_colour, ground = _colours(style, dark, system)
            ratio = contrast(text_colour, ground)
            if text_colour != ground and ratio < LEAST:
                found.setdefault(f"{ratio:.2f} of {style} in {system.name}", text)
    return [f"{what}: {text!r}" for what, text in sorted(found.items())]


def _drawn(lines: Iterable[Strip]) -> Iterator[tuple[Style, str]]:
    for line in lines:
        for text, style, _ in line:
            if text.strip():
                yield style or Style(), text


def _colours(style: Style, dark: bool, system: ColorSystem) -> tuple[Triplet, Triplet]:
    """The colours of a text and its ground as a terminal draws them."""
    terminal = TERMINALS[dark]
    text, ground = (
        (colour or Color.default()).downgrade(system).get_truecolor(terminal, foreground=foreground)
        for colour, foreground in ((style.color, True), (style.bgcolor, False))
    )
    if style.reverse:
        text, ground = ground, text
    share = FAINT if style.dim else 1
    mixed = tuple(g + (t - g) * share for t, g in zip(text, ground, strict=True))
    return (mixed[0], mixed[1], mixed[2]), ground
