"""Reading files of tweets: CSV, TSV, JSON, JSON Lines, Parquet and `datasets` folders.

Files may be compressed (.gz, .zst); the readers hold a few rows at a time, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from storage import arrow_rows, delimited, encodings, exchange, json_rows
from storage.errors import UserError
from storage.packed import PACKED, kind_of

Row = dict[str, Any]
SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
TABLES = (".csv", ".tsv", ".txt")


def rows(path: Path, encoding: str | None = None, header: bool | None = None) -> Iterator[Row]:
    """The rows of a file, one dict a row, values as the file has them.

    Raises UserError, also in the middle of the file, with the place where it cannot be read.
    """
    if (found := table(path, encoding, header)) is not None:
        names, tuples = found
        for values in tuples:
            yield dict(zip(names, values, strict=True))
    elif path.is_dir():
        yield from arrow_rows.datasets_rows(path)
    else:
        lines = kind_of(path)[0] != ".json"
        for row in json_rows.values(path, encodings.detect(path, encoding), lines):
            yield exchange.flat(path, row)


def table(
    path: Path, encoding: str | None = None, header: bool | None = None
) -> tuple[list[str], Iterator[list[Any]]] | None:
    """The names of the columns and the values of each row, for files that have fixed columns.

    Cheaper than `rows`; None for JSON and datasets folders. Raises UserError like `rows`.
    """
    kind = _kind(path)
    if kind == ".parquet":
        return arrow_rows.parquet_table(path)
    if kind in TABLES:
        return delimited.table(path, encodings.detect(path, encoding), header)
    return None


def encoding_of(path: Path, named: str | None = None) -> str | None:
    """The codec that a file is read with; None where the format has no choice of one."""
    return None if _kind(path) in ("folder", ".parquet") else encodings.detect(path, named)


def _kind(path: Path) -> str:
    if not path.exists():
        raise UserError(f"{path} does not exist.")
    if path.is_dir():
        return "folder"
    if not path.is_file():
        raise UserError(f"{path} is no ordinary file; write its content into one first.")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty.")
    kind = kind_of(path)[0]
    if kind not in (*SUFFIXES, *TABLES):
        raise UserError(
            f"{path} is not of a known kind ({', '.join(SUFFIXES)}, each also with "
            f"{' or '.join(PACKED)}, or a datasets folder)."
        )
    return kind
