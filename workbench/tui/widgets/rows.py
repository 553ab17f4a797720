"""How a tweet looks on one line of the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from storage.tweet import Tweet
from workbench import escaping
from workbench.figures import probability, score
from workbench.tui.widgets.cut_text import padded
from workbench.tui.widgets.menu import CURSOR

NONE, BECAME = "·", "›"
MARKED, WAITS = "*", "…"
CORRECTED, KEPT, DIFFERS, TRAINED_ON = "✓", "k", "!", "~"
GAP = "  "
SIGNS_WIDTH = 4
"""Cells of a mark, a sign, a flag and the space behind them."""
PROBABILITY_WIDTH = 4
NARROW_LABEL = 4
"""Cells of a short name up to which there is room for what a label was beside what it became."""
LEGEND = (
    (CURSOR, "the tweet on which keys act"),
    (MARKED, "marked: the next label key acts on all marked tweets"),
    (WAITS, "an edit of it is not saved yet"),
    (DIFFERS, "the model differs from the label, and nobody has decided"),
    (CORRECTED, "corrected: the label differs from the given one, as neg›pos"),
    (KEPT, "kept: somebody has looked at the label and it stands"),
    (TRAINED_ON, "the shown run trained on this tweet, so its prediction flatters"),
    ("x a f", "excluded, ambiguous, flagged for review"),
)


@dataclass(frozen=True)
class OrderColumn:
    """The column with the value by which the list is ordered."""

    heading: str
    width: int
    write: Callable[[float], str]


def _day(ms: float) -> str:
    return datetime.fromtimestamp(ms / 1000).strftime("%m-%d %H:%M")


ORDER_COLUMNS = {
    "suspect": OrderColumn("suspect", 7, score),
    "margin": OrderColumn("margin", 6, probability),
    "confidence": OrderColumn("conf", 4, probability),
    "length": OrderColumn("length", 6, "{:,.0f}".format),
    "changed": OrderColumn("changed", 11, _day),
}
"""By order; others order by nothing that the other columns do not show."""


@dataclass(frozen=True)
class Columns:
    """The short names of the labels, how wide a label is, and the column of the order."""

    short: Mapping[str, str]
    label: int
    order: OrderColumn | None = None

    @property
    def given(self) -> int:
        """Cells of the given label and of what it became."""
        both = 2 * self.label + 1 if self.label <= NARROW_LABEL else self.label + 1
        return max(5, both)

    @property
    def model(self) -> int:
        """Cells of the model's label and its probability."""
        return max(5, self.label + PROBABILITY_WIDTH)


@dataclass(frozen=True)
class Palette:
    """The styles of a row; each is used together with a letter or symbol."""

    base: Style
    corrected: Style
    disagrees: Style
    excluded: Style
    dim: Style
    here: Style
    """Of the row on which the cursor rests."""


@dataclass(frozen=True)
class Row:
    """A tweet with its mark and the value by which the list is ordered, as they are painted."""

    tweet: Tweet
    mark: str = " "
    value: float | None = None


def columns(labels: Iterable[str], sort: str = "id") -> Columns:
    """Shorten the label names as far as they stay different, three characters at least."""
    plain = {label: escaping.line(label) for label in labels}
    for length in range(3, 11):
        short = {label: name[:length] for label, name in plain.items()}
        if len(set(short.values())) == len(short):
            break
    else:
        short = {label: f"{name[:7]}{at}" for at, (label, name) in enumerate(plain.items(), 1)}
    width = max((cell_len(name) for name in short.values()), default=3)
    return Columns(short, width, ORDER_COLUMNS.get(sort))


def header(layout: Columns, predicted_by: str) -> str:
    """The line above the list; it names the run that the predictions come from."""
    cells = f"{'given':<{layout.given}}{GAP}{'model':<{layout.model}}"
    cells += _order_cells(layout, layout.order.heading if layout.order else "")
    return " " * (SIGNS_WIDTH + 1) + cells + " · ".join(filter(None, ("text", predicted_by)))


def column_at(layout: Columns, x: int) -> str:
    """The column at a cell of the heading: given, model, order or text; empty for the signs."""
    end = SIGNS_WIDTH + 1
    if x < end:
        return ""
    order = layout.order.width + len(GAP) if layout.order is not None else 0
    widths = {"given": layout.given, "model": layout.model, "order": order}
    for name, width in widths.items():
        end += width + (len(GAP) if name != "order" else 0)
        if x < end:
            return name
    return "text"


def render(row: Row, layout: Columns, palette: Palette, width: int, here: bool = False) -> Strip:
    """The row without its gutter, cut or filled to a width."""
    tweet = row.tweet
    sign = _sign(row)
    flag = "x" if tweet.excluded else "a" if tweet.ambiguous else "f" if tweet.review else " "
    value = "" if layout.order is None or row.value is None else layout.order.write(row.value)
    given = set_cell_size(_given(tweet, layout), layout.given)
    model = set_cell_size(_model(tweet, layout), layout.model)
    order = _order_cells(layout, value)
    before = f"{row.mark}{sign}{flag} {given}{GAP}{model}{order}"
    text = padded(escaping.line(tweet.text), max(0, width - cell_len(before)))
    base, differs, corrected = palette.base, palette.disagrees, palette.corrected
    if here or tweet.excluded:
        parts = [(before + text, palette.here if here else palette.excluded)]
    else:
        of_sign = {DIFFERS: differs, CORRECTED: corrected}.get(sign, base)
        parts = [
            (row.mark, base),
            (sign, of_sign),
            (f"{flag} ", base),
            (given + GAP, corrected if sign == CORRECTED else base),
            (model, differs if sign == DIFFERS else base),
            (order, palette.dim),
            (text, base),
        ]
    strip = Strip([Segment(part, style) for part, style in parts]).simplify()
    return strip.adjust_cell_length(width, base)


def _sign(row: Row) -> str:
    tweet = row.tweet
    if tweet.changed:
        return CORRECTED
    if tweet.reviewed and tweet.gold is not None:
        return KEPT  # a first label keeps nothing
    return DIFFERS if tweet.disagrees else " "


def _given(tweet: Tweet, layout: Columns) -> str:
    """The given label, and what it became."""
    gold, label = (layout.short.get(name, NONE) if name else NONE for name in _labels(tweet))
    if gold == label:
        return gold
    return f"{gold}{BECAME}{label}" if layout.label <= NARROW_LABEL else f"{BECAME}{label}"


def _labels(tweet: Tweet) -> tuple[str | None, str | None]:
    return tweet.gold, tweet.label


def _model(tweet: Tweet, layout: Columns) -> str:
    """What the model says where that is not the label, with its probability."""
    if tweet.pred is None or tweet.pred == tweet.label:
        return ""
    short = set_cell_size(layout.short.get(tweet.pred, NONE), layout.label)
    return f"{short}{TRAINED_ON if tweet.in_sample else ' '}{probability(tweet.confidence)}"


def _order_cells(layout: Columns, value: str) -> str:
    """The value by which the list is ordered, between the model's label and the text."""
    return GAP + (f"{value.rjust(layout.order.width)}{GAP}" if layout.order is not None else "")
