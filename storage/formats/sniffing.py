"""What a file holds by its first bytes, where its name does not say it or says it wrongly."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from storage.errors import UserError
from storage.formats.decoding import archives, encodings
from storage.formats.decoding.compression import decompressed
from storage.formats.decoding.streams import BLANK
from storage.formats.source import LINES, ReadOptions, Source
from storage.formats.tables import dialects

GZIP, ZSTD, ZIP, PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"PAR1"
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
BEGINS = {
    GZIP: "compressed with gzip; give it the ending .gz after that of its content",
    ZSTD: "compressed with zstd; give it the ending .zst after that of its content",
    ZIP: "a zip archive or an Excel workbook; give it the ending .zip or .xlsx",
    PARQUET: "a Parquet file; give it the ending .parquet",
    OLD_EXCEL: "a document of an old Office; save it as .xlsx or .csv",
    b"%PDF": "a PDF document; save its texts as .txt",
}
START = 4096
JSON_BEGINS = re.compile(r'\{\s*["}]|\[\s*[\[{"\]]')
"""How JSON begins, and a tweet such as "[1/3] Buy" does not."""


def packing_of(path: Path, name: str) -> tuple[str, str]:
    """The ending of an archive or workbook that a file is, and that of its compression."""
    start = _start(Source(path, name, LINES))
    if start.startswith(ZIP):
        return (".xlsx" if archives.is_workbook(path, name) else ".zip"), ""
    return "", ".gz" if start.startswith(GZIP) else ".zst" if start.startswith(ZSTD) else ""


def sniff_endings(source: Source, options: ReadOptions) -> str:
    """The ending that tells what a file without one holds, once it is unpacked."""
    start = _start(source)
    if start.startswith(PARQUET):
        return ".parquet"
    if start.startswith(tuple(BEGINS)):
        return ".txt"  # which `require_text` refuses in words
    source = replace(source, format=LINES)
    found = encodings.detect(source, options.encoding, options.lenient)
    with encodings.text(replace(source, encoding=found.codec, errors=found.errors)) as file:
        text = file.read(START).lstrip(BLANK)
    if JSON_BEGINS.match(text):
        return ".json"
    return ".csv" if dialects.is_table(text) else ".txt"


def require_text(source: Source) -> None:
    """Raise UserError for a file that is known to be something else than text."""
    start = _start(source)
    found = next((what for mark, what in BEGINS.items() if start.startswith(mark)), None)
    if found is not None:
        raise UserError(f"{source.name} is {found}.")
    if start and not start.strip(b"\0"):
        raise UserError(
            f"{source.name} begins with zeros instead of text, as what was not copied whole does; "
            "fetch it again."
        )


def _start(source: Source) -> bytes:
    with decompressed(source) as file:
        return file.read(START)
