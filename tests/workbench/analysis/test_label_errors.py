"""Which labels look wrong: planted errors come first, whatever the class."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy

from workbench.analysis.label_errors import entropies, margins, suspicion


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


@pytest.mark.parametrize("seed", range(3))
def test_planted_errors_come_first(seed):
    rows, given, flipped = synthetic(seed)
    first = np.argsort(-suspicion(rows, given))[:100]
    assert len(flipped & set(first.tolist())) >= 80


@pytest.mark.parametrize("seed", range(3))
def test_the_queue_does_not_fill_with_the_rarer_class(seed):
    rows, given, _ = synthetic(seed, flips=0)
    first = np.argsort(-suspicion(rows, given))[:100]
    plain = np.argsort(rows[np.arange(len(given)), given])[:100]
    assert given[plain].mean() > 0.6
    assert 0.1 <= given[first].mean() <= 0.35


def test_the_less_a_label_is_believed_the_more_suspect_it_is():
    rows = np.array([[0.9, 0.1], [0.6, 0.4], [0.1, 0.9], [0.3, 0.7]])
    scores = suspicion(rows, [0, 0, 0, 1])
    assert scores[0] < scores[1] < scores[2]
    assert scores[3] == pytest.approx(0)


def test_uncertain_is_not_wrong():
    rows = np.array([[0.5, 0.5], [0.05, 0.95], [0.9, 0.1]])
    scores = suspicion(rows, [0, 0, 0])
    assert np.argmax(scores) == 1
    assert np.argmax(entropies(rows)) == 0


def test_margins_and_entropies():
    rows = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0], [1 / 3] * 3])
    assert margins(rows) == pytest.approx([0.5, 1.0, 0.0])
    assert entropies(rows) == pytest.approx(entropy(rows, axis=1), abs=1e-9)
    assert margins(np.array([[1.0]])) == pytest.approx([1.0])
