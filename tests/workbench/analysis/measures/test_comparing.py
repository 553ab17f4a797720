"""Two classifiers on the same rows: known values, and intervals that cover what they say."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from workbench.analysis.measures.comparing import PairedCounts, count_pairs, difference, mcnemar


def test_rows_are_counted_by_who_is_right():
    truth = [0, 0, 1, 1, 1, 0]
    first = [0, 1, 1, 0, 0, 0]
    second = [0, 0, 0, 1, 0, 1]
    assert count_pairs(truth, first, second) == PairedCounts(
        both_right=1, fixed=2, broken=2, both_wrong=1
    )
    assert count_pairs(truth, first, second).n == 6


@pytest.mark.parametrize(("fixed", "broken"), [(8, 1), (1, 8), (5, 5), (25, 10), (1, 0), (40, 0)])
def test_mcnemar_is_the_exact_binomial_test(fixed, broken):
    n, least = fixed + broken, min(fixed, broken)
    tail = sum(comb(n, k) for k in range(least + 1)) / 2**n
    assert mcnemar(PairedCounts(30, fixed, broken, 4)) == pytest.approx(min(1.0, 2 * tail))


def test_without_turned_rows_there_is_no_evidence():
    assert mcnemar(PairedCounts(10, 0, 0, 3)) == 1.0
    assert mcnemar(PairedCounts(0, 0, 0, 0)) == 1.0
    assert difference(PairedCounts(0, 0, 0, 0)) == (0.0, -1.0, 1.0)


def test_a_difference_has_an_interval_around_it():
    exact, low, high = difference(PairedCounts(70, 15, 5, 10))
    assert exact == pytest.approx(0.10)
    assert low < exact < high
    # by hand: centre 10/102, half 1.96 * sqrt(21 - 100/102) / 102
    assert (low, high) == pytest.approx((0.0121, 0.1840), abs=5e-4)


def test_changing_places_changes_the_sign():
    one, other = difference(PairedCounts(70, 15, 5, 10)), difference(PairedCounts(70, 5, 15, 10))
    assert one == pytest.approx((-other[0], -other[2], -other[1]))
    assert mcnemar(PairedCounts(70, 15, 5, 10)) == mcnemar(PairedCounts(70, 5, 15, 10))


def test_the_interval_covers_the_true_difference_95_times_in_100():
    rng = np.random.default_rng(0)
    chances = (0.7, 0.12, 0.06, 0.12)
    covered = 0
    for _ in range(2_000):
        _, low, high = difference(PairedCounts(*map(int, rng.multinomial(136, chances))))
        covered += low <= 0.06 <= high
    assert 0.935 <= covered / 2_000 <= 0.97
