"""Shares and differences of shares with published values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.analysis.measures.shares import (
    Estimate,
    difference_of_shares,
    per_hundred,
    share,
    total,
)

COUNTS = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_a_share_of_none_is_none():
    assert share(0, 0) == Estimate(None, 0, 1, 0)
    assert share(8, 10).value == 0.8


def test_the_example_of_newcombe():
    """56 of 70 against 48 of 80, table II of his paper: 0.0524 to 0.3339."""
    found = difference_of_shares((48, 80), (56, 70))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_nine_of_ten_against_three_of_ten():
    """His table II again: 0.1705 to 0.8090."""
    found = difference_of_shares((3, 10), (9, 10))
    assert (found.low, found.high) == pytest.approx((0.1705, 0.8090), abs=1e-4)
    assert difference_of_shares((0, 0), (3, 4)) == Estimate(None, -1, 1, 4)


@given(COUNTS, COUNTS)
def test_turned_round_a_difference_has_the_other_sign(first, second):
    there, back = difference_of_shares(first, second), difference_of_shares(second, first)
    assert there.value == pytest.approx(-back.value)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert -1 - 1e-9 <= there.low <= there.value <= there.high <= 1 + 1e-9


def test_a_gain_by_a_hundred_labels():
    found = per_hundred(Estimate(0.02, 0.01, 0.04, 500), 50)
    assert (found.value, found.low, found.high, found.n) == pytest.approx((0.04, 0.02, 0.08, 50))
    assert per_hundred(Estimate(0.02, 0.01, 0.04, 500), 19) == Estimate(
        None, -math.inf, math.inf, 19
    )


def test_errors_are_propagated():
    found = total([Estimate(0.1, 0.07, 0.15, 10), Estimate(0.2, 0.16, 0.32, 10)])
    assert (found.value, found.low, found.high) == pytest.approx((0.3, 0.25, 0.43))
    assert total([]).value is None
