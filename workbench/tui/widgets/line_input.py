"""A line of text that is edited, key by key in the order in which they came."""

from __future__ import annotations

from rich.highlighter import Highlighter
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.widgets import Input

from workbench import escaping
from workbench.tui.host import host

KEY_ACTIONS = {binding.key: binding.action for binding in Binding.make_bindings(Input.BINDINGS)}

MOST_CHARACTERS = 20_000
"""What a line holds: so much as somebody could mean; more would hold up the screen."""


class EscapingHighlighter(Highlighter):
    """Shows stand-ins for characters that a terminal would act on; the edited value keeps them."""

    def highlight(self, text: Text) -> None:
        """Replace the characters that must not be shown."""
        text.plain = escaping.input_text(text.plain)


class LineInput(Input):
    """An input that does not blink, and takes several keys at once as if they came one by one."""

    def __init__(
        self, value: str = "", *, id: str, placeholder: str = "", disabled: bool = False
    ) -> None:
        super().__init__(
            value,
            id=id,
            placeholder=placeholder,
            disabled=disabled,
            compact=True,
            select_on_focus=False,
            highlighter=EscapingHighlighter(),
        )
        self.cursor_blink = False

    def replace(self, text: str, start: int, end: int) -> None:
        """Put a text in the place of another, as far as there is room for it.

        What is pasted comes key by key where a terminal, such as GNU screen, does not mark it.
        """
        room = max(0, MOST_CHARACTERS - len(self.value) + abs(end - start))
        is_cut, was_cut = len(text) > room, self._is_cut
        self._is_cut = is_cut
        if is_cut and not was_cut:
            said = f"A line has {MOST_CHARACTERS:,} characters at most; the rest is left out."
            host(self).say(said, problem=True)
        if text[:room] or not is_cut:
            super().replace(text[:room], start, end)

    _is_cut = False

    async def on_key(self, event: events.Key) -> None:
        """Edit at once.

        A binding is looked for only when the screen and the app have passed the key on, and what
        was typed after it is in the input by then: ctrl+u would take that away too.
        """
        if (action := KEY_ACTIONS.get(event.key)) is not None:
            event.stop().prevent_default()
            await self.run_action(action)
