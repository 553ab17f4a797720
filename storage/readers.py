"""Reading files of tweets: CSV, TSV, JSON, JSON Lines, Parquet and `datasets` folders."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from storage.errors import UserError

Row = dict[str, Any]
SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
DIALOGUE = re.compile(r"\s*### Human: ?(?P<text>.*?)\s*\n?### Assistant: ?(?P<label>.*)", re.DOTALL)
"""The format of the seed recipe: a tweet and its label in one text."""


def rows(path: Path, encoding: str | None = None) -> Iterator[Row]:
    """The rows of a file, one dict a row, values as the file has them.

    Raises UserError, also in the middle of the file, with the place where it cannot be read.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist.")
    if path.is_dir():
        yield from _datasets_rows(path)
    elif path.stat().st_size == 0:
        raise UserError(f"{path} is empty.")
    elif path.suffix.lower() == ".parquet":
        yield from _parquet_rows(path)
    elif path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
        yield from map(_dialogue, _json_rows(path, encoding))
    elif path.suffix.lower() in (".csv", ".tsv", ".txt"):
        yield from _csv_rows(path, encoding)
    else:
        raise UserError(
            f"{path} is not of a known kind ({', '.join(SUFFIXES)}, a datasets folder)."
        )


def _encoding(path: Path, named: str | None) -> str:
    if named is not None:
        try:
            io.TextIOWrapper(io.BytesIO(), encoding=named)
        except (LookupError, ValueError):  # ValueError: a name with a NUL in it
            raise UserError(f"{named!r} is not an encoding; try utf-8, cp1252 or utf-16.") from None
        name = codecs.lookup(named).name
        return "utf-8-sig" if name == "utf-8" else name
    with path.open("rb") as file:
        start = file.read(4)
    return "utf-16" if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _undecodable(path: Path, encoding: str, error: UnicodeError) -> UserError:
    name = "UTF-8" if encoding == "utf-8-sig" else encoding
    reason = str(error)
    if isinstance(error, UnicodeDecodeError):
        reason = f"byte 0x{error.object[error.start]:02x}: {error.reason}"
    return UserError(
        f"{path} is not {name} text ({reason}); name its encoding, such as --encoding cp1252."
    )


def _csv_rows(path: Path, named: str | None) -> Iterator[Row]:
    csv.field_size_limit(sys.maxsize)
    encoding = _encoding(path, named)
    with path.open(encoding=encoding, newline="") as file:
        try:
            first = file.readline()
            delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t|", key=first.count)
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = next(reader, [])
            if len(set(header)) != len(header):
                twice = next(name for name in header if header.count(name) > 1)
                raise UserError(f"{path} has two columns called {twice!r}; rename one.")
            for fields in reader:
                if not fields:
                    continue
                if len(fields) != len(header):
                    raise UserError(
                        f"{path}, line {reader.line_num}: {len(fields)} fields where the header "
                        f"has {len(header)}; quote the text, or correct the line."
                    )
                yield dict(zip(header, fields, strict=True))
        except UnicodeError as error:
            raise _undecodable(path, encoding, error) from None
        except csv.Error as error:
            raise UserError(
                f"{path}, line {reader.line_num}: {error}; correct the quotes."
            ) from None


def _json_rows(path: Path, named: str | None) -> Iterator[Row]:
    encoding = _encoding(path, named)
    with path.open(encoding=encoding) as file:
        try:
            start = file.read(4096).lstrip()[:1]
            file.seek(0)
            if start == "[":
                yield from _objects(path, json.load(file))
                return
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield from _objects(path, [_loads(path, line, number)], number)
        except UnicodeError as error:
            raise _undecodable(path, encoding, error) from None
        except json.JSONDecodeError as error:
            raise UserError(f"{path}, line {error.lineno}: not valid JSON ({error.msg}).") from None
        except RecursionError:
            raise UserError(f"{path}: the JSON is nested too deep.") from None


def _loads(path: Path, line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {number}: not valid JSON ({error.msg}).") from None
    except RecursionError:
        raise UserError(f"{path}, line {number}: the JSON is nested too deep.") from None


def _objects(path: Path, values: list[Any], first: int = 1) -> Iterator[Row]:
    for number, value in enumerate(values, start=first):
        if not isinstance(value, dict):
            raise UserError(f"{path}, entry {number}: an object with a text is expected.")
        yield value


def _dialogue(row: Row) -> Row:
    """Split the seed recipe's one text into tweet and label; other rows pass as they are."""
    text = row.get("text")
    match = DIALOGUE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return row
    return {**row, "text": match["text"], "label": row.get("label") or match["label"].strip()}


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        for batch in pq.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path} cannot be read as Parquet: {error}.") from None


def _datasets_rows(path: Path) -> Iterator[Row]:
    """A folder written by `datasets.save_to_disk`: one data set, or one folder a split."""
    import pyarrow as pa

    try:
        if (index := path / "dataset_dict.json").exists():
            for split in json.loads(index.read_text("utf-8"))["splits"]:
                for row in _datasets_rows(path / split):
                    yield {"split": split, **row}
            return
        if not (state := path / "state.json").exists():
            raise UserError(f"{path} is a folder without a data set (no state.json in it).")
        for entry in json.loads(state.read_text("utf-8"))["_data_files"]:
            with pa.memory_map(str(path / entry["filename"])) as source:
                for batch in pa.ipc.open_stream(source):
                    yield from batch.to_pylist()
    except (pa.ArrowInvalid, OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read as a datasets folder: {error}.") from None
