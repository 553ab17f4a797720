"""The parquet files of a run folder: snapshots of tweets in, predictions out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EACCES
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from storage.arrow_import import forgo_pandas
from storage.errors import UserError, on_one_line
from workbench.analysis.uncertainty import entropies, margins
from workbench.rundir import folder as run_folder

forgo_pandas()

WINDOW_ROWS = 16_384
"""Rows that are read, scored and written at a time, so that a million take no more memory."""
DYNAMICS = "dynamics.parquet"
NEW_RUN_ADVICE = "start another run"
PREDICTIONS_SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("probabilities", pa.list_(pa.float64())),
        ("margin", pa.float64()),
        ("entropy", pa.float64()),
        ("in_sample", pa.bool_()),
    ]
)
WritePredictions = Callable[[Sequence[int], Sequence[Sequence[float]], Sequence[bool]], None]
"""Writes rows of predictions: ids, (rows, labels) probabilities, whether each is in-sample."""


@dataclass(frozen=True)
class SnapshotTable:
    """The columns of a snapshot of tweets; labels and groups are empty for texts to predict."""

    ids: list[int]
    texts: list[str]
    labels: list[str]
    groups: list[int]


def read_snapshot(path: Path) -> SnapshotTable:
    """Read a snapshot; one that is not there is empty. Raises UserError if it is damaged."""
    if not path.exists():
        return SnapshotTable([], [], [], [])
    with arrow_errors_as_user_errors(path):
        # without threads: where none can be had for lack of memory, Arrow waits for ever
        table = pq.ParquetFile(path, pre_buffer=False).read(use_threads=False)
        ids, texts = table["id"].cast(pa.int64()).to_pylist(), table["text"].to_pylist()
        labels, groups = (
            table[name].to_pylist() if name in table.column_names else []
            for name in ("label", "group")
        )
    if not all(isinstance(text, str) for text in texts) or None in ids or None in groups:
        raise UserError(f"{path} is damaged (a text or an id is missing); {NEW_RUN_ADVICE}.")
    return SnapshotTable(ids, texts, labels, groups)


def read_examples(path: Path, labels: Sequence[str]) -> tuple[SnapshotTable, list[int]]:
    """A snapshot of labelled tweets, and the index of the label of each in `labels`.

    Raises UserError if it is damaged, or of other labels.
    """
    snapshot = read_snapshot(path)
    number = {label: index for index, label in enumerate(labels)}
    known = [isinstance(label, str) and label in number for label in snapshot.labels]
    if len(known) != len(snapshot.ids) or not all(known):
        raise UserError(
            f"{path} is damaged (a label is missing, or none of {', '.join(labels)}); "
            f"{NEW_RUN_ADVICE}."
        )
    return snapshot, [number[label] for label in snapshot.labels]


@contextmanager
def arrow_errors_as_user_errors(path: Path, advice: str = NEW_RUN_ADVICE) -> Iterator[None]:
    """Raise UserError, with the advice, for what arrow finds wrong with a file.

    PermissionError stays what it is, since it says nothing about what is in the file.
    """
    try:
        yield
    except PermissionError:
        raise PermissionError(EACCES, os.strerror(EACCES), str(path)) from None
    except (pa.ArrowException, KeyError, TypeError, ValueError, OSError) as error:
        # without the path and the second sentence
        why = on_one_line(error).rpartition("': ")[2].partition(". ")[0]
        raise UserError(f"{path} is damaged ({why}); {advice}.") from None


def count_rows(path: Path) -> int:
    """The number of rows of a snapshot; one that is not there has none."""
    with arrow_errors_as_user_errors(path):
        return pq.ParquetFile(path).metadata.num_rows if path.exists() else 0


def batches(path: Path, columns: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Some columns of a table, so many rows at a time and no more in memory.

    Without threads, since with them Arrow reads the whole file ahead.
    """
    yield from pq.ParquetFile(path).iter_batches(rows, columns=list(columns), use_threads=False)


def read_windows(path: Path, rows: int = WINDOW_ROWS) -> Iterator[tuple[list[int], list[str]]]:
    """The ids and texts of a snapshot, so many rows at a time."""
    if not path.exists():
        return
    with arrow_errors_as_user_errors(path):
        for batch in batches(path, ("id", "text"), rows):
            ids, texts = batch["id"].cast(pa.int64()).to_pylist(), batch["text"].to_pylist()
            if None in ids or not all(isinstance(text, str) for text in texts):
                raise UserError(
                    f"{path} is damaged (a text or an id is missing); {NEW_RUN_ADVICE}."
                )
            yield ids, texts


def in_sample_ids(folder: Path) -> set[int]:
    """The tweets to predict whose texts the run is trained on.

    Not by their ids: an adapter may have been trained in another workspace.
    """
    texts = set(trained_on(folder).values())
    if not texts:
        return set()
    rows = (
        row for part in read_windows(folder / run_folder.PREDICT) for row in zip(*part, strict=True)
    )
    return {number for number, text in rows if text in texts}


def trained_on(folder: Path) -> dict[int, str]:
    """The ids and texts of the tweets that a run, or one that it goes on from, is trained on."""
    return ancestors(folder) | _rows_by_id(folder / run_folder.TRAIN)


def ancestors(folder: Path) -> dict[int, str]:
    """The ids and texts of the tweets that the adapter was trained on that a run begins with."""
    return _rows_by_id(folder / run_folder.ANCESTORS)


def _rows_by_id(path: Path) -> dict[int, str]:
    found: dict[int, str] = {}
    for ids, texts in read_windows(path):
        found |= dict(zip(ids, texts, strict=True))
    return found


def write_ancestors(folder: Path, rows: Mapping[int, str]) -> None:
    """Write ancestors.parquet: what the adapter was trained on that a run begins with."""
    columns = {"id": pa.array(rows, pa.int64()), "text": pa.array(rows.values(), pa.string())}
    pq.write_table(pa.table(columns), folder / run_folder.ANCESTORS)


@contextmanager
def predictions_writer(folder: Path) -> Iterator[WritePredictions]:
    """Give a function that writes predictions; predictions.parquet appears when the block ends."""
    temporary = folder / f".{run_folder.PREDICTIONS}"
    with pq.ParquetWriter(temporary, PREDICTIONS_SCHEMA) as writer:

        def write(
            ids: Sequence[int], probabilities: Sequence[Sequence[float]], in_sample: Sequence[bool]
        ) -> None:
            if not ids:
                return
            rows = np.asarray(probabilities, dtype=float).reshape(len(ids), -1)
            columns = {
                "id": pa.array(ids, pa.int64()),
                "probabilities": pa.array(list(rows), pa.list_(pa.float64())),
                "margin": margins(rows),
                "entropy": entropies(rows),
                "in_sample": pa.array(in_sample, pa.bool_()),
            }
            writer.write_table(pa.table(columns, PREDICTIONS_SCHEMA))

        yield write
    temporary.replace(folder / run_folder.PREDICTIONS)


def write_predictions(
    folder: Path, ids: Sequence[int], probabilities: Sequence[Sequence[float]], in_sample: set[int]
) -> None:
    """Write predictions.parquet in one step."""
    with predictions_writer(folder) as write:
        write(ids, probabilities, [number in in_sample for number in ids])


def write_dynamics(
    folder: Path, ids: Sequence[int], epochs: Sequence[int], probabilities: Sequence[float]
) -> None:
    """Write dynamics.parquet: how probable each given label was, epoch by epoch."""
    table = pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "epoch": pa.array(epochs, pa.int32()),
            "probability": pa.array(probabilities, pa.float32()),
        }
    )
    temporary = folder / f".{DYNAMICS}"
    pq.write_table(table, temporary)
    temporary.replace(folder / DYNAMICS)


def read_dynamics(folder: Path) -> tuple[list[int], list[int], list[float]]:
    """The ids, epochs and probabilities of dynamics.parquet; none if it is not there.

    Raises UserError if it is damaged.
    """
    path = folder / DYNAMICS
    if not path.exists():
        return [], [], []
    with arrow_errors_as_user_errors(path):
        table = pq.ParquetFile(path, pre_buffer=False).read(use_threads=False)
        ids, epochs, values = (table[name].to_pylist() for name in ("id", "epoch", "probability"))
    if None in ids or None in epochs:
        raise UserError(f"{path} is damaged (an id or an epoch is missing); {NEW_RUN_ADVICE}.")
    return ids, epochs, values
