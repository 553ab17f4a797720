"""How a tweet looks on one line of the list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from storage.tweet import Tweet
from workbench import escaping
from workbench.figures import probability

NONE = "·"
MARKED, WAITS = "*", "…"
MARKS_WIDTH = 6
LEGEND = (
    (MARKED, "marked: the next label key acts on all marked tweets"),
    (WAITS, "an edit of it is not saved yet"),
    ("c", "corrected: the label differs from the imported one"),
    ("k", "kept: somebody has looked at the label and it stands"),
    ("!", "the prediction differs from the label"),
    ("~", "the shown run trained on this tweet, so its prediction flatters"),
    ("x a f", "excluded, ambiguous, flagged for review"),
)


@dataclass(frozen=True)
class Columns:
    """The short names of the labels and how wide a label column is."""

    short: Mapping[str, str]
    width: int

    @property
    def text_at(self) -> int:
        """The column at which the tweet's text begins, not counting the gutter."""
        return MARKS_WIDTH + max(4, self.width) + max(5, self.width) + max(4, self.width) + 3 + 4


@dataclass(frozen=True)
class Palette:
    """The styles of a row; each is used together with a letter or symbol."""

    base: Style
    corrected: Style
    disagrees: Style
    excluded: Style


def columns(labels: Iterable[str]) -> Columns:
    """Shorten the label names as far as they stay different, three characters at least."""
    plain = {label: escaping.line(label) for label in labels}
    for length in range(3, 11):
        short = {label: name[:length] for label, name in plain.items()}
        if len(set(short.values())) == len(short):
            break
    else:
        short = {label: f"{name[:7]}{at}" for at, (label, name) in enumerate(plain.items(), 1)}
    return Columns(short, max((len(name) for name in short.values()), default=3))


def header(layout: Columns, predicted_by: str) -> str:
    """The line above the list; it names the run that the predictions come from."""
    return " " * (MARKS_WIDTH + 1) + _cells(layout, "gold", "label", "pred", "p") + predicted_by


def render(tweet: Tweet, layout: Columns, palette: Palette, width: int, mark: str) -> Strip:
    """The row without its gutter, cut or filled to a width, in as few style runs as it takes."""
    gold, label, pred = (
        layout.short.get(name, NONE) if name else NONE
        for name in (tweet.gold, tweet.label, tweet.pred)
    )
    flag = "x" if tweet.excluded else "a" if tweet.ambiguous else "f" if tweet.review else " "
    cells = _cells(layout, gold, label, pred, probability(tweet.confidence))
    marks = (
        mark
        + ("c" if tweet.changed else "k" if tweet.reviewed else " ")
        + ("!" if tweet.disagrees else " ")
        + ("~" if tweet.in_sample else " ")
        + flag
        + " "
    )
    line = set_cell_size(marks + cells + escaping.line(tweet.text), width)
    if tweet.excluded:
        return Strip([Segment(line, palette.excluded)], width)
    if tweet.changed or tweet.disagrees:
        style = palette.disagrees if tweet.disagrees else palette.corrected
        cut = min(layout.text_at, width)
        return Strip([Segment(line[:cut], style), Segment(line[cut:], palette.base)], width)
    return Strip([Segment(line, palette.base)], width)


def _cells(layout: Columns, gold: str, label: str, pred: str, chance: str) -> str:
    widths = (max(4, layout.width), max(5, layout.width), max(4, layout.width), 3)
    parts = zip((gold, label, pred, chance), widths, strict=True)
    return " ".join(set_cell_size(part, width) for part, width in parts) + " "
