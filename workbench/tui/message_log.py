"""What was said on the screen, kept to be read whole where a line had no room for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from workbench import escaping

MOST = 200
"""Messages that are kept, the last ones."""


@dataclass(frozen=True)
class SaidMessage:
    """A message, and when it came."""

    at: datetime
    text: str
    problem: bool


class MessageLog:
    """The last messages; what all screens are told at once is one."""

    def __init__(self) -> None:
        self._said: deque[SaidMessage] = deque(maxlen=MOST)
        self._wordings: frozenset[str] = frozenset()
        """How the last message for all screens is said on each, where they say it differently."""
        self._is_kept = False

    def one_of(self, texts: Iterable[str]) -> None:
        """Keep only the first of some texts that comes: they are one message on several screens."""
        wordings = frozenset(texts)
        self._wordings = wordings if len(wordings) > 1 else frozenset()
        self._is_kept = False

    def add(self, text: str, problem: bool) -> None:
        """Keep a message, unless it is the last one again, or in other words."""
        if text in self._wordings:
            if self._is_kept:
                return
            self._is_kept = True
        if not self._said or self._said[-1].text != text:
            self._said.append(SaidMessage(datetime.now(), text, problem))

    def lines(self) -> Iterator[Text]:
        """The messages, the last one at the end."""
        for each in self._said:
            line = Text(f" {each.at:%H:%M:%S}  ", "dim")
            mark = "! " if each.problem else ""
            yield line.append(escaping.line(f"{mark}{each.text}"), "not dim")
