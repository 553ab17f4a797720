"""The line that names the keys of a screen."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.timer import Timer
from textual.widgets import Static

from workbench import escaping
from workbench.tui.acting_keys import key_for, keys_in_force
from workbench.tui.host import host
from workbench.tui.widgets.clicked_key import clicked_key
from workbench.tui.widgets.cut_text import fitted

SHOWN_S = 4.0
"""Seconds that a message stands in the place of the keys."""
GOES_ON = "…"
"""The end of a message about something that goes on, which stands until another comes."""
FOREVER_S = 24 * 3600.0

Keys = Sequence[tuple[str, str]]
"""Keys as they are where nobody has chosen others, with what they do, in a word each."""
BETWEEN = "  "


def without_effect(*needs: tuple[bool, Collection[str]]) -> Collection[str]:
    """The keys that would do nothing, of some that each need something."""
    return {key for met, keys in needs if not met for key in keys}


def width(keys: Keys) -> int:
    """The cells that keys and their words take."""
    return _written(keys).cell_len


def _written(keys: Keys) -> Text:
    """The keys, bold, each with its word."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for name, word in keys:
        text.append(BETWEEN if text else "")
        text.append(escaping.line(name), "bold not dim")
        text.append(f" {escaping.line(word)}" if word else "")
    return text


class KeyLine(Static):
    """The keys, or for a moment a message in their place.

    Keys are named as they are now; a text in their place is shown as it is.
    """

    def __init__(self, keys: str | Keys = "", **more: str) -> None:
        super().__init__(classes="hint", markup=False, **more)  # type: ignore[arg-type]
        self._keys: str | Keys = keys
        self._back: Timer | None = None
        self.said = ""
        """The message that stands in the place of the keys, whole."""
        self._stays = False
        """Whether the message stands until the next key."""
        self._problem_at: int | None = None
        """How much somebody had done when the problem came that stands in the place of the keys."""
        self._waiting: dict[str, bool] = {}
        """Messages that wait until it has been read, and which of them are problems."""

    def on_mount(self) -> None:
        """The keys are those that the settings give."""
        if self._back is None:
            self.show_keys()

    def say(self, text: str, problem: bool = False, stays: bool = False) -> None:
        """Show a message, and the keys again when it has been read; an empty one ends it at once.

        One that does not fit on the line is cut, and ends with the key that shows it whole.
        What comes by itself after a problem waits until that has been read, and what answers a key
        does not.
        One that `stays` has been read when a key comes on its screen, however late.
        """
        if not text:
            self.show_keys()
            return
        done = host(self).inputs
        if self._problem_at == done:
            if text != self.said:
                self._waiting[text] = problem
            return
        self._problem_at = done if problem else None
        if self._back is not None:
            self._back.stop()
        host(self).message_log.add(text, problem)
        seconds = FOREVER_S if stays or text.endswith(GOES_ON) else SHOWN_S
        self._back, self.said = self.set_timer(seconds, self._go_on), text
        self._stays = stays
        if stays:
            host(self).at_next_key(self._key_came)
        self.set_class(True, "-message").set_class(problem, "-problem")
        self._show_message()

    def _show_message(self) -> None:
        mark, room = "! " if self.has_class("-problem") else "", self.content_size.width
        shown = escaping.line(f"{mark}{self.said}")
        if cell_len(shown) > room > 0:
            whole = f" {key_for('messages')}"
            shown = fitted(shown, room - cell_len(whole)) + whole
        self.update(shown, layout=False)

    @property
    def is_unread(self) -> bool:
        """Whether a problem stands there, and nobody has done anything since it came."""
        return self._back is not None and self._problem_at == host(self).inputs

    def name_keys(self, keys: str | Keys) -> None:
        """Name other keys, unless a message stands there: then when that has been read."""
        if keys != self._keys:
            self._keys = keys
            if self._back is None:
                self.show_keys()

    def retract(self, text: str) -> None:
        """Show the keys again if this message is in their place."""
        self._waiting.pop(text, None)
        if self.said == text:
            self.show_keys()

    def _key_came(self) -> None:
        """End a message that stood until now, unless the key was for another screen."""
        if self._stays and self.is_attached:
            if self.screen.is_current:
                self._go_on()
            else:
                host(self).at_next_key(self._key_came)

    def _go_on(self) -> None:
        """Show what has waited, or else the keys, now that a message has been read."""
        waiting = list(self._waiting.items())
        self.show_keys()
        for text, problem in waiting:
            self.say(text, problem)

    def show_keys(self) -> None:
        """Show the keys again at once."""
        self._problem_at, self._waiting, self._stays = None, {}, False
        if self._back is not None:
            self._back.stop()
            self._back = None
        self.said = ""
        self.set_class(False, "-message", "-problem")
        if (shown := self._shown()) != self.content:
            self.update(shown, layout=False)

    def _shown(self) -> str | Text:
        if isinstance(self._keys, str):
            return self._keys
        named = [(keys_in_force(name, self), word) for name, word in self._keys]
        room = self.content_size.width
        while room and len(named) > 2 and width(named) > room:
            del named[-2]  # other keys may have longer names than those that were to fit
        return _written(named)

    def on_resize(self) -> None:
        """Name as many keys, or show as much of a message, as there is room for now."""
        if self._back is None:
            self.show_keys()
        else:
            self._show_message()

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked, unless a message stands in the place of the keys."""
        if self._back is None and (key := clicked_key(str(self.content), event.x)) is not None:
            self.app.simulate_key(key)
