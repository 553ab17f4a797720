"""The bytes of a text file without what old systems end it with, and in lines of sane length."""

from __future__ import annotations

import io
from typing import BinaryIO

from storage.errors import UserError

LONGEST_LINE = 1 << 25
"""Bytes of a line, beyond which a file is no text of tweets but unpacks endlessly."""
BLANK = " \t\r\n\x1a\ufeff"
"""What may stand in a line, or between the values of JSON, without making it one."""
CTRL_Z = b"\x1a"
"""Ctrl-Z, the end of a text file for DOS."""


class TextBytes(io.BufferedIOBase):
    """A stream of bytes that ends before a Ctrl-Z at its end, unless its characters are wide.

    Where `in_lines`, a line that is longer than LONGEST_LINE raises UserError.
    """

    def __init__(self, raw: BinaryIO, name: str, in_lines: bool, is_wide: bool) -> None:
        self._raw = raw
        self._name = name
        self._in_lines = in_lines
        self._end = () if is_wide else CTRL_Z
        self._held = b""
        self._line = 0

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1, /) -> bytes:
        """At most `size` bytes and some; none at the end."""
        piece = self._held + self._raw.read(size)
        self._held = b""
        if piece.endswith(self._end):
            self._held = self._raw.read(size)
            if not self._held:
                return piece.rstrip(CTRL_Z)
        if self._in_lines:
            self._measure(piece)
        return piece

    def _measure(self, piece: bytes) -> None:
        last = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
        self._line = self._line + len(piece) if last < 0 else len(piece) - last
        if self._line > LONGEST_LINE:
            raise UserError(
                f"{self._name} has a line of more than {LONGEST_LINE >> 20} MiB, which no file of "
                "tweets has; check what it is, or write it as JSON."
            )

    def close(self) -> None:
        self._raw.close()
        super().close()
