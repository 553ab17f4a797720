"""Snapshots of the screen as text that a reviewer can read, and their comparison with stored ones.

A snapshot has the characters of the screen and below them a letter for the style of each cell. The
list of styles says what a letter is in each look (dark, light, without colours), so another colour
changes one line of it, and another layout the lines that moved.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from string import ascii_letters, digits

import pytest
from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

PLAIN = " "
LETTERS = ascii_letters + digits

Look = Sequence[Strip]
"""The lines of the screen."""
Cell = tuple[str, ...]
"""What a cell looks like in each look."""


def picture(title: str, looks: Mapping[str, Look]) -> str:
    """The text of a snapshot: of one screen, in several looks."""
    styles = _styles(looks.values())
    letters = _letters(styles)
    parts = [title, ""]
    for names, text in _texts(looks):
        parts += [f"── {names} ──", *text, ""]
    parts.append("── styles ──")
    parts += ["".join(letters[style] for style in line).rstrip() for line in styles]
    parts += ["", *_legend(letters, list(looks))]
    return "\n".join(parts).rstrip() + "\n"


def compare(path: Path, text: str, renew: bool) -> None:
    """Fail with the difference to the stored snapshot, or store a new one."""
    before = path.read_text("utf-8") if path.is_file() else ""
    if renew and text != before:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    elif text != before:
        lines = difflib.unified_diff(
            before.splitlines(), text.splitlines(), "as stored", "as it is", lineterm=""
        )
        message = f"{path.name} shows something else (`make snapshots` stores it as it is):"
        pytest.fail("\n".join([message, *lines]), pytrace=False)


def _texts(looks: Mapping[str, Look]) -> list[tuple[str, list[str]]]:
    """The characters of the screen, once for all looks in which they are the same."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name, lines in looks.items():
        found.setdefault(tuple(line.text.rstrip() for line in lines), []).append(name)
    return [(", ".join(names), list(text)) for text, names in found.items()]


def _styles(looks: Iterable[Look]) -> list[list[Cell]]:
    """What each cell of each line looks like in each look, in words.

    A blank says no more than its ground: on the ground of the cell before it, it counts as part of
    that, else as part of the most frequent style on its ground.
    """
    lines = [
        [tuple(zip(*cell, strict=True)) for cell in zip_longest(*map(_cells, strips))]
        for strips in zip(*looks, strict=True)
    ]
    counted = Counter(cell for line in lines for cell in line if cell[0] != cell[1])
    usual = {ground: words for (words, ground), _ in reversed(counted.most_common())}
    styles: list[list[Cell]] = []
    for line in lines:
        styles.append([])
        before: Cell | None = None
        for words, ground in line:
            blank = styles[-1][-1] if ground == before else usual.get(ground, words)
            styles[-1].append(blank if words == ground else words)
            before = ground
    return styles


def _cells(strip: Strip) -> Iterator[tuple[str, str]]:
    """The style of each cell in words, and that of its ground alone."""
    for segment in strip:
        words, ground, underlined = _described(segment.style or Style())
        for character in segment.text:
            blank = character == " " and not underlined
            yield from [(ground if blank else words, ground)] * cell_len(character)


@lru_cache(4096)
def _described(style: Style) -> tuple[str, str, bool]:
    """A style in words, its ground in words, and whether it underlines."""
    colour = style.color if style.reverse else None
    ground = _words(Style(color=colour, bgcolor=style.bgcolor, reverse=style.reverse))
    return _words(style), ground, bool(style.underline)


def _words(style: Style) -> str:
    kinds = ("bold", "dim", "italic", "underline", "reverse", "strike", "blink")
    words = [kind for kind in kinds if getattr(style, kind)]
    if style.color is not None and not style.color.is_default:
        words.append(style.color.name)
    if style.bgcolor is not None and not style.bgcolor.is_default:
        words.append(f"on {style.bgcolor.name}")
    return " ".join(words) or "plain"


def _letters(styles: Sequence[Sequence[Cell]]) -> dict[Cell, str]:
    """Letters in the order of reading; the style that most cells have is left blank."""
    counted = Counter(style for line in styles for style in line)
    most = counted.most_common(1)[0][0]
    others = [style for style in counted if style != most]
    return {most: PLAIN, **dict(zip(others, LETTERS, strict=False))}


def _legend(letters: Mapping[Cell, str], names: Sequence[str]) -> list[str]:
    rows = [("", *names), *((letter, *style) for style, letter in letters.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(names) + 1)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
