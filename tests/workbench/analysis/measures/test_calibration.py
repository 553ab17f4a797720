"""Calibration: against other programs, and what holds for any probabilities."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2
from sklearn import metrics as reference

from workbench.analysis.measures.calibration import (
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    bootstrap_intervals,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
    scale_by_temperature,
    temperature_interval,
)
from workbench.analysis.measures.metrics import wilson


@st.composite
def judged(draw, least=1):
    """Probabilities of some rows with their true labels."""
    rows, labels = draw(st.integers(least, 60)), draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    logits = rng.normal(0, draw(st.floats(0.1, 8)), (rows, labels))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True), rng.integers(0, labels, rows).tolist()


def drawn(rows: int, sharpness: float = 1.0, seed: int = 4):
    """Rows whose labels are drawn from the probabilities, which then are made sharper."""
    rng = np.random.default_rng(seed)
    honest = rng.dirichlet([1, 1, 1], rows)
    truth = (honest.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1).clip(max=2).tolist()
    return scale_by_temperature(honest, 1 / sharpness), truth


def test_the_error_of_a_worked_example():
    # two bins: confidences .6 .7 (one right), .8 .9 (both right)
    rows = [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]]
    assert expected_calibration_error(rows, [0, 1, 1, 1], bins=2) == pytest.approx(
        (abs(1 - 1.3) + abs(2 - 1.7)) / 4
    )


def test_honest_probabilities_have_little_error_and_sharper_ones_more():
    assert expected_calibration_error(*drawn(20_000)) < 0.015
    assert expected_calibration_error(*drawn(20_000, sharpness=3)) > 0.15


def test_the_temperature_takes_sharpness_back():
    assert fit_temperature(*drawn(20_000, sharpness=3)) == pytest.approx(3, rel=0.05)
    assert fit_temperature(*drawn(20_000)) == pytest.approx(1, rel=0.05)


def test_rows_that_are_all_right_or_all_wrong_stop_at_the_bounds():
    rows = [[0.8, 0.2], [0.7, 0.3]]
    assert fit_temperature(rows, [0, 0]) == pytest.approx(MIN_TEMPERATURE, rel=0.01)
    assert fit_temperature(rows, [1, 1]) == pytest.approx(MAX_TEMPERATURE, rel=0.01)


def test_certainty_that_is_wrong_is_finite():
    assert 80 < negative_log_likelihood([[1.0, 0.0]], [1]) < 90
    assert brier_score([[1.0, 0.0]], [1]) == 2
    assert expected_calibration_error([[1.0, 0.0]], [1]) == 1


@pytest.mark.parametrize(
    "figure", [expected_calibration_error, negative_log_likelihood, brier_score, fit_temperature]
)
def test_no_rows_have_no_figure(figure):
    with pytest.raises(ValueError, match="needs rows"):
        figure(np.empty((0, 2)), [])


@settings(max_examples=30)
@given(judged())
def test_figures_are_what_sklearn_says(rows):
    probabilities, truth = rows
    labels = range(probabilities.shape[1])
    above = np.maximum(probabilities, 1e-15)  # what is below is cut off at another place there
    assert negative_log_likelihood(above, truth) == pytest.approx(
        reference.log_loss(truth, above, labels=labels)
    )
    wanted = np.eye(len(labels))[truth]
    assert brier_score(*rows) == pytest.approx(((probabilities - wanted) ** 2).sum(1).mean())


@given(judged(), st.integers(1, 20))
def test_the_error_is_a_share_and_blind_to_the_order_of_the_labels(rows, bins):
    probabilities, truth = rows
    found = expected_calibration_error(probabilities, truth, bins)
    assert 0 <= found <= 1
    turned = [probabilities.shape[1] - 1 - label for label in truth]
    assert expected_calibration_error(probabilities[:, ::-1], turned, bins) == pytest.approx(found)


@given(judged())
def test_one_bin_compares_the_means(rows):
    probabilities, truth = rows
    right = (probabilities.argmax(axis=1) == truth).mean()
    assert expected_calibration_error(*rows, bins=1) == pytest.approx(
        abs(right - probabilities.max(axis=1).mean())
    )


@given(judged(), st.floats(0.1, 10))
def test_a_temperature_keeps_order_and_sum(rows, value):
    probabilities, _ = rows
    changed = scale_by_temperature(probabilities, value)
    assert changed.sum(axis=1) == pytest.approx(1)
    likeliest = np.take_along_axis(changed, probabilities.argmax(axis=1)[:, None], axis=1)[:, 0]
    assert likeliest == pytest.approx(changed.max(axis=1))
    kept = changed.min(axis=1) > 1e-30  # the rest is as good as certain
    back = scale_by_temperature(changed, 1 / value)
    assert back[kept] == pytest.approx(probabilities[kept], abs=1e-6)


@given(judged())
def test_no_other_temperature_is_better(rows):
    probabilities, truth = rows
    found = fit_temperature(probabilities, truth)
    best = negative_log_likelihood(scale_by_temperature(probabilities, found), truth)
    assert best <= negative_log_likelihood(probabilities, truth) + 1e-6
    for other in (found * 0.9, found * 1.1):
        if MIN_TEMPERATURE <= other <= MAX_TEMPERATURE:
            assert (
                best
                <= negative_log_likelihood(scale_by_temperature(probabilities, other), truth) + 1e-6
            )


@given(judged(), st.integers(1, 20), st.randoms(use_true_random=False))
def test_bins_do_not_divide_rows_of_equal_confidence_nor_see_their_order(rows, bins, random):
    probabilities = np.round(rows[0], 1)
    truth = np.asarray(rows[1])
    found = reliability(probabilities, truth, bins)
    assert sum(part.n for part in found) == len(truth) and len(found) <= bins
    assert all(a.highest < b.lowest for a, b in pairwise(found))
    order = np.array(random.sample(range(len(truth)), len(truth)))
    again = reliability(probabilities[order], truth[order], bins)
    assert [(p.n, p.accuracy, p.lowest, p.highest) for p in again] == [
        (p.n, p.accuracy, p.lowest, p.highest) for p in found
    ]
    error = expected_calibration_error(probabilities, truth, bins)
    assert error == pytest.approx(
        sum(p.n * abs(p.accuracy - p.confidence) for p in found) / len(truth)
    )


def test_bins_of_a_worked_example_have_wilson_intervals():
    rows = [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]]
    unsure, sure = reliability(rows, [0, 1, 1, 1], bins=2)
    assert (unsure.n, unsure.lowest, unsure.highest, unsure.accuracy) == (2, 0.6, 0.7, 0.5)
    assert (sure.low, sure.high) == wilson(2, 2)
    assert sure.off == ""
    assert reliability([[0.99, 0.01]] * 50, [0, 1] * 25)[0].off == "too sure"
    assert reliability([[0.55, 0.45]] * 50, [0] * 50)[0].off == "too unsure"


def test_means_over_rows_have_the_intervals_of_the_normal_distribution():
    rows, truth = drawn(400)
    own = np.array(rows)[np.arange(400), truth]
    found = bootstrap_intervals(rows, truth)
    losses = {"nll": -np.log(own), "brier": ((rows - np.eye(3)[truth]) ** 2).sum(axis=1)}
    for name, values in losses.items():
        half = 1.96 * values.std() / 20
        assert found[name] == pytest.approx((values.mean() - half, values.mean() + half), rel=0.04)
    low, high = found["ece"]
    assert 0 <= low < expected_calibration_error(rows, truth) < high


@settings(max_examples=30)
@given(judged())
def test_no_resample_of_a_certain_figure_differs(rows):
    probabilities, truth = rows
    intervals = bootstrap_intervals(np.tile(probabilities[:1], (9, 1)), truth[:1] * 9)
    for name in ("nll", "brier"):
        assert intervals[name][0] == pytest.approx(intervals[name][1])


@settings(max_examples=60)
@given(judged(), st.integers(1, 20))
def test_each_figure_lies_in_its_interval(rows, bins):
    figures = {
        "ece": expected_calibration_error(*rows, bins),
        "nll": negative_log_likelihood(*rows),
        "brier": brier_score(*rows),
    }
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("workbench.analysis.measures.calibration.RESAMPLES", 200)
        for name, (low, high) in bootstrap_intervals(*rows, bins).items():
            assert low - 1e-9 <= figures[name] <= high + 1e-9


@pytest.mark.parametrize("rows", [100, 1_000])
def test_the_error_of_probabilities_that_hold_may_be_none_and_of_sharper_ones_may_not(
    rows, monkeypatch
):
    monkeypatch.setattr("workbench.analysis.measures.calibration.RESAMPLES", 200)
    lowest = [bootstrap_intervals(*drawn(rows, seed=n), bins=10)["ece"][0] for n in range(20)]
    assert lowest.count(0) >= 17, "19 are to be expected"
    assert bootstrap_intervals(*drawn(rows, sharpness=3), bins=10)["ece"][0] > 0.1


def test_a_temperature_is_known_as_far_as_the_likelihood_says():
    rows, truth = drawn(300, sharpness=1.5)
    best = fit_temperature(rows, truth)
    low, high = temperature_interval(rows, truth, best)
    assert low < 1.5 < high and low < best < high
    for end in (low, high):
        losses = [
            negative_log_likelihood(scale_by_temperature(rows, at), truth) for at in (end, best)
        ]
        assert 2 * 300 * (losses[0] - losses[1]) == pytest.approx(chi2.ppf(0.95, 1), abs=0.01)
    few = temperature_interval(rows[:30], truth[:30], fit_temperature(rows[:30], truth[:30]))
    assert few[1] - few[0] > high - low
    certain = temperature_interval([[0.9, 0.1]] * 9, [0] * 9, MIN_TEMPERATURE)
    assert certain[0] == pytest.approx(MIN_TEMPERATURE)
