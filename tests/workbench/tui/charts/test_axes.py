"""Axes: round marks, as few as wanted, and the same frame until a point leaves it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.tui.charts.axes import Axis, axis_for, fall_axis, mark_texts, step_axis

FLOATS = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30)


@pytest.mark.parametrize(
    ("values", "most", "texts"),
    [
        ([0.41, 1.92], 4, [".5", "1.0", "1.5", "2.0"]),
        ([0.63, 0.81], 5, [".65", ".70", ".75", ".80"]),
        ([0.0, 0.003], 4, ["0", ".001", ".002", ".003"]),
        ([3.0, 41.0], 5, ["10", "20", "30", "40"]),
        ([2.0e7, 9.0e7], 5, ["2e+07", "4e+07", "6e+07", "8e+07"]),
        ([], 3, ["0", ".5", "1.0"]),
    ],
)
def test_marks_are_round_and_as_short_as_they_can_be_told_apart(values, most, texts):
    assert mark_texts(axis_for(values, most)) == texts


@settings(max_examples=100)
@given(FLOATS, st.integers(2, 12))
def test_any_values_lie_on_their_axis_and_it_has_no_more_marks_than_wanted(values, most):
    for axis in (axis_for(values, most), fall_axis(values, most)):
        assert axis.high > axis.low
        assert len(axis.marks) <= most
        assert all(axis.low <= mark <= axis.high or axis.holds(mark) for mark in axis.marks)
        for value in values:
            assert not math.isfinite(value) or axis.holds(value)
            assert math.isnan(value) or 0 <= axis.share(value) <= 1
        assert len(mark_texts(axis)) == len(axis.marks)


def test_an_axis_changes_only_when_a_value_leaves_it():
    values, axis, changes = [2.3], fall_axis([2.3], 5), 0
    for step in range(1, 400):
        values.append(2.3 * math.exp(-step / 90) + 0.02 * (step % 3))
        after = fall_axis(values, 5, axis)
        changes += after is not axis
        if after is not axis:
            assert not axis.holds(values[-1])
        axis = after
    assert changes <= 3, "a curve that falls to nothing moves its frame a few times"
    assert axis.low == 0.0


def test_a_share_never_leaves_what_shares_can_be():
    axis = axis_for([0.02, 0.999], 5, within=(0.0, 1.0))
    assert (axis.low, axis.high) == (0.0, 1.0)


def test_the_steps_of_a_run_end_where_the_axis_does():
    assert step_axis(230, 6) == Axis(0.0, 230.0, (0.0, 50.0, 100.0, 150.0, 200.0))
    assert step_axis(3, 9).marks == (0.0, 1.0, 2.0, 3.0), "there is no half step"
    assert step_axis(0, 4).high == 1.0
