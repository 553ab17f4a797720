"""The card of one tweet, which lies over the list and shows its keys as buttons."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from workbench import escaping
from workbench.figures import probability
from workbench.tui.acting_keys import key_for
from workbench.tui.widgets import detail
from workbench.tui.widgets.cut_text import rest
from workbench.tui.widgets.detail import RunPrediction, TweetDetails
from workbench.tui.widgets.rows import WAITS

EVENTS = 5
"""Of the history, the newest; the details beside the list have all of them."""
NAME_WIDTH = 10
WIDTH, MARGIN, TOP = 76, 2, 1
"""Cells of the longest line, at least so many beside it, and lines above the first one."""


class TweetCard(Widget, can_focus=False):
    """What a person needs to decide about a tweet, and the keys with which they do.

    Only lines that have changed are painted, since every key changes the tweet.
    """

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.opened = False
        self._shown: tuple[object, ...] = ()
        self._lines: Sequence[Strip] = ()
        self._buttons: Sequence[Strip] = ()
        """What is seen in the last lines too where there is no room for all."""
        self._top = 0
        """The first line that is seen of a tweet that has more than there is room for."""

    def open(self, opened: bool) -> None:
        """Lie over the list, or under it."""
        self.opened = opened
        self.styles.layer = "over" if opened else "under"

    def show(self, details: TweetDetails | None, labels: Sequence[str], waits: bool) -> None:
        """Show a tweet, whose last edit may not be saved yet, or nothing."""
        width = min(WIDTH, self.screen.size.width - 2 * MARGIN)
        if (shown := (details, waits, width)) == self._shown:
            return
        other = not self._shown or _number(details) != _number(self._shown[0])
        self._shown = shown
        lines = [] if details is None else _lines(details, waits)
        buttons = [] if details is None else [Text(_buttons(details, labels), "bold")]
        parts = self._rendered(lines, width), self._rendered(buttons, width)
        self._repaint(*parts, 0 if other else self._top)

    def _rendered(self, lines: Sequence[Text], width: int) -> Sequence[Strip]:
        options = self.app.console.options.update(width=width, height=None, overflow="fold")
        rendered = self.app.console.render_lines(Group(*lines), options, pad=False)
        return [Strip(line) for line in rendered] if lines else []

    def show_keys(self) -> None:
        """Have everything laid out anew, with the keys as they are then."""
        self._shown = ()

    def scroll_lines(self, lines: int) -> bool:
        """Scroll; False if there is nothing more."""
        top = self._top + lines
        if not 0 <= top <= self._hidden:
            return False
        self._repaint(self._lines, self._buttons, top)
        return True

    @property
    def _room(self) -> int:
        """How many lines are seen above the buttons."""
        room = self.size.height - TOP - len(self._buttons)
        return room if len(self._lines) <= room else max(1, room - 1)

    @property
    def _hidden(self) -> int:
        return max(0, len(self._lines) - self._room)

    def _repaint(self, lines: Sequence[Strip], buttons: Sequence[Strip], top: int) -> None:
        rows = range(self.size.height)
        before = [self._line(row) for row in rows]
        self._lines, self._buttons, self._top = lines, buttons, top
        for row, old in zip(rows, before, strict=True):
            if old != (new := self._line(row)):
                cells = max(old.cell_length, new.cell_length)
                self.refresh(Region(self._left, row, cells, 1))

    @property
    def _left(self) -> int:
        return max(MARGIN, (self.size.width - WIDTH) // 2)

    def _line(self, row: int) -> Strip:
        hidden, room = self._hidden, self._room
        top = min(self._top, hidden)  # the terminal may have grown
        seen = [*self._lines[top : top + room]]
        if hidden:
            said = rest(hidden, top, key_for("scroll_down"), key_for("scroll_up"))
            seen.append(Strip([Segment(said, Style(dim=True))]))
        every = [*seen, *self._buttons]
        return every[row - TOP] if 0 <= row - TOP < len(every) else Strip([])

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        line = self._line(y).apply_style(self.rich_style)
        left = Segment(" " * self._left, self.rich_style)
        return Strip([left, *line]).adjust_cell_length(self.size.width, self.rich_style)


def _number(details: object) -> int | None:
    return details.tweet.id if isinstance(details, TweetDetails) else None


def _lines(details: TweetDetails, waits: bool) -> list[Text]:
    tweet = details.tweet
    head = f"#{tweet.id} · {tweet.split}" + (f" · {tweet.external_id}" if tweet.external_id else "")
    head += f" · {WAITS} an edit is not saved yet" if waits else ""
    lines = [Text(escaping.line(head), "bold"), Text("")]
    lines += [Text(escaping.lines(tweet.text), overflow="fold"), Text("")]
    seen = "  corrected" if tweet.changed else "  looked at" if tweet.reviewed else ""
    lines += [_fact("given", tweet.gold or "none"), _fact("now", (tweet.label or "none") + seen)]
    lines += [_fact("marks", ", ".join(tweet.flags))] if tweet.flags else []
    lines += [_fact("note", tweet.note)] if tweet.note else []
    lines += [_prediction_line(prediction) for prediction in details.predictions]
    if details.duplicates:
        lines.append(_fact("same text", detail.tweet_numbers(details.duplicates)))
    lines.append(Text(""))
    newest = list(reversed(details.history))
    lines += [_fact("", detail.event_line(event)) for event in newest[:EVENTS]]
    if more := len(newest) - EVENTS:
        lines += [_fact("", f"and {more:,} earlier")] if more > 0 else []
    return [*lines, Text("")]


def _fact(name: str, value: str) -> Text:
    return Text(f"{name:<{NAME_WIDTH}} {escaping.line(value)}", overflow="fold")


def _prediction_line(prediction: RunPrediction) -> Text:
    chance = prediction.chance
    trained = "  ~ trained on this tweet" if prediction.in_sample else ""
    value = f"{prediction.label}  {detail.share_bar(chance)} {probability(chance)}{trained}"
    return _fact(f"run {prediction.run.id}", value)


def _buttons(details: TweetDetails, labels: Sequence[str]) -> str:
    tweet = details.tweet
    buttons = [
        f"[{key_for(f'label_{number}')}] {label}"
        for number, label in enumerate(labels[:9], start=1)
    ]
    buttons += [f"[{key_for('menu')}] others"] if len(labels) > 9 else []
    buttons += [f"[{key_for('suggestion')}] take {tweet.pred}"] if tweet.pred else []
    buttons += [f"[enter] keep {tweet.label}"] if tweet.label else []
    return escaping.line("   ".join(buttons))
