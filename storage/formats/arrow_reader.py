"""Parquet files and folders of the datasets library."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from storage.errors import UserError, on_one_line
from storage.formats.columns import MEANINGS, Meanings, Row
from storage.formats.decoding.compression import decompressed
from storage.formats.position import Position
from storage.formats.source import DATASETS, Source

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 2_000
"""Rows that are in memory at once."""


def parquet_table(source: Source, position: Position) -> tuple[list[str], Iterator[list[Any]]]:
    """The columns of a Parquet file and its rows; raises UserError if it is damaged."""
    lines = _parquet_lines(source, position)
    return next(lines), lines


def _parquet_lines(source: Source, position: Position) -> Iterator[list[Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with decompressed(source) as content, TemporaryFile() as seekable:
            if source.compression:
                shutil.copyfileobj(content, seekable)
                seekable.seek(0)
            file = pq.ParquetFile(seekable if source.compression else content)
            names = list(file.schema_arrow.names)
            if len(set(names)) != len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise UserError(f"{source.name} has two columns called {twice!r}; rename one.")
            yield names
            record = 0
            for batch in file.iter_batches(ROWS_AT_ONCE):
                for values in _values(batch):
                    record += 1
                    position.record = record
                    yield list(values)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise UserError(f"{source.name} cannot be read as Parquet: {on_one_line(error)}.") from None


def datasets_rows(source: Source, position: Position) -> Iterator[Row]:
    """The rows of what `datasets` has saved: one data set, or one folder a split.

    Raises UserError if the folder holds something else or is damaged.
    """
    for number, row in enumerate(_folder_rows(source.path), start=1):
        position.record = number
        yield row


def _folder_rows(path: Path) -> Iterator[Row]:
    import pyarrow as pa

    try:
        if (index := path / "dataset_dict.json").exists():
            for split in json.loads(index.read_text("utf-8"))["splits"]:
                for row in _folder_rows(_inside(path, split)):
                    yield {"split": split, **row}
            return
        if not (state := path / "state.json").exists():
            raise UserError(
                f"{path} is a folder without a data set (no state.json in it); import the files in "
                "it, each with --split-as where it is a split."
            )
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


def label_meanings(source: Source) -> Meanings:
    """What a file that was exported here says of its labels; nothing where it does not."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if source.format == DATASETS:
            path = next(iter(sorted(source.path.glob("**/*.arrow"))))
            with pa.memory_map(str(path)) as content:
                schema = pa.ipc.open_stream(content).schema
        else:
            schema = pq.read_schema(source.path)
        said = json.loads((schema.metadata or {}).get(MEANINGS, b"{}"))
        return said if isinstance(said, dict) else {}
    except (pa.ArrowException, OSError, ValueError, StopIteration):
        return {}  # said when the rows are read, or packed in something else


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
    try:
        described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = described.get("info", {}).get("features") or {}
        named = {name: _class_feature(feature) for name, feature in features.items()}
        return {
            name: list(map(str, feature["names"])) for name, feature in named.items() if feature
        }
    except (ValueError, AttributeError, KeyError, TypeError):  # what somebody else wrote there
        return {}


def _class_feature(feature: Any) -> dict[str, Any] | None:
    """The classes of a column, or of the lists in it."""
    while isinstance(feature, dict) and feature.get("_type") in ("Sequence", "List", "LargeList"):
        feature = feature.get("feature")
    found = isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
    return feature if found else None


def _class(names: list[str], value: Any) -> Any:
    """The name of a class; -1 is what the library writes for no label."""
    if isinstance(value, list):
        return [_class(names, one) for one in value]
    if not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None
