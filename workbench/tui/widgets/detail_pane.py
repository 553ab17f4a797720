"""The pane with everything known about the tweet under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text

from workbench.tui.widgets.changed_lines import ChangedLines
from workbench.tui.widgets.detail import TweetDetails
from workbench.tui.widgets.detail_lines import TONES, DetailView, beside, newest_events, under
from workbench.tui.widgets.tweet_reasons import TweetReasons


class DetailPane(ChangedLines):
    """A column beside a wide list, a few lines under a narrow one; only what changes is painted."""

    COMPONENT_CLASSES: ClassVar = {f"detail--{tone}" for tone in TONES}

    _details: TweetDetails | None = None
    _reasons = TweetReasons()
    _narrow = _unfolded = False
    _top = 0
    """The first line that is seen of more than there is room for."""
    _lines: Sequence[Text] = ()

    def show(self, details: TweetDetails | None, reasons: TweetReasons, narrow: bool) -> None:
        """Show a tweet, or nothing."""
        before = None if self._details is None else self._details.tweet.id
        if details is None or details.tweet.id != before:
            self._top = 0
            self._unfolded = self._unfolded and not narrow  # where it takes the place of the text
        self._details, self._reasons, self._narrow = details, reasons, narrow
        self.draw()

    def scroll_lines(self, lines: int) -> bool:
        """Scroll; False if there is nothing more."""
        if not 0 <= self._top + lines <= self._hidden:
            return False
        self._top += lines
        self._paint()
        return True

    def fold_history(self) -> bool:
        """Show all of the history, or its newest events only; False if there are no others."""
        if self._details is None or len(self._details.history) <= newest_events(self._narrow):
            return False
        self._unfolded = not self._unfolded
        self._top = 0
        self.draw()
        return True

    @property
    def _hidden(self) -> int:
        return max(0, len(self._lines) - self.size.height)

    def on_resize(self) -> None:
        """Lay the lines out for the new size."""
        self.draw()

    def notify_style_update(self) -> None:
        """Take on the colours of another theme."""
        super().notify_style_update()
        if self.is_mounted:
            self.call_later(self.draw)  # the colours of its parts come after its own

    def draw(self) -> None:
        """Lay out what is known for the room that there is."""
        if not (self.size.width and self.size.height):
            return
        if self._details is None:
            self._lines = ()
        else:
            tones = {tone: self.get_component_rich_style(f"detail--{tone}") for tone in TONES}
            view = DetailView(
                self._details,
                self._reasons,
                tones,
                self.size.width,
                self.size.height,
                self._unfolded,
            )
            self._lines = under(view) if self._narrow else beside(view)
        self._top = min(self._top, self._hidden)
        self._paint()

    def _paint(self) -> None:
        self.show_lines(self._lines[self._top :])
