"""JSON and JSON Lines, read one value at a time however large the file is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from storage.errors import UserError
from storage.formats.columns import Row
from storage.formats.decoding.encodings import text
from storage.formats.decoding.streams import BLANK
from storage.formats.position import Position
from storage.formats.source import JSON_LINES, Source
from storage.text import to_json

CHUNK = 1 << 20
NO_OBJECT = 'an object with a text is expected, such as {"text": "…", "label": "…"}'
LONGEST = 1 << 26
"""Characters of one value, beyond which it is no tweet."""
DECODER = json.JSONDecoder()
SCAN: Callable[[str, int], tuple[Any, int]] = vars(DECODER)["scan_once"]
"""Reads the value at a position, for half the price of `json.loads` on a short line."""


def values(source: Source, position: Position) -> Iterator[Row]:
    """The objects of a file: one a line, or the members of an array, or one after another.

    Raises UserError for JSON that cannot be read on; `position` says what is wrong with a record.
    """
    if source.format == JSON_LINES:
        return _of_lines(source, position)
    return _of_values(source, position)


def _of_values(source: Source, position: Position) -> Iterator[Row]:
    with text(source) as file:
        for value in _one_by_one(JsonBuffer(file, position), source.container):
            if isinstance(value, dict):
                yield value
            else:
                position.raw = to_json(value)
                position.reject(NO_OBJECT)


class JsonBuffer:
    """A buffer over a JSON file: the part that is being parsed, and the place in it."""

    def __init__(self, file: TextIO, position: Position) -> None:
        self.file = file
        self.position = position
        self.buffer = ""
        self.at = 0
        self.ended = False
        self._line_feeds = self._returns = self._counted = 0

    def more(self) -> None:
        """Read on, twice as much as is left, so that a long value is not begun too often."""
        self.line_at(self.at)
        rest = self.buffer[self.at :]
        if len(rest) > LONGEST:
            raise self.error(f"a value is longer than {LONGEST >> 20} million characters", self.at)
        piece = self.file.read(max(CHUNK, len(rest)))
        self.ended = not piece
        self.buffer, self.at, self._counted = rest + piece, 0, 0

    def line_at(self, place: int) -> int:
        """The line that a place of the buffer is in, which is not before the last one asked."""
        self._line_feeds += self.buffer.count("\n", self._counted, place)
        self._returns += self.buffer.count("\r", self._counted, place)
        self._counted = place
        return 1 + (self._line_feeds or self._returns)

    def next_character(self) -> str:
        """What comes after the white space; nothing at the end of the file."""
        while True:
            while self.at < len(self.buffer) and self.buffer[self.at] in BLANK:
                self.at += 1
            if self.at < len(self.buffer) or self.ended:
                return self.buffer[self.at : self.at + 1]
            self.more()

    def skip(self, wanted: str) -> bool:
        """Go over one character if it is the next."""
        found = self.next_character() == wanted
        self.at += found
        return found

    def value(self) -> Any:
        """Read one value whole."""
        self.next_character()
        while True:
            try:
                value, end = DECODER.raw_decode(self.buffer, self.at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos > len(self.buffer) - 16
                if self.ended or not cut:
                    raise self.error(error.msg, error.pos) from None
            except (RecursionError, ValueError) as error:
                raise self.error(_reason(error), self.at) from None
            else:
                self.at = end
                return value
            self.more()

    def record(self) -> Any:
        """Read one value whole and move the position to it."""
        self.position.record += 1
        self.next_character()
        self.position.line = self.line_at(self.at)
        return self.value()

    def error(self, reason: str, place: int) -> UserError:
        """The error that tells where a file stops being JSON."""
        record = f"record {self.position.record}, " if self.position.record else ""
        return UserError(
            f"{self.position.name}, {record}line {self.line_at(place)}: not valid JSON ({reason})."
        )


def _one_by_one(buffered: JsonBuffer, container: str | None) -> Iterator[Any]:
    if container is not None:
        _enter(buffered, container)
    elif buffered.next_character() != "[":
        while buffered.next_character():
            yield buffered.record()
        return
    yield from _members(buffered)
    if container is None and buffered.next_character():
        raise buffered.error("something follows the array", buffered.at)


def _members(buffered: JsonBuffer) -> Iterator[Any]:
    buffered.skip("[")
    if not buffered.skip("]"):
        yield buffered.record()
        while buffered.skip(","):
            yield buffered.record()
        if not buffered.skip("]"):
            raise buffered.error("a comma or the end of the array is missing", buffered.at)


def _enter(buffered: JsonBuffer, container: str) -> None:
    """Go to the array of that key in the object that the file is."""
    buffered.skip("{")
    while True:
        key = buffered.value()
        if not buffered.skip(":"):
            raise buffered.error("a colon is missing", buffered.at)
        if key == container and buffered.next_character() == "[":
            return
        buffered.value()
        if not buffered.skip(","):
            raise buffered.error(f"the array of {container!r} is missing", buffered.at)


def _of_lines(source: Source, position: Position) -> Iterator[Row]:
    record = 0
    with text(source) as file:
        for number, line in enumerate(file, start=1):
            value = None
            try:
                value, end = SCAN(line, 0)
                if line[end:] not in ("\n", "", "\r\n"):
                    value = None
            except (StopIteration, ValueError, RecursionError):
                pass  # `loads` skips white space, and tells what is wrong
            if value is None and not line.strip(BLANK):
                continue
            position.record = record = record + 1
            position.line, position.raw = number, line
            try:
                value = json.loads(line.strip(BLANK)) if value is None else value
            except (ValueError, RecursionError) as error:
                position.reject(f"not valid JSON ({_reason(error)})")
                continue
            if isinstance(value, dict):
                yield value
            else:
                position.reject(NO_OBJECT)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    return "nested too deep" if isinstance(error, RecursionError) else "a number is too long"
