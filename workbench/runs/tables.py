"""The parquet files of a run folder: frozen examples in, predictions out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import UserError, on_one_line
from workbench.analysis.label_errors import entropies, margins
from workbench.runs import folder as run_folder


@dataclass(frozen=True)
class Frozen:
    """The columns of a frozen file; labels and groups are empty for texts to predict."""

    ids: list[int]
    texts: list[str]
    labels: list[str]
    groups: list[int]


def read(path: Path) -> Frozen:
    """Read a frozen file; one that is not there is empty. Raises UserError if it is damaged."""
    if not path.exists():
        return Frozen([], [], [], [])
    try:
        table = pq.read_table(path)
        ids, texts = table["id"].cast(pa.int64()).to_pylist(), table["text"].to_pylist()
        labels, groups = (
            table[name].to_pylist() if name in table.column_names else []
            for name in ("label", "group")
        )
    except (pa.ArrowException, KeyError, OSError, UnicodeError) as error:
        raise UserError(f"{path} is damaged ({on_one_line(error)}); freeze the run anew.") from None
    if not all(isinstance(text, str) for text in texts) or None in ids:
        raise UserError(f"{path} is damaged (a text or an id is missing); freeze the run anew.")
    return Frozen(ids, texts, labels, groups)


def write_predictions(
    folder: Path, ids: Sequence[int], probabilities: Sequence[Sequence[float]], in_sample: set[int]
) -> None:
    """Write predictions.parquet in one step."""
    rows = np.asarray(probabilities, dtype=float).reshape(len(ids), -1)
    table = pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "probabilities": pa.array(list(rows), pa.list_(pa.float64())),
            "margin": margins(rows) if len(ids) else pa.array([], pa.float64()),
            "entropy": entropies(rows) if len(ids) else pa.array([], pa.float64()),
            "in_sample": [number in in_sample for number in ids],
        }
    )
    temporary = folder / f".{run_folder.PREDICTIONS}"
    pq.write_table(table, temporary)
    temporary.replace(folder / run_folder.PREDICTIONS)
