"""The embeddings of a run by the tweets of the workspace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from storage.store import Store
from storage.transfer.id_remapping import remap_ids
from workbench.rundir import folder as run_folder
from workbench.rundir import tables
from workbench.rundir.embeddings import Embeddings, read_embeddings


def embeddings_of(store: Store, number: int) -> Embeddings | None:
    """The embeddings of a run for the tweets that the workspace has; None if the run has none.

    A run from elsewhere has other ids, so a tweet is known by its text. Raises UserError if they
    are damaged.
    """
    folder = store.run_folder(number)
    found = read_embeddings(folder)
    if found is None:
        return None
    windows = tables.read_windows(folder / run_folder.PREDICT)
    elsewhere = remap_ids(store, (row for window in windows for row in zip(*window, strict=True)))
    if not elsewhere:
        return found
    own = [elsewhere.get(number, number) for number in found.ids.tolist()]
    kept = np.array([place for place, number in enumerate(own) if number is not None], dtype=int)
    ids = np.array([number for number in own if number is not None], dtype=np.int64)
    return replace(found, ids=ids, vectors=found.vectors[kept], in_sample=found.in_sample[kept])
