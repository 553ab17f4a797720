"""Folds for cross-fitting: each holds out whole groups of texts, with the labels shared evenly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from storage.errors import UserError


def assign_folds(labels: Sequence[int], groups: Sequence[int], folds: int, seed: int) -> list[int]:
    """The fold of each text, from 0; texts of one group are in one fold.

    The groups are dealt out by lot, the largest first, each to the fold that has fewest texts of
    its labels, or of all at a tie: stratified, as scikit-learn's StratifiedGroupKFold, which takes
    twenty seconds for 100,000 groups. There are fewer folds where the commonest label, or the
    groups, are fewer. Raises UserError if that leaves less than two.
    """
    given = np.asarray(labels, dtype=int)
    names, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    folds = min(folds, len(names), int(np.bincount(given, minlength=1).max()))
    if folds < 2:
        raise UserError("At least two different training tweets of one label are needed.")
    members = np.split(np.argsort(group_of, kind="stable"), np.cumsum(sizes)[:-1])
    by_lot = np.random.default_rng(seed).permutation(len(names))
    texts_of = [[0] * folds for _ in range(int(given.max()) + 1)]
    total, assigned = [0] * folds, np.zeros(len(given), dtype=int)
    for group in by_lot[np.argsort(-sizes[by_lot], kind="stable")].tolist():
        own = [texts_of[label] for label in given[members[group]].tolist()]
        fold = min(range(folds), key=lambda f: (sum(counts[f] for counts in own), total[f]))
        assigned[members[group]] = fold
        total[fold] += len(own)
        for counts in own:
            counts[fold] += 1
    found: list[int] = np.unique(assigned, return_inverse=True)[1].tolist()  # none is empty
    return found
