"""Writing Parquet files and folders that `datasets.load_from_disk` loads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from storage.formats.columns import Row

if TYPE_CHECKING:
    import pyarrow as pa

SPLITS = ("train", "dev", "test")
BATCH_ROWS = 10_000
BATCH_CHARACTERS = 1 << 24


def parquet(file: BinaryIO, rows: Iterable[Row]) -> int:
    """Write rows and return how many."""
    import pyarrow.parquet as pq

    schema = _schema()
    count = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            writer.write_batch(_record_batch(batch, schema))
            count += len(batch)
    return count


def datasets_folder(folder: Path, rows: Iterable[Row]) -> int:
    """Write a data set for each split that has rows, in an empty folder, and return how many."""
    import pyarrow as pa

    schema = _schema()
    writers: dict[str, pa.ipc.RecordBatchStreamWriter] = {}
    count = 0
    try:
        for batch in _batches(rows):
            for split in SPLITS:
                part = [row for row in batch if row["split"] == split]
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


def _schema() -> pa.Schema:
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            ("id", pa.int64()),
            ("external_id", text),
            ("text", text),
            ("label", text),
            ("gold", text),
            ("split", text),
            ("changed", pa.bool_()),
            ("flags", pa.list_(text)),
            ("note", text),
            ("source", text),
            ("history", text),
        ]
    )


def _record_batch(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_pylist(rows, schema)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows in parts that are neither many nor long."""
    batch: list[Row] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += len(row["text"]) + len(row["history"]) + len(row["source"])
        if len(batch) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
