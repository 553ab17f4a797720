"""How unsure a prediction is, by its margin and by its entropy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy

from workbench.analysis.uncertainty import entropies, margins


def test_margins_and_entropies():
    rows = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0], [1 / 3] * 3])
    assert margins(rows) == pytest.approx([0.5, 1.0, 0.0])
    assert entropies(rows) == pytest.approx(entropy(rows, axis=1), abs=1e-9)
    assert margins(np.array([[1.0]])) == pytest.approx([1.0])
