"""Which encoding a text file has: by its byte order mark, by its bytes, or as named."""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, TextIO, cast

from storage.errors import UserError
from storage.formats.decoding import code_pages
from storage.formats.decoding.compression import decompressed
from storage.formats.decoding.streams import TextBytes
from storage.formats.source import JSON, Source

CHUNK = 1 << 18
UTF8 = "utf-8-sig"
"""Which takes a mark at the beginning for what it is."""
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is its beginning
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")
HIGH_LINE = re.compile(rb"[^\r\n]*[\x80-\xff][^\r\n]*")
SAMPLE = 2_000
"""Lines that are looked at to tell code pages apart."""


@dataclass(frozen=True)
class Encoding:
    """How bytes become characters."""

    codec: str
    errors: str = "strict"
    """How the codec treats bytes that do not fit: `surrogateescape` where they may be left out."""
    notices: tuple[str, ...] = ()


def shown(encoding: str | None) -> str | None:
    """The name of an encoding for people."""
    return "utf-8" if encoding == "utf-8-sig" else encoding


def detect(source: Source, named: str | None = None, lenient: bool = False) -> Encoding:
    """The encoding that reads a file; one that is named is only checked to exist.

    Not valid UTF-8 means a code page of one byte a character if the text reads well in one. Where
    `lenient`, damaged UTF-8 is read as such. Raises UserError if no encoding fits. Reads the whole
    file, a piece at a time.
    """
    with decompressed(source) as file:
        start = file.read(CHUNK)
        mark = next(
            (name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), None
        )
        if named is not None:
            name = _known(named)
            same = mark is not None and name.startswith(mark)
            return Encoding(mark if same and mark is not None else name)
        if (found := mark or _utf16(start)) is not None:
            return Encoding(found)
        if _is_utf8(start, file):
            return Encoding(UTF8)
    return _of_single_bytes(source, lenient)


@contextmanager
def text(source: Source) -> Iterator[TextIO]:
    """A file as text with the line ends that it has; raises UserError for bytes that do not fit."""
    with (
        decompressed(source) as raw,
        TextBytes(
            raw, source.name, in_lines=source.format != JSON, is_wide=_is_wide(source)
        ) as ended,
        io.TextIOWrapper(cast(BinaryIO, ended), source.encoding, source.errors, newline="") as file,
    ):
        try:
            yield file
        except UnicodeError as error:
            line, reason = "", str(error)
            if isinstance(error, UnicodeDecodeError):
                line = f", line {_bad_line(source)}"
                reason = f"byte 0x{error.object[error.start]:02x}: {error.reason}"
            raise UserError(
                f"{source.name}{line} is not {shown(source.encoding)} text ({reason}); "
                f"{_advice(source)}."
            ) from None


def _is_wide(source: Source) -> bool:
    """Whether a character has several bytes, of which one says nothing."""
    return str(source.encoding).startswith(("utf-16", "utf-32"))


def _bad_line(source: Source) -> int:
    """The first line that is not in the encoding of a file."""
    decoder = codecs.getincrementaldecoder(str(source.encoding))()
    feeds = returns = 0
    with decompressed(source) as file:
        while piece := file.read(CHUNK):
            good = piece
            try:
                read = decoder.decode(piece)
            except UnicodeDecodeError as error:
                kept = decoder.getstate()[0]  # what the piece before had of a character
                good = error.object[len(kept) : error.start]
                read = decoder.decode(good)
            feeds, returns = feeds + read.count("\n"), returns + read.count("\r")
            if good is not piece:
                break
    return 1 + (feeds or returns)


def _advice(source: Source) -> str:
    """What to do about a file that is not in the encoding that it was read with."""
    try:
        found: str | None = detect(source).codec
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

    used: set[int] = field(default_factory=set)
    lines: list[bytes] = field(default_factory=list)
    """The first lines that have some."""
    line_feeds: int = 0
    returns: int = 0
    bad_line: int = 0
    bad_byte: int = 0
    bad: int = 0
    """Bytes that are no UTF-8."""
    good: int = 0
    """Characters beyond ASCII that are UTF-8."""
    controls: bool = False
    """Bytes that no text has."""


def _of_single_bytes(source: Source, lenient: bool) -> Encoding:
    seen = _Bytes()
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    with decompressed(source) as file:
        while piece := file.read(CHUNK):
            _look(seen, piece, decoder.decode(piece))
    damaged = seen.good >= seen.bad  # what is mostly UTF-8
    if not damaged and not seen.controls:
        all_bytes = bytes(seen.used)
        found = [
            one for one in code_pages.ranked_readings(seen.lines) if _decodes(all_bytes, one.codec)
        ]
        if found and found[0].is_text:
            notice = code_pages.doubt(found)
            return Encoding(found[0].codec, notices=() if notice is None else (notice,))
    if damaged and lenient:
        return Encoding(UTF8, "surrogateescape")
    raise UserError(
        f"{source.name}, line {seen.bad_line}: byte 0x{seen.bad_byte:02x} is not UTF-8, and the "
        "file is no text in another encoding that is known here; correct the line, or name the "
        "encoding with --encoding."
    )


def _decodes(content: bytes, codec: str) -> bool:
    try:
        content.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _look(seen: _Bytes, piece: bytes, decoded: str) -> None:
    for char in re.findall("[^\x00-\x7f]", decoded):
        if "\udc80" <= char <= "\udcff":
            seen.bad_byte = seen.bad_byte or ord(char) - 0xDC00
            seen.bad += 1
        else:
            seen.good += 1
    if seen.bad and not seen.bad_line:
        first = next(n for n, char in enumerate(decoded) if "\udc80" <= char <= "\udcff")
        feeds, returns = decoded.count("\n", 0, first), decoded.count("\r", 0, first)
        seen.bad_line = 1 + (seen.line_feeds + feeds or seen.returns + returns)
    seen.line_feeds += decoded.count("\n")
    seen.returns += decoded.count("\r")
    seen.used.update(piece)
    if len(seen.lines) < SAMPLE:
        seen.lines += HIGH_LINE.findall(piece)[: SAMPLE - len(seen.lines)]
    seen.controls |= CONTROL.search(piece) is not None
