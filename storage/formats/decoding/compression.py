"""Files by their ending: what they hold, and compressed with gzip, zstd, zip or not at all."""

from __future__ import annotations

import gzip
import os
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from storage.errors import UserError
from storage.formats.source import Source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESSIONS = (".gz", ".zst")
CHECKED: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
"""Without it a reader does not notice a byte that was changed."""


def split_endings(path: Path) -> tuple[str, str]:
    """What the name says that a file holds and how it is compressed: `a.csv.gz` is .csv, .gz."""
    ending = path.suffix.lower()
    if ending in COMPRESSIONS:
        return path.with_suffix("").suffix.lower(), ending
    return ending, ""


@contextmanager
def decompressed(source: Source) -> Iterator[BinaryIO]:
    """The content of a file; raises UserError where the compression is damaged or cut off."""
    try:
        with source.path.open("rb") as file:
            if source.compression == ".gz":
                with gzip.GzipFile(fileobj=file) as inner:
                    yield cast(BinaryIO, inner)
            elif source.compression == ".zst":
                with zstd.ZstdFile(file) as inner:
                    yield cast(BinaryIO, inner)
            elif source.compression == ".zip":
                with zipfile.ZipFile(file) as archive, archive.open(source.member) as inner:
                    yield cast(BinaryIO, inner)
            else:
                yield file
    except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, zstd.ZstdError) as error:
        what = "is cut off" if isinstance(error, EOFError) else "is damaged"
        raise UserError(
            f"{source.name} {what} ({str(error).rstrip('.')}); fetch it again."
        ) from None


@contextmanager
def compressed_writer(path: Path, ending: str) -> Iterator[BinaryIO]:
    """A file to write into, compressed as an ending says, and on the disk when the block ends."""
    with path.open("wb") as file:
        if ending == ".gz":
            # Without a name and a time the same tweets give the same bytes.
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as inner:
                yield cast(BinaryIO, inner)
        elif ending == ".zst":
            with zstd.ZstdFile(file, "wb", options=CHECKED) as inner:
                yield cast(BinaryIO, inner)
        else:
            yield file
        file.flush()
        os.fsync(file.fileno())
