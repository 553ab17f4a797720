"""A file of the records that an import left out, as they stand in theirs, to be corrected."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

from storage.errors import UserError
from storage.formats.decoding.encodings import UTF8
from storage.formats.position import Fault
from storage.formats.source import TABLE, Source
from storage.safety.os_errors import translate_os_errors, write_error_message


class Rejects:
    """Writes wrong records into a file beside the one that is named, which `keep` then becomes.

    A table keeps its header; records that are no text become JSON, one a line. Without a record
    there is no file, and none is left where the block ends with an error.
    """

    def __init__(self, path: Path, source: Source) -> None:
        if path.exists():
            raise UserError(f"{path} is there already; name another file for what is left out.")
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}")
        self._source = source
        self._file: TextIO | None = None

    def write(self, faults: Sequence[Fault]) -> None:
        """Add records."""
        if not faults:
            return
        with translate_os_errors(self._path):
            self._file = self._file or self._opened()
            for raw in (fault.raw for fault in faults):
                self._file.write(raw if raw.endswith(("\n", "\r")) else f"{raw}\n")

    def finish(self) -> None:
        """Have all records on the disk, before what depends on it; may raise UserError."""
        if self._file is not None:
            with translate_os_errors(self._path):
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()

    def keep(self) -> None:
        """Give the file its name; where that fails, the UserError says where the records are."""
        if self._file is None:
            return
        try:
            self._temporary.replace(self._path)
        except OSError as error:
            raise UserError(
                f"{write_error_message(self._path, error)} The import is done; what was left out "
                f"of it is in {self._temporary}."
            ) from error

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
        if self._file is not None and kind is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
