"""JSON and JSON Lines, read one value at a time however large the file is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from storage.encodings import text
from storage.errors import UserError

CHUNK = 1 << 20
DECODER = json.JSONDecoder()
SCAN: Callable[[str, int], tuple[Any, int]] = vars(DECODER)["scan_once"]
"""Reads the value at a position, for half the price of `json.loads` on a short line."""


def values(path: Path, encoding: str, lines: bool) -> Iterator[dict[str, Any]]:
    """The objects of a file: one a line, or the members of an array, or one after another.

    Raises UserError with the line, also in the middle of the file.
    """
    with text(path, encoding) as file:
        is_array = file.read(4096).lstrip()[:1] == "["
        file.seek(0)
        found = (
            _of_lines(path, file)
            if lines and not is_array
            else enumerate(_one_by_one(_Pieces(path, file)), start=1)
        )
        for number, value in found:
            if not isinstance(value, dict):
                raise UserError(f"{path}, entry {number}: an object with a text is expected.")
            yield value


class _Pieces:
    """The part of a file that is being looked at."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self.path = path
        self.file = file
        self.line = 1
        self.buffer = ""
        self.at = 0
        self.ended = False

    def more(self) -> None:
        """Read on, twice as much as is left, so that a long value is not begun too often."""
        self.line += self.buffer.count("\n", 0, self.at)
        rest = self.buffer[self.at :]
        piece = self.file.read(max(CHUNK, len(rest)))
        self.ended = not piece
        self.buffer, self.at = rest + piece, 0

    def next_character(self) -> str:
        """What comes after the white space; nothing at the end of the file."""
        while True:
            while self.at < len(self.buffer) and self.buffer[self.at] in " \t\r\n":
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
                value, self.at = DECODER.raw_decode(self.buffer, self.at)
                return value
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos > len(self.buffer) - 16
                if self.ended or not cut:
                    raise self.wrong(error.msg, error.pos) from None
            except (RecursionError, ValueError) as error:
                raise self.wrong(_reason(error), self.at) from None
            self.more()

    def wrong(self, reason: str, position: int) -> UserError:
        """The error that tells where a file stops being JSON."""
        line = self.line + self.buffer.count("\n", 0, position)
        return UserError(f"{self.path}, line {line}: not valid JSON ({reason}).")


def _one_by_one(pieces: _Pieces) -> Iterator[Any]:
    if not pieces.skip("["):
        while pieces.next_character():
            yield pieces.value()
        return
    if not pieces.skip("]"):
        yield pieces.value()
        while pieces.skip(","):
            yield pieces.value()
        if not pieces.skip("]"):
            raise pieces.wrong("a comma or the end of the array is missing", pieces.at)
    if pieces.next_character():
        raise pieces.wrong("something follows the array", pieces.at)


def _of_lines(path: Path, file: TextIO) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, start=1):
        try:
            value, end = SCAN(line, 0)
            if line[end:] in ("\n", ""):
                yield number, value
                continue
        except (StopIteration, ValueError, RecursionError):
            pass  # `loads` skips white space, and tells what is wrong
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UserError(
                    f"{path}, line {number}: not valid JSON ({_reason(error)})."
                ) from None


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    return "nested too deep" if isinstance(error, RecursionError) else "a number is too long"
