"""What courses of a loss are told to be, and what is told of none."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.analysis.measures.learning_curves import diverged_since, overfit_since, plateau_since


def course(values, every=10):
    return [(every * (n + 1), float(value)) for n, value in enumerate(values)]


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(0, 0.05, n)


def test_a_loss_that_falls_and_then_stays_is_a_plateau_since_then():
    falling = np.linspace(2, 1, 12)
    found = plateau_since(course([*falling, *(1 + noise(28))]))
    assert found is not None and 100 <= found <= 210


@pytest.mark.parametrize("seed", range(5))
def test_a_loss_that_falls_to_the_end_is_none(seed):
    assert plateau_since(course(np.linspace(2, 1, 40) + noise(40, seed))) is None


def test_a_loss_that_never_moves_is_one_from_the_first_step():
    assert plateau_since(course(0.7 + noise(20))) == 10


def test_a_loss_that_explodes_diverges_since_it_left():
    assert diverged_since(course([*np.linspace(2, 1, 20), *np.linspace(1, 6, 20)])) == 250
    assert diverged_since(course(np.linspace(2, 1, 40) + noise(40))) is None
    one_peak = np.linspace(2, 1, 40)
    one_peak[20] = 9
    assert diverged_since(course(one_peak)) is None


def test_a_dev_loss_that_rises_after_its_least_value_is_overfit_since_then():
    assert overfit_since(course([1.0, 0.6, 0.7, 0.9], 50)) == 100
    assert overfit_since(course([1.0, 0.6, 0.61], 50)) is None
    assert overfit_since(course([1.0, 0.8, 0.6], 50)) is None


@pytest.mark.parametrize("look", [plateau_since, diverged_since, overfit_since])
@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 30])
def test_few_values_or_equal_ones_raise_nothing(look, values):
    found = look(course(values))
    assert found == (10 if look is plateau_since and len(values) == 30 else None)
