"""The course of a figure: bounded, in order, and true to the mean."""

from __future__ import annotations

import math
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.tui.charts.course import Course


def test_few_values_stay_as_they_are():
    course = Course()
    for step, value in ((5, 0.9), (10, 0.7), (15, math.nan), (20, 0.5)):
        course.add(step, value)
    assert course.points == ((5, 0.9), (10, 0.7), (20, 0.5))


def test_a_long_run_keeps_a_bounded_number_of_points_that_follow_it():
    course = Course(most=64)
    for step in range(1, 100_001):
        course.add(step, step / 100_000)
    points = course.points
    assert 32 <= len(points) <= 64
    assert points[-1][0] == 100_000
    assert all(abs(value - step / 100_000) < 0.05 for step, value in points)


def test_a_run_that_goes_back_to_a_checkpoint_forgets_what_it_had_there():
    course = Course()
    for step in (10, 20, 30, 40):
        course.add(step, step)
    course.add(30, 31.0)
    course.add(40, 41.0)
    assert course.points == ((10, 10), (20, 20), (30, 31.0), (40, 41.0))


@settings(max_examples=100)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(2, 40))
def test_points_stay_in_order_within_the_values(values, most):
    course = Course(most)
    for step, value in enumerate(values):
        course.add(step, value)
    points = course.points
    assert 1 <= len(points) <= most
    assert [step for step, _ in points] == sorted({step for step, _ in points})
    assert all(min(values) - 1e-6 <= value <= max(values) + 1e-6 for _, value in points)
    if len(values) <= most:
        assert fmean(value for _, value in points) == pytest.approx(fmean(values), abs=1e-6)
