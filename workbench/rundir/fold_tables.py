"""The tables of a run with folds: the fold of each tweet, and what a finished fold has scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import UserError
from workbench.rundir import folder as run_folder
from workbench.rundir.tables import arrow_errors_as_user_errors

FOLDS = "folds.parquet"


def write_folds(folder: Path, ids: Sequence[int], fold_of: Sequence[int]) -> None:
    """Write folds.parquet: by which fold each training tweet was left out, from 0."""
    columns = {"id": pa.array(ids, pa.int64()), "fold": pa.array(fold_of, pa.int32())}
    _replace(folder / FOLDS, pa.table(columns))


def read_folds(folder: Path) -> dict[int, int]:
    """The fold of each training tweet; none of a run without folds. Raises UserError."""
    path = folder / FOLDS
    if not path.exists():
        return {}
    with arrow_errors_as_user_errors(path):
        table = pq.read_table(path, columns=["id", "fold"])
        return dict(zip(table["id"].to_pylist(), table["fold"].to_pylist(), strict=True))


def write_fold_scores(
    folder: Path, fold: int, ids: Sequence[int], rows: Sequence[Sequence[float]]
) -> None:
    """Keep the probabilities of the tweets of a fold beside the checkpoints, in one step."""
    path = _scores_path(folder, fold)
    path.parent.mkdir(exist_ok=True)
    columns = {
        "id": pa.array(ids, pa.int64()),
        "probabilities": pa.array([list(row) for row in rows], pa.list_(pa.float64())),
    }
    _replace(path, pa.table(columns))


def read_fold_scores(folder: Path, fold: int, ids: Sequence[int]) -> dict[int, list[float]]:
    """The probabilities of the tweets of a fold; empty if it is not scored yet, or damaged."""
    path = _scores_path(folder, fold)
    try:
        with arrow_errors_as_user_errors(path):
            table = pq.read_table(path, columns=["id", "probabilities"])
            rows = dict(
                zip(table["id"].to_pylist(), table["probabilities"].to_pylist(), strict=True)
            )
    except UserError:
        return {}
    return rows if rows.keys() == set(ids) else {}


def _scores_path(folder: Path, fold: int) -> Path:
    return folder / run_folder.CHECKPOINTS / f"fold-{fold}.parquet"


def _replace(path: Path, table: pa.Table) -> None:
    temporary = path.with_name(f".{path.name}")
    pq.write_table(table, temporary)
    temporary.replace(path)
