"""Writing Parquet files and folders that `datasets.load_from_disk` loads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from storage.arrow_import import forgo_pandas
from storage.formats.columns import MEANINGS, Meanings, Row
from storage.text import to_json

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
SPLITS = ("train", "dev", "test")
BATCH_ROWS = 10_000
BATCH_CHARACTERS = 1 << 24


def parquet(
    file: BinaryIO, rows: Iterable[Row], types: Mapping[str, str], meanings: Meanings
) -> int:
    """Write rows whose columns have these types, with what labels mean, and return how many."""
    import pyarrow.parquet as pq

    schema = _schema(types, meanings)
    count = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in _batches(((), row) for row in rows):
            writer.write_batch(_record_batch((row for _, row in batch), schema))
            count += len(batch)
    return count


def datasets_folder(
    folder: Path, rows: Iterable[tuple[str, Row]], types: Mapping[str, str], meanings: Meanings
) -> int:
    """Write a data set for each split that has rows, in an empty folder, and return how many.

    The rows come with their splits, and their columns have these types.
    """
    import pyarrow as pa

    schema = _schema(types, meanings)
    writers: dict[str, pa.ipc.RecordBatchStreamWriter] = {}
    count = 0
    try:
        for batch in _batches(rows):
            for split in SPLITS:
                part = [row for of, row in batch if of == split]
                if part and split not in writers:
                    (folder / split).mkdir()
                    writers[split] = pa.ipc.new_stream(folder / split / DATA, schema)
                if part:
                    writers[split].write_batch(_record_batch(part, schema))
            count += len(batch)
        if not writers:
            (folder / SPLITS[0]).mkdir()
            writers[SPLITS[0]] = pa.ipc.new_stream(folder / SPLITS[0] / DATA, schema)
    finally:
        for writer in writers.values():
            writer.close()
    there = [split for split in SPLITS if split in writers]
    for split in there:
        _describe(folder / split, split)
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": there}), "utf-8")
    return count


DATA = "data-00000-of-00001.arrow"


def _describe(folder: Path, split: str) -> None:
    state: Row = {
        "_data_files": [{"filename": DATA}],
        "_fingerprint": os.urandom(8).hex(),
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": split,
    }
    (folder / "state.json").write_text(json.dumps(state), "utf-8")
    # Without features here, every version of the library takes them from the Arrow schema.
    (folder / "dataset_info.json").write_text("{}", "utf-8")


def _schema(types: Mapping[str, str], meanings: Meanings) -> pa.Schema:
    import pyarrow as pa

    forgo_pandas()
    known = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "texts": pa.list_(pa.string()),
    }
    noted = {MEANINGS: to_json(meanings).encode()} if any(meanings.values()) else None
    return pa.schema([(name, known[kind]) for name, kind in types.items()], metadata=noted)


def _record_batch(rows: Iterable[Row], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    texts = {field.name for field in schema if field.type == pa.string()}
    return pa.RecordBatch.from_pylist(
        [
            {name: _text(value) if name in texts else value for name, value in row.items()}
            for row in rows
        ],
        schema,
    )


def _text(value: Any) -> str | None:
    """A value for a column of texts: what is none becomes JSON."""
    return value if value is None or isinstance(value, str) else to_json(value)


def _batches(rows: Iterable[tuple[T, Row]]) -> Iterator[list[tuple[T, Row]]]:
    """Rows in parts that are neither many nor long, each with what it came with."""
    batch: list[tuple[T, Row]] = []
    characters = 0
    for beside, row in rows:
        batch.append((beside, row))
        characters += sum(_length(value) for value in row.values())
        if len(batch) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _length(value: Any) -> int:
    """About how many characters a value takes, without writing it."""
    if isinstance(value, dict):
        return sum(10 + _length(entry) for entry in value.values())
    if isinstance(value, list):
        return sum(10 + _length(entry) for entry in value)
    return len(value) if isinstance(value, str) else 8
