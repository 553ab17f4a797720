"""The line that holds the last message, or an input while one is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from workbench import escaping
from workbench.tui.widgets.keys import forward_key
from workbench.tui.widgets.line_input import LineInput

DEBOUNCE = 0.12


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


MOVES = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10}


class PromptInput(LineInput):
    """An input that takes no keys once it has closed."""

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
        if self.moves and self.app.focused is self and event.key in MOVES:
            event.stop().prevent_default()
            self.post_message(self.Moved(MOVES[event.key]))


class PromptLine(Horizontal):
    """Keeps its place on the screen, so that opening it moves nothing."""

    class Opened(Message):
        """An input has opened."""

    class Closed(Message):
        """The input has closed."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.request: PromptRequest | None = None
        self._asked_from: Widget | None = None
        self._pause: Timer | None = None

    def compose(self) -> ComposeResult:
        """A message, and an input that is hidden at first."""
        yield Static(id="message", markup=False)
        yield Static(id="prompt-title", markup=False)
        yield PromptInput(id="prompt-input")

    def on_mount(self) -> None:
        """Only the message is there."""
        self._message = self._said = ""
        self._switch(asking=False)

    @property
    def entry(self) -> PromptInput:
        """The input."""
        return self.query_one("#prompt-input", PromptInput)

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message until the next one; a problem has a `!` as well as a colour.

        One that does not fit on the line is shown whole over the list for a while.
        """
        self._said = text
        text = escaping.line(f"! {text}" if problem and text else text)
        if text == self._message:
            return
        if cell_len(text) > self.size.width:
            self.notify(text, severity="error" if problem else "information", markup=False)
        self._message = text
        message = self.query_one("#message", Static)
        message.set_class(problem, "-problem")
        message.update(text, layout=False)

    def retract(self, text: str) -> None:
        """Take a message away if it is still there."""
        if self._said == text:
            self.say("")

    def ask(self, request: PromptRequest, value: str = "") -> None:
        """Open the input."""
        if self.request is None:
            self._asked_from = self.screen.focused
        self.request = None  # setting the value is not typing
        self.query_one("#prompt-title", Static).update(f"{request.title} ")
        with self.entry.prevent(Input.Changed):
            self.entry.value = value
        self.entry.cursor_position = len(value)
        self.entry.moves = request.move is not None
        self.request = request
        self._switch(asking=True)
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
        self.screen.set_focus(self._asked_from, scroll_visible=False)
        self.post_message(self.Closed())
        if cancelled and request.cancel:
            request.cancel()

    @property
    def caret_at(self) -> int:
        """The screen column at which the input's text begins."""
        return self.entry.region.x - self.region.x - int(self.entry.scroll_offset.x)

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
        self.query_one("#message").display = not asking
        self.query_one("#prompt-title").display = asking
        self.entry.display = asking
