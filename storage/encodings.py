"""Which encoding a text file has: by its byte order mark, by its bytes, or as named."""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, TextIO, cast

from storage.errors import UserError
from storage.formats.source import JSON, Source
from storage.formats.streams import TextBytes
from storage.packed import unpacked

CHUNK = 1 << 18
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is its beginning
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
HIGH = re.compile(rb"[\x80-\xff]")
HIGH_RUN = re.compile(rb"[\x80-\xff]{4,}")
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")


def shown(encoding: str | None) -> str | None:
    """The name of an encoding for people."""
    return "utf-8" if encoding == "utf-8-sig" else encoding


def detect(source: Source, named: str | None = None) -> str:
    """The codec that reads a file; one that is named is only checked to exist.

    Not valid UTF-8 means cp1252 (of which Latin-1 texts are a part) if that is plausible. Raises
    UserError if no encoding fits. Reads the whole file, a piece at a time.
    """
    with unpacked(source) as file:
        start = file.read(CHUNK)
        mark = next((name for mark, name in MARKS.items() if start.startswith(mark)), None)
        if named is not None:
            name = _known(named)
            same = mark is not None and name.startswith(mark)
            return mark if same and mark is not None else name
        if (found := mark or _utf16(start)) is not None:
            return found
        if _is_utf8(start, file):
            return "utf-8-sig"
    return _single_bytes(source)


@contextmanager
def text(source: Source) -> Iterator[TextIO]:
    """A file as text with the line ends that it has; raises UserError for bytes that do not fit."""
    with (
        unpacked(source) as raw,
        TextBytes(raw, source.name, in_lines=source.format != JSON) as ended,
        io.TextIOWrapper(cast(BinaryIO, ended), source.encoding, newline="") as file,
    ):
        try:
            yield file
        except UnicodeError as error:
            reason = str(error)
            if isinstance(error, UnicodeDecodeError):
                reason = f"byte 0x{error.object[error.start]:02x}: {error.reason}"
            raise UserError(
                f"{source.name} is not {shown(source.encoding)} text ({reason}); {_advice(source)}."
            ) from None


def _advice(source: Source) -> str:
    """What to do about a file that is not in the encoding that it was read with."""
    try:
        found: str | None = detect(source)
    except UserError:
        found = source.encoding
    if found == source.encoding:
        return "correct the file, or name another encoding with --encoding"
    return f"it looks like {shown(found)}, so leave --encoding out"


def _known(named: str) -> str:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=named)
    except (LookupError, ValueError):  # ValueError: a name with a NUL in it
        raise UserError(f"{named!r} is not an encoding; try utf-8, cp1252 or utf-16.") from None
    name = codecs.lookup(named).name
    return "utf-8-sig" if name == "utf-8" else name


def _utf16(start: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of its ASCII letters is zero."""
    pairs = len(start) // 2
    even, odd = start[0 : 2 * pairs : 2].count(0), start[1 : 2 * pairs : 2].count(0)
    if max(even, odd) < 0.03 * pairs or min(even, odd) > 0.05 * max(even, odd):
        return None
    name = "utf-16-le" if odd > even else "utf-16-be"
    try:
        sample = codecs.getincrementaldecoder(name)().decode(start)
    except UnicodeError:
        return None
    # UTF-8 with some NULs in it, read as UTF-16, has no line ends and is full of odd characters.
    odd_ones = sum(unicodedata.category(char) in ("Cn", "Co") for char in sample)
    has_lines = "\n" in sample or sample.lstrip()[:1] in ("{", "[")
    return name if has_lines and odd_ones <= 0.01 * len(sample) else None


def _is_utf8(start: bytes, file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    piece = start
    try:
        while piece:
            decoder.decode(piece)
            piece = file.read(CHUNK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


@dataclass
class _Bytes:
    """What the bytes beyond ASCII look like."""

    lines: int = 1
    bad_line: int = 0
    bad_byte: int = 0
    bad: int = 0
    """Bytes that are no UTF-8."""
    good: int = 0
    """Characters beyond ASCII that are UTF-8."""
    high: int = 0
    in_runs: int = 0
    impossible: bool = False
    """A byte that no text in cp1252 has."""


def _single_bytes(source: Source) -> str:
    seen = _Bytes()
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    with unpacked(source) as file:
        while piece := file.read(CHUNK):
            _look(seen, piece, decoder.decode(piece))
    # Letters beyond ASCII stand alone in the languages of cp1252 and in runs elsewhere, and what
    # is mostly UTF-8 is damaged UTF-8.
    if not seen.impossible and seen.good < seen.bad and seen.in_runs <= 0.5 * seen.high:
        return "cp1252"
    raise UserError(
        f"{source.name}, line {seen.bad_line}: byte 0x{seen.bad_byte:02x} is not UTF-8, and the "
        "file is no text in cp1252 either; correct the line, or name the encoding with --encoding."
    )


def _look(seen: _Bytes, piece: bytes, decoded: str) -> None:
    for char in re.findall("[^\x00-\x7f]", decoded):
        if "\udc80" <= char <= "\udcff":
            seen.bad_byte = seen.bad_byte or ord(char) - 0xDC00
            seen.bad += 1
        else:
            seen.good += 1
    if seen.bad and not seen.bad_line:
        first = next(n for n, char in enumerate(decoded) if "\udc80" <= char <= "\udcff")
        seen.bad_line = seen.lines + decoded.count("\n", 0, first)
    seen.lines += decoded.count("\n")
    seen.high += len(HIGH.findall(piece))
    seen.in_runs += sum(map(len, HIGH_RUN.findall(piece)))
    seen.impossible |= CONTROL.search(piece) is not None
    try:
        piece.decode("cp1252")
    except UnicodeDecodeError:
        seen.impossible = True
