"""Training dynamics by hand-computed figures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.analysis.label_errors.training_dynamics import NEVER_LEARNT, text_dynamics


def test_figures_of_a_curve():
    (found,) = text_dynamics([7, 7, 7, 7], [1, 3, 2, 4], [0.2, 0.4, 0.8, 0.9])
    values = [0.2, 0.8, 0.4, 0.9]
    assert found.confidence == pytest.approx(0.575)
    assert found.variability == pytest.approx(np.std(values))
    assert found.slope == pytest.approx(np.polyfit([1, 2, 3, 4], values, 1)[0])
    assert (found.epochs, found.correctness, found.forgetfulness) == (4, 2, 1)
    assert found.threshold_closeness == pytest.approx(0.575 * 0.425)


def test_the_least_sure_come_first_and_one_epoch_has_no_slope():
    found = text_dynamics([2, 1, 3], [1, 1, 1], [0.9, 0.1, 0.1])
    assert [one.id for one in found] == [1, 3, 2]
    assert [one.slope for one in found] == [0, 0, 0]
    assert [one.forgetfulness for one in found] == [NEVER_LEARNT, NEVER_LEARNT, 0]


def test_rows_without_a_probability_are_left_out():
    found = text_dynamics([1, 1, 2], [1, 2, 1], [0.5, math.nan, math.nan])
    assert [(one.id, one.epochs) for one in found] == [(1, 1)]
    assert text_dynamics([], [], []) == []
