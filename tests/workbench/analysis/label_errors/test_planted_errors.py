"""Which labels look wrong: planted errors come first, whatever the class."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.analysis.label_errors.label_noise import estimate_noise, given_is_right
from workbench.analysis.uncertainty import entropies


def synthetic(seed, n=1000, share=0.2, flips=100):
    """Probabilities of a fair model for an unbalanced set, and labels with planted flips."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < share).astype(int)
    # The model is less sure of the rarer class throughout, as real ones are.
    own = np.clip(np.where(truth == 1, 0.62, 0.88) + rng.normal(0, 0.1, n), 0.02, 0.98)
    rows = np.empty((n, 2))
    rows[np.arange(n), truth] = own
    rows[np.arange(n), 1 - truth] = 1 - own
    flipped = rng.choice(n, flips, replace=False)
    given = truth.copy()
    given[flipped] = 1 - given[flipped]
    return rows, given, set(flipped.tolist())


def suspicion(rows, given):
    return 1 - given_is_right(estimate_noise(rows, [rows], given).posterior, given)


@pytest.mark.parametrize("seed", range(3))
def test_planted_errors_come_first(seed):
    rows, given, flipped = synthetic(seed)
    first = np.argsort(-suspicion(rows, given))[:100]
    assert len(flipped & set(first.tolist())) >= 80


def test_uncertain_is_not_wrong():
    rows, given, _ = synthetic(0)
    rows[0], given[0] = (0.5, 0.5), 0
    rows[1], given[1] = (0.05, 0.95), 0
    scores = suspicion(rows, given)
    assert scores[1] > scores[0]
    assert entropies(rows)[0] > entropies(rows)[1]
