"""A file of the records that an import left out, as they stand in theirs, to be corrected."""

from __future__ import annotations

import csv
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

from storage.errors import UserError
from storage.formats.decoding.encodings import UTF8
from storage.formats.position import Fault
from storage.formats.source import TABLE, Source
from storage.safety.os_errors import translate_os_errors


class Rejects:
    """Writes wrong records into a file, which is there when the block ends without an error.

    A table keeps its header; records that are no text become JSON, one a line. Without a record
    there is no file.
    """

    def __init__(self, path: Path, source: Source) -> None:
        if path.exists():
            raise UserError(f"{path} is there already; name another file for what is left out.")
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}")
        self._source = source
        self._file: TextIO | None = None

    def write(self, fault: Fault) -> None:
        """Write a wrong record as it stands in its file."""
        with translate_os_errors(self._path):
            if self._file is None:
                self._file = self._opened()
            self._file.write(fault.raw if fault.raw.endswith(("\n", "\r")) else f"{fault.raw}\n")

    def _opened(self) -> TextIO:
        source = self._source
        codec = (source.encoding or UTF8).replace(UTF8, "utf-8")  # which needs no mark
        file = self._temporary.open("w", encoding=codec, errors="surrogateescape", newline="")
        if source.format == TABLE and source.dialect is not None and source.dialect.header:
            dialect = source.dialect
            names = ["" if name in dialect.nameless else name for name in dialect.names]
            csv.writer(file, delimiter=dialect.delimiter).writerow(names)
        return file

    def __enter__(self) -> Rejects:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        place: TracebackType | None,
    ) -> None:
        if self._file is None:
            return
        try:
            with translate_os_errors(self._path):
                self._file.close()
                if kind is None:
                    self._temporary.replace(self._path)
        finally:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
