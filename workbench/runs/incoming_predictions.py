"""The predictions that a run folder brings, checked and matched with the tweets that are here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from storage.errors import UserError
from storage.runs.predictions import Prediction
from storage.runs.runs import Run
from storage.store import Store
from storage.transfer.id_remapping import remap_ids
from workbench.rundir import folder as run_folder
from workbench.rundir import tables

COLUMNS = ("id", "probabilities", "margin", "entropy", "in_sample")


def read_predictions(store: Store, run: Run, folder: Path) -> Iterator[Prediction]:
    """The predictions of a run for the tweets of this workspace.

    A run from another workspace numbers its tweets differently: its predictions belong to the
    tweets with the very same texts, and those about no tweet of this workspace are left out.
    Raises UserError if a file is damaged.
    """
    path = folder / run_folder.PREDICTIONS
    own_ids = remap_ids(store, _texts(folder / run_folder.PREDICT))
    trained_on: set[str] = set()
    trained_ids: set[int] = set()
    texts: dict[int, str] = {}
    if own_ids:
        trained_on = set(tables.trained_on(folder).values())
        trained_ids = set(tables.read_snapshot(folder / run_folder.TRAIN).ids)
        texts = {n: t for n, t in _texts(folder / run_folder.PREDICT) if n in own_ids}
    with tables.arrow_errors_as_user_errors(path, "resume the run to make it anew"):
        for prediction in _rows(path, len(run.answers)):
            place = own_ids.get(prediction.tweet, prediction.tweet)
            if place is None:
                continue
            # Of what it was trained on the run says itself whether it is predicted out of fold.
            copy = prediction.tweet not in trained_ids
            seen = copy and texts.get(prediction.tweet) in trained_on
            yield prediction._replace(tweet=place, in_sample=prediction.in_sample or seen)


def _rows(path: Path, n_labels: int) -> Iterator[Prediction]:
    for batch in tables.batches(path, COLUMNS, tables.WINDOW_ROWS):
        columns = [batch[name] for name in COLUMNS]
        if any(column.null_count for column in columns):
            raise UserError(f"{path} is damaged (a value is missing); resume the run.")
        lengths = pc.list_value_length(columns[1]).to_numpy(zero_copy_only=False)
        numbers = columns[1].flatten().to_numpy(zero_copy_only=False).astype(float)
        figures = [column.to_numpy(zero_copy_only=False).astype(float) for column in columns[2:4]]
        if not all(np.isfinite(values).all() for values in (numbers, *figures)):
            raise UserError(
                f"{path} holds probabilities that are no numbers; {tables.NEW_RUN_ADVICE} with a "
                "lower training.learning_rate."
            )
        if (lengths != n_labels).any() or (numbers < 0).any() or (numbers > 1 + 1e-6).any():
            raise UserError(
                f"{path} is damaged (not {n_labels} probabilities a tweet); resume the run."
            )
        ids, probabilities, margins, entropies, in_sample = (c.to_pylist() for c in columns)
        yield from map(
            Prediction,
            map(int, ids),
            map(tuple, probabilities),
            margins,
            entropies,
            map(bool, in_sample),
        )


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    if not path.exists():
        raise UserError(f"{path} is missing; {tables.NEW_RUN_ADVICE}.")
    for ids, texts in tables.read_windows(path):
        yield from zip(ids, texts, strict=True)
