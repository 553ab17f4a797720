"""Folds for cross-fitting: each holds out whole groups of texts, with the labels shared evenly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from storage.errors import UserError


def assign_folds(labels: Sequence[int], groups: Sequence[int], folds: int, seed: int) -> list[int]:
    """The fold of each text, from 0; texts of one group are in one fold.

    There are fewer folds where the commonest label, or the groups, are fewer. Raises UserError if
    that leaves less than two.
    """
    counts = np.bincount(np.asarray(labels, dtype=int), minlength=1)
    folds = min(folds, len(set(groups)), int(counts.max()))
    if folds < 2:
        raise UserError("At least two different training tweets of one label are needed.")
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    assigned = np.zeros(len(labels), dtype=int)
    for fold, (_, held_out) in enumerate(splitter.split(assigned, labels, groups)):
        assigned[held_out] = fold
    found: list[int] = np.unique(assigned, return_inverse=True)[1].tolist()  # none is empty
    return found
