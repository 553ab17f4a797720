"""Intervals of F1 and of means over labels, where samples are small or hold no error."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.analysis.measures.metrics import evaluate, f1_scores, macro_f1, wilson
from workbench.analysis.measures.score_intervals import f1_correlation, f1_interval, mean_interval


def report_of(matrix):
    truth, predicted = np.repeat(np.argwhere(matrix), matrix[matrix > 0], axis=0).T
    return evaluate(truth.tolist(), predicted.tolist(), [f"label {n}" for n in range(len(matrix))])


def test_two_shares_are_told_apart_as_newcombe_did():
    (low, high), (below, above) = wilson(56, 70), wilson(48, 80)
    found = mean_interval([56 / 70, -48 / 80], [(low, high), (-above, -below)])
    assert 2 * np.array(found) == pytest.approx([0.0524, 0.3339], abs=1e-4)


def test_f1_has_the_ends_of_the_share_that_it_is_made_of():
    assert f1_interval((0.0, 1.0)) == (0.0, 1.0)
    assert f1_interval(wilson(3, 5))[0] == pytest.approx(2 * 0.2307 / 1.2307, abs=1e-4)


def test_a_few_tweets_that_are_all_right_are_no_certainty():
    report = report_of(np.diag([8, 9]))
    accuracy = report["accuracy_low"]
    assert report["macro_f1_low"] == pytest.approx(accuracy, abs=0.03)
    assert report["macro_recall_low"] == pytest.approx(accuracy, abs=0.06)
    assert report["macro_f1_high"] == report["macro_recall_high"] == 1.0
    for row in report["classes"].values():
        assert row["f1_interval"] == [pytest.approx(0.82, abs=0.02), 1.0]


def test_a_rare_label_that_is_never_found_is_not_known_to_be_never_found():
    report = report_of(np.array([[88, 0], [2, 0]]))
    assert report["classes"]["label 1"]["f1_interval"] == [0.0, pytest.approx(0.794, abs=0.001)]
    assert report["macro_recall_high"] == pytest.approx(0.829, abs=0.001), "not 1, without it"
    assert report["macro_f1_high"] < 0.95


def test_errors_count_for_the_two_labels_that_they_are_between():
    shares = np.array([[0.3, 0.1, 0.0], [0.05, 0.3, 0.02], [0.01, 0.02, 0.2]])
    drawn = np.random.default_rng(3).multinomial(2_000, shares.ravel() / shares.sum(), size=4_000)
    known = np.corrcoef(f1_scores(drawn.reshape(-1, 3, 3)), rowvar=False)
    found = f1_correlation((shares / shares.sum() * 2_000).round().astype(int))
    assert found == pytest.approx(known, abs=0.06)
    assert np.linalg.eigvalsh(found).min() > -1e-9


@pytest.mark.parametrize(
    ("labels", "right", "tweets"), [(2, 0.98, 20), (3, 0.98, 60), (7, 0.9, 20)]
)
def test_intervals_hold_what_they_are_of(labels, right, tweets):
    shares = np.full((labels, labels), (1 - right) / (labels - 1) / labels)
    np.fill_diagonal(shares, right / labels)
    true = float(macro_f1(shares * 1e6))
    rng, held = np.random.default_rng(1), []
    for _ in range(60):
        report = report_of(rng.multinomial(tweets, shares.ravel()).reshape(shares.shape))
        names = ("macro_f1", true), ("macro_recall", right)
        held.append([report[f"{m}_low"] <= v <= report[f"{m}_high"] for m, v in names])
    assert np.mean(held, axis=0).min() >= 0.8, "a bootstrap alone holds 0.32 to 0.87 of them"
