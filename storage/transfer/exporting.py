"""Writing tweets with their labels and histories to a file, in one step."""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from storage import label_settings
from storage.errors import UsageError, UserError
from storage.formats import arrow_writer
from storage.formats.columns import Row
from storage.formats.decoding.compression import compressed_writer, split_endings
from storage.formats.programs import argilla, dialogues, label_studio
from storage.formats.programs.records import GivenLabel
from storage.formats.tables import delimited
from storage.history import event_records
from storage.query.filters import filter_for
from storage.query.tweets import each, listing, shown_run, source_columns_of, window
from storage.runs.predictions import probabilities_of
from storage.safety.os_errors import translate_os_errors
from storage.store import Store
from storage.text import to_json
from storage.transactions import read_transaction
from storage.transfer.export_columns import ExportColumns
from storage.transfer.export_columns import choose as choose_columns
from storage.transfer.exported_answers import answers
from storage.tweet import Tweet

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


@dataclass(frozen=True)
class _Layout:
    """How a file is written."""

    form: str
    columns: ExportColumns
    safe_csv: bool
    bom: bool


def export(
    store: Store,
    path: Path,
    filter_text: str = "",
    form: str | None = None,
    safe_csv: bool = False,
    replace: bool = False,
    columns: str | None = None,
    run: int | None = None,
    bom: bool = False,
) -> int:
    """Write the tweets that pass a filter and return how many; the ending names the format.

    `datasets` is a folder; `seed` is JSON lines of `### Human: … ### Assistant: …` for the labelled
    tweets; the ending .gz or .zst compresses. `columns` names those that are written, of Label
    Studio's data and Argilla's metadata, and `run` adds what it predicts. `safe_csv` keeps
    spreadsheets from taking cells for formulas, and `bom` has Excel read a table as UTF-8. A file
    that was there is refused, or replaced when the new one is complete.
    """
    ending, compression = split_endings(path)
    chosen = form or FORMAT_OF_ENDING.get(ending)
    if chosen not in FORMAT_NAMES:
        raise UsageError(
            f"The format of {path} is not known; end it in .csv or give --format "
            f"({', '.join(FORMAT_NAMES)})."
        )
    for option, given in (("--safe-csv", safe_csv), ("--bom", bom)):
        if given and chosen not in ("csv", "tsv"):
            raise UsageError(f"{option} is for CSV and TSV, not for {chosen}.")
    for option, given in (("--columns", columns is not None), ("--run", run is not None)):
        if given and chosen == "seed":
            raise UsageError(f"{option} is not for seed, whose lines hold a text and a label word.")
    layout = _Layout(chosen, choose_columns(store, columns, run), safe_csv, bom)
    if chosen == "datasets":
        return _export_folder(store, path, filter_text, compression, layout)
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
            written = _write(raw, store, filter_text, layout)
        with translate_os_errors(path):
            temporary.replace(path)
    finally:
        with suppress(OSError):  # it was never made, or its folder says no
            temporary.unlink()
    return written


def _export_folder(
    store: Store, path: Path, filter_text: str, compression: str, layout: _Layout
) -> int:
    if compression:
        raise UsageError(f"A datasets folder cannot be compressed; name it without {compression}.")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} exists already; name a new folder for the data set.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with translate_os_errors(path):
        temporary.mkdir()
    try:
        with translate_os_errors(path), read_transaction(store.db):
            rows = ((tweet.split, row) for row, tweet, _ in _rows(store, filter_text, layout))
            types, meanings = layout.columns.types, label_settings.meanings(store.config)
            written = arrow_writer.datasets_folder(temporary, rows, types, meanings)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return written


def _write(raw: BinaryIO, store: Store, filter_text: str, layout: _Layout) -> int:
    rows, form = _rows(store, filter_text, layout), layout.form
    if form == "parquet":
        types, meanings = layout.columns.types, label_settings.meanings(store.config)
        return arrow_writer.parquet(raw, (row for row, *_ in rows), types, meanings)
    file = io.TextIOWrapper(raw, "utf-8", newline="")
    if form in ("csv", "tsv"):
        count = _delimited(file, (row for row, *_ in rows), layout)
    elif form == "json":
        count = _array(file, (row for row, *_ in rows))
    elif form == "labelstudio":
        tasks = (label_studio.write(_flat(row), tweet, given) for row, tweet, given in rows)
        count = _array(file, tasks)
    elif form == "argilla":
        who = store.annotator
        records = (argilla.write(_flat(row), tweet, who, given) for row, tweet, given in rows)
        count = _array(file, records)
    elif form == "seed":
        count = _lines(file, _dialogues(store, filter_text))
    else:
        count = _lines(file, (row for row, *_ in rows))
    file.detach()  # writes what is left, and leaves the file open for who opened it
    return count


Exported = tuple[Row, Tweet, Sequence[GivenLabel]]
"""The row that is written of a tweet, the tweet, and what its annotators said."""


def _rows(store: Store, filter_text: str, layout: _Layout) -> Iterator[Exported]:
    columns = layout.columns
    keeps_annotators = layout.form in ("labelstudio", "argilla")
    ids = listing(store, filter_text, run=columns.run)
    shown = columns.run or filter_for(store, filter_text).run or shown_run(store)
    for start in range(0, len(ids), TWEETS_AT_ONCE):
        some = ids[start : start + TWEETS_AT_ONCE]
        sources = source_columns_of(store, some) if columns.need_source else {}
        events = (
            event_records.export_events(store, some)
            if columns.has("history") or keeps_annotators
            else {}
        )
        probabilities = (
            probabilities_of(store, columns.run, some)
            if columns.run is not None and columns.need_probabilities
            else {}
        )
        for tweet in window(store, some, shown, characters=None):
            history = events.get(tweet.id, [])
            row = columns.row(
                tweet, sources.get(tweet.id, {}), history, probabilities.get(tweet.id, ())
            )
            yield row, tweet, answers(history) if keeps_annotators else ()


def _flat(row: Row) -> Row:
    """The row for files that hold no objects: these become JSON."""
    return {
        name: to_json(value) if isinstance(value, dict) or name == "history" else value
        for name, value in row.items()
    }


def _dialogues(store: Store, filter_text: str) -> Iterator[Row]:
    for tweet in each(store, filter_text):
        if tweet.label is not None and not tweet.excluded:
            yield dialogues.write(tweet, store.config.word(tweet.label))


def _delimited(file: TextIO, rows: Iterable[Row], layout: _Layout) -> int:
    names = layout.columns.names
    if layout.bom:
        file.write("\ufeff")
    writer = csv.writer(file, delimiter="," if layout.form == "csv" else "\t")
    writer.writerow([*names, delimited.SAFE] if layout.safe_csv else names)
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007
        cells = [_cell(name, value) for name, value in row.items()]
        if layout.safe_csv:
            texts = ("" if cell is None else str(cell) for cell in cells)
            writer.writerow([*map(delimited.harmless, texts), "yes"])
        else:
            writer.writerow(cells)
    return count


def _cell(name: str, value: Any) -> Any:
    if name == "flags":
        return " ".join(value)
    return to_json(value) if isinstance(value, dict | list | tuple) else value


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
