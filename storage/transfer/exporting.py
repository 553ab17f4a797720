"""Writing tweets with their labels and histories to a file, in one step."""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

from storage.errors import UsageError, UserError
from storage.formats import arrow_writer
from storage.formats.columns import Row
from storage.formats.decoding.compression import compressed_writer, split_endings
from storage.formats.programs import argilla, dialogues, label_studio
from storage.formats.tables import delimited
from storage.history import event_records
from storage.query.tweets import each, source_columns_of
from storage.safety.os_errors import translate_os_errors
from storage.store import Store, read_transaction
from storage.text import to_json
from storage.tweet import Tweet

EXPORTED_FIELDS = (
    "id",
    "external_id",
    "text",
    "label",
    "gold",
    "split",
    "changed",
    "flags",
    "note",
    "source",
    "history",
)
FORMAT_OF_ENDING = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}
FORMAT_NAMES = (
    "csv",
    "tsv",
    "json",
    "jsonl",
    "parquet",
    "datasets",
    "seed",
    "labelstudio",
    "argilla",
)
TWEETS_AT_ONCE = 500


def export(
    store: Store,
    path: Path,
    filter_text: str = "",
    form: str | None = None,
    safe_csv: bool = False,
    replace: bool = False,
) -> int:
    """Write the tweets that pass a filter and return how many; the ending names the format.

    `datasets` is a folder; `seed` is JSON lines of `### Human: … ### Assistant: …` for the labelled
    tweets; the ending .gz or .zst compresses. `safe_csv` keeps spreadsheets from taking cells for
    formulas. A file that was there is refused, or replaced when the new one is complete.
    """
    ending, compression = split_endings(path)
    chosen = form or FORMAT_OF_ENDING.get(ending)
    if chosen not in FORMAT_NAMES:
        raise UsageError(
            f"The format of {path} is not known; end it in .csv or give --format "
            f"({', '.join(FORMAT_NAMES)})."
        )
    if safe_csv and chosen not in ("csv", "tsv"):
        raise UsageError(f"--safe-csv is for CSV and TSV, not for {chosen}.")
    if chosen == "datasets":
        return _export_folder(store, path, filter_text, compression)
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is no file that could be replaced; name another.")
    if path.exists() and not replace:
        raise UserError(f"{path} is there already; name another file, or replace it with --force.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with (
            translate_os_errors(path),
            read_transaction(store.db),
            compressed_writer(temporary, compression) as raw,
        ):
            written = _write(raw, chosen, store, filter_text, safe_csv)
        with translate_os_errors(path):
            temporary.replace(path)
    finally:
        with suppress(OSError):  # it was never made, or its folder says no
            temporary.unlink()
    return written


def _export_folder(store: Store, path: Path, filter_text: str, compression: str) -> int:
    if compression:
        raise UsageError(f"A datasets folder cannot be compressed; name it without {compression}.")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} exists already; name a new folder for the data set.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with translate_os_errors(path):
        temporary.mkdir()
    try:
        with translate_os_errors(path), read_transaction(store.db):
            rows = (_as_text(row) for row, _ in _rows(store, filter_text))
            written = arrow_writer.datasets_folder(temporary, rows)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return written


def _write(raw: BinaryIO, form: str, store: Store, filter_text: str, safe_csv: bool) -> int:
    rows = _rows(store, filter_text)
    if form == "parquet":
        return arrow_writer.parquet(raw, (_as_text(row) for row, _ in rows))
    file = io.TextIOWrapper(raw, "utf-8", newline="")
    if form in ("csv", "tsv"):
        count = _delimited(file, "," if form == "csv" else "\t", rows, safe_csv)
    elif form == "json":
        count = _array(file, (row for row, _ in rows))
    elif form == "labelstudio":
        count = _array(file, (label_studio.write(_as_text(row), tweet) for row, tweet in rows))
    elif form == "argilla":
        records = (argilla.write(_as_text(row), tweet, store.annotator) for row, tweet in rows)
        count = _array(file, records)
    elif form == "seed":
        count = _lines(file, _dialogues(store, filter_text))
    else:
        count = _lines(file, (row for row, _ in rows))
    file.detach()  # writes what is left, and leaves the file open for who opened it
    return count


def _rows(store: Store, filter_text: str) -> Iterator[tuple[Row, Tweet]]:
    """The row that is written of each tweet, with the tweet."""
    found = each(store, filter_text)
    while window := list(islice(found, TWEETS_AT_ONCE)):
        ids = [tweet.id for tweet in window]
        columns, events = source_columns_of(store, ids), event_records.export_events(store, ids)
        for tweet in window:
            own = {"source": columns[tweet.id], "history": events[tweet.id]}
            yield {name: getattr(tweet, name) for name in EXPORTED_FIELDS[:-2]} | own, tweet


def _as_text(row: Row) -> Row:
    """The row for files that hold no objects: these become JSON."""
    return row | {name: to_json(row[name]) for name in ("source", "history")}


def _dialogues(store: Store, filter_text: str) -> Iterator[Row]:
    for tweet in each(store, filter_text):
        if tweet.label is not None and not tweet.excluded:
            yield dialogues.write(tweet, store.config.word(tweet.label))


def _delimited(
    file: TextIO, delimiter: str, rows: Iterable[tuple[Row, Tweet]], safe_csv: bool
) -> int:
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow([*EXPORTED_FIELDS, delimited.SAFE] if safe_csv else EXPORTED_FIELDS)
    count = 0
    for count, (row, _) in enumerate(rows, start=1):  # noqa: B007
        cells = (_as_text(row) | {"flags": " ".join(row["flags"])}).values()
        if safe_csv:
            texts = ("" if cell is None else str(cell) for cell in cells)
            writer.writerow([*map(delimited.harmless, texts), "yes"])
        else:
            writer.writerow(cells)
    return count


def _array(file: TextIO, objects: Iterable[Row]) -> int:
    count = 0
    for row in objects:
        file.write(("[" if count == 0 else ",\n") + to_json(row))
        count += 1
    file.write("]\n" if count else "[]\n")
    return count


def _lines(file: TextIO, objects: Iterable[Row]) -> int:
    count = 0
    for row in objects:
        file.write(to_json(row) + "\n")
        count += 1
    return count
