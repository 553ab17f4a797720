"""The last two lines of a screen: its state or an input, and below it its keys or a message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from workbench.tui.widgets.key_line import KeyLine, Keys
from workbench.tui.widgets.keys import forward_key
from workbench.tui.widgets.line_input import LineInput

DEBOUNCE = 0.05
"""Seconds without a letter after which what is typed is searched for."""


@dataclass(frozen=True)
class PromptRequest:
    """What the user is asked for."""

    title: str
    hint: str
    accept: Callable[[str], bool]
    """Takes the text; False keeps the line open, as something is wrong with it."""
    preview: Callable[[str], None] | None = None
    """Called while the user types, as soon as they pause."""
    cancel: Callable[[], None] | None = None
    typed: Callable[[str], None] | None = None
    """Called at each change of the text."""
    move: Callable[[int], None] | None = None
    """Called by the keys that go up and down in what is shown beside the input."""
    complete: Callable[[str], str] | None = None
    """Completes the text, when tab is pressed."""


MOVES = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10}


class PromptInput(LineInput):
    """An input that takes no keys once it has closed."""

    complete: Callable[[str], str] | None = None
    moves = False
    """Whether there is something beside it to move in."""

    class Moved(Message):
        """A key that goes up or down was pressed."""

        def __init__(self, rows: int) -> None:
            super().__init__()
            self.rows = rows

    async def on_key(self, event: events.Key) -> None:
        """Hand on what was typed after the key that closed it."""
        forward_key(self, event)
        if self.complete is not None and self.app.focused is self and event.key == "tab":
            event.stop().prevent_default()
            self.value = self.complete(self.value)
            self.cursor_position = len(self.value)
        if self.moves and self.app.focused is self and event.key in MOVES:
            event.stop().prevent_default()
            self.post_message(self.Moved(MOVES[event.key]))


class PromptLine(Vertical):
    """An input takes the place of the state, and messages that of the keys, so nothing moves."""

    class Opened(Message):
        """An input has opened."""

    class Closed(Message):
        """The input has closed."""

    def __init__(self, status: Widget, id: str) -> None:
        super().__init__(id=id)
        self.request: PromptRequest | None = None
        self._status = status
        self._asked_from: Widget | None = None
        self._pause: Timer | None = None
        self._keys: str | Keys = ""

    def compose(self) -> ComposeResult:
        """The state, an input that is hidden at first, and the keys."""
        yield self._status
        with Horizontal(id="prompt-entry"):
            yield Static(id="prompt-title", markup=False)
            yield PromptInput(id="prompt-input")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Only the state is there."""
        self._switch(asking=False)

    @property
    def line(self) -> KeyLine:
        """The line with the keys and messages."""
        return self.query_one(KeyLine)

    @property
    def entry(self) -> PromptInput:
        """The input."""
        return self.query_one("#prompt-input", PromptInput)

    def say(self, text: str, problem: bool = False, stays: bool = False) -> None:
        """Show a message for some seconds, or until the next key if it `stays`.

        A problem has a `!` as well as a colour.
        """
        self.line.say(text, problem, stays)

    def retract(self, text: str) -> None:
        """Take a message away if it is still there."""
        self.line.retract(text)

    def name_keys(self, keys: str | Keys) -> None:
        """Name the keys of the screen, when nothing is asked."""
        self._keys = keys
        if self.request is None:
            self.line.name_keys(keys)

    def hint(self, text: str) -> None:
        """Say what the input takes, or what is wrong with it, in the place of the keys."""
        if self.request is not None:
            if not self.line.is_unread:
                self.line.say("")
            self.line.name_keys(text)

    def ask(self, request: PromptRequest, value: str = "") -> None:
        """Open the input."""
        if self.request is None:
            self._asked_from = self.screen.focused
        self.request = None  # setting the value is not typing
        self.query_one("#prompt-title", Static).update(f"{request.title} ")
        with self.entry.prevent(Input.Changed):
            self.entry.value = value
        self.entry.cursor_position = len(value)
        self.entry.moves, self.entry.complete = request.move is not None, request.complete
        self.request = request
        self._switch(asking=True)
        self.hint(request.hint)
        # At once, so that no key of what is typed goes to the list.
        self.screen.set_focus(self.entry, scroll_visible=False)
        self.post_message(self.Opened())

    def close(self, cancelled: bool = True) -> None:
        """Close the input; `cancelled` lets the asker put things back."""
        request, self.request = self.request, None
        if request is None:
            return
        self._stop_pause()
        self._switch(asking=False)
        self.line.name_keys(self._keys)
        self.screen.set_focus(self._asked_from, scroll_visible=False)
        self.post_message(self.Closed())
        if cancelled and request.cancel:
            request.cancel()

    @property
    def caret_at(self) -> int:
        """The column of the line below at which the input's text begins."""
        left = self.line.content_region.x
        return self.entry.region.x - left - int(self.entry.scroll_offset.x)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.request and self.request.typed:
            self.request.typed(event.value)
        if self.request and self.request.preview:
            self._stop_pause()
            self._pause = self.set_timer(DEBOUNCE, self._paused)

    @on(PromptInput.Moved)
    def _moved(self, event: PromptInput.Moved) -> None:
        event.stop()
        if self.request and self.request.move:
            self.request.move(event.rows)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._stop_pause()
        if self.request and self.request.accept(event.value):
            self.close(cancelled=False)

    def _paused(self) -> None:
        if self.request and self.request.preview:
            self.request.preview(self.entry.value)

    def _stop_pause(self) -> None:
        if self._pause is not None:
            self._pause.stop()
            self._pause = None

    def _switch(self, asking: bool) -> None:
        self._status.display = not asking
        self.query_one("#prompt-entry").display = asking
