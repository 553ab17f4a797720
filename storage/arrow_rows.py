"""Parquet files and folders of the datasets library."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from storage.errors import UserError, on_one_line
from storage.packed import kind_of, unpacked

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
BATCH = 2_000
"""Rows that are in memory at once."""


def parquet_table(path: Path) -> tuple[list[str], Iterator[list[Any]]]:
    """The columns of a Parquet file and its rows; raises UserError if it is damaged."""
    lines = _parquet_lines(path)
    return next(lines), lines


def _parquet_lines(path: Path) -> Iterator[list[Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with unpacked(path) as packed, TemporaryFile() as seekable:
            if kind_of(path)[1]:
                shutil.copyfileobj(packed, seekable)
                seekable.seek(0)
            file = pq.ParquetFile(seekable if kind_of(path)[1] else packed)
            names = list(file.schema_arrow.names)
            if len(set(names)) != len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise UserError(f"{path} has two columns called {twice!r}; rename one.")
            yield names
            for batch in file.iter_batches(BATCH):
                yield from map(list, _values(batch))
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise UserError(f"{path} cannot be read as Parquet: {on_one_line(error)}.") from None


def datasets_rows(path: Path) -> Iterator[Row]:
    """The rows of what `datasets` has saved: one data set, or one folder a split.

    Raises UserError if the folder holds something else or is damaged.
    """
    import pyarrow as pa

    try:
        if (index := path / "dataset_dict.json").exists():
            for split in json.loads(index.read_text("utf-8"))["splits"]:
                for row in datasets_rows(_inside(path, split)):
                    yield {"split": split, **row}
            return
        if not (state := path / "state.json").exists():
            raise UserError(f"{path} is a folder without a data set (no state.json in it).")
        for entry in json.loads(state.read_text("utf-8"))["_data_files"]:
            with pa.memory_map(str(_inside(path, entry["filename"]))) as source:
                for batch in pa.ipc.open_stream(source):
                    batch.validate(full=True)  # Arrow follows a wrong offset out of the memory
                    for values in _values(batch):
                        yield dict(zip(batch.schema.names, values, strict=True))
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} cannot be read as a datasets folder: {on_one_line(error)}."
        ) from None


def _inside(folder: Path, name: str) -> Path:
    if Path(name).name != name:
        raise ValueError(f"{name!r} is no file of this folder")
    return folder / name


def _values(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    names = _class_names(batch.schema)
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        values = column.to_pylist()
        if (classes := names.get(name)) is not None:
            values = [_class(classes, value) for value in values]
        columns.append(values)
    return zip(*columns, strict=True)


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """The names that the datasets library keeps for the integers of a label column."""
    described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    features = described.get("info", {}).get("features") or {}
    return {
        name: feature["names"]
        for name, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
    }


def _class(names: list[str], value: Any) -> Any:
    """The name of a class; -1 is what the library writes for no label."""
    if not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None
