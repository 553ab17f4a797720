"""Coverage against accuracy, by hand and for any rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.analysis.measures.metrics import wilson
from workbench.analysis.measures.selective import coverage_curve, coverage_table

ROWS = st.lists(st.tuples(st.sampled_from([0.5, 0.6, 0.7, 0.9]), st.booleans()), min_size=1)


def curve(rows):
    confidence, right = zip(*rows, strict=True)
    return coverage_curve(np.array(confidence), np.array(right))


def test_a_worked_example():
    found = curve([(0.9, True), (0.6, False), (0.8, True), (0.7, True), (0.5, False)])
    half = found.at(0.5)
    assert (half.n, half.coverage, half.threshold, half.accuracy) == (3, 0.6, 0.7, 1.0)
    assert (half.low, half.high) == pytest.approx(wilson(3, 3))
    most = found.for_accuracy(0.75)
    assert (most.n, most.accuracy, most.threshold) == (4, 0.75, 0.6)
    assert curve([(0.9, False)]).for_accuracy(0.5) is None


@given(ROWS)
def test_rows_of_equal_confidence_are_answered_together_in_any_order(rows):
    found = coverage_table(curve(rows))
    assert found == coverage_table(curve(rows[::-1])) == coverage_table(curve(sorted(rows)))
    assert (found[0].coverage, found[0].n) == (1, len(rows))
    for point in found:
        answered = [right for sure, right in rows if sure >= point.threshold]
        assert (point.n, point.accuracy) == (len(answered), sum(answered) / len(answered))


@given(ROWS, st.floats(0, 1))
def test_no_more_answers_are_that_accurate(rows, wanted):
    found = curve(rows)
    most = found.for_accuracy(wanted)
    others = [found.at(coverage) for coverage in found.coverage]
    accurate = [point.n for point in others if point.accuracy >= wanted]
    assert (most.n if most else None) == max(accurate, default=None)


def test_none_have_no_curve():
    with pytest.raises(ValueError, match="needs rows"):
        coverage_curve(np.empty(0), np.empty(0, bool))
