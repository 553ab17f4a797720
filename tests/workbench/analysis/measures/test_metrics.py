"""Figures against those of other programs, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as reference

from workbench.analysis.measures.metrics import confusion, evaluate, macro_f1, macro_recall, wilson


def test_wilson_of_eight_in_ten():
    assert wilson(8, 10) == pytest.approx((0.490, 0.943), abs=5e-4)


@pytest.mark.parametrize("trials", [1, 2, 7, 100, 12_284])
def test_wilson_is_what_scipy_says(trials):
    for successes in {0, 1, trials // 3, trials - 1, trials}:
        interval = binomtest(successes, trials).proportion_ci(method="wilson")
        assert wilson(successes, trials) == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_the_interval_of_nothing_is_everything():
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_labels", [2, 3, 5])
def test_figures_are_what_sklearn_says(seed, n_labels):
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(0, n_labels, (2, 200)).tolist()
    names = [f"label {n}" for n in range(n_labels)]
    report = evaluate(truth, predicted, names)
    assert report["confusion"] == reference.confusion_matrix(truth, predicted).tolist()
    assert report["accuracy"] == pytest.approx(reference.accuracy_score(truth, predicted))
    assert report["macro_f1"] == pytest.approx(
        reference.f1_score(truth, predicted, average="macro")
    )
    assert report["macro_recall"] == pytest.approx(
        reference.balanced_accuracy_score(truth, predicted)
    )
    columns = reference.precision_recall_fscore_support(truth, predicted)
    for name, precision, recall, f1, n in zip(names, *columns, strict=True):
        row = report["classes"][name]
        values = (row["precision"], row["recall"], row["f1"], row["n"])
        assert values == pytest.approx((precision, recall, f1, n))


@pytest.mark.parametrize("n", [1, 2, 10, 100, 1000])
def test_every_interval_holds_its_figure(n):
    rng = np.random.default_rng(n)
    truth = rng.integers(0, 3, n)
    predicted = np.where(rng.random(n) < 0.7, truth, rng.integers(0, 3, n))
    report = evaluate(truth.tolist(), predicted.tolist(), ["a", "b", "c"])
    assert report["n"] == n
    for name in ("accuracy", "macro_f1", "macro_recall"):
        assert 0 <= report[f"{name}_low"] <= report[name] <= report[f"{name}_high"] <= 1
    for row in report["classes"].values():
        for name in ("precision", "recall", "f1"):
            low, high = row[f"{name}_interval"]
            assert 0 <= low <= high <= 1
            assert row[name] is None or low <= row[name] <= high


def test_intervals_narrow_with_more_tweets():
    def width(n):
        report = evaluate([0, 1] * n, [0, 0, 1, 1] * (n // 2), ["a", "b"])
        return report["macro_f1_high"] - report["macro_f1_low"]

    assert width(1000) < width(100) < width(10)


def test_the_same_predictions_give_the_same_report():
    assert evaluate([0, 1, 1], [0, 1, 0], ["a", "b"]) == evaluate([0, 1, 1], [0, 1, 0], ["a", "b"])


def test_a_label_that_never_occurs_does_not_count():
    report = evaluate([0, 0, 1], [0, 0, 1], ["a", "b", "never"])
    assert report["macro_f1"] == 1.0
    assert report["classes"]["never"]["f1"] is None
    assert report["classes"]["never"]["recall_interval"] == [0.0, 1.0]


def test_nothing_has_no_figures():
    report = evaluate([], [], ["a", "b"])
    assert (report["n"], report["accuracy"]) == (0, None)
    assert (report["accuracy_low"], report["accuracy_high"]) == (0.0, 1.0)


def test_rows_are_labels_and_columns_predictions():
    assert confusion([0, 0, 1], [1, 1, 1], 2).tolist() == [[0, 2], [0, 1]]
    assert macro_f1(np.array([[0, 2], [0, 1]])) == pytest.approx(0.25)


def test_tweeteval_gives_the_published_figures(shared_data):
    folder = shared_data / "tweeteval-sentiment"

    def numbers(name):
        return [int(line) for line in (folder / name).read_text().split()]

    report = evaluate(
        numbers("test_labels.txt"),
        numbers("predictions_roberta_rt.txt"),
        ["negative", "neutral", "positive"],
    )
    assert report["n"] == 12_284
    assert report["accuracy"] == pytest.approx(0.723, abs=5e-4)
    recalls = [row["recall"] for row in report["classes"].values()]
    assert np.mean(recalls) == pytest.approx(0.729, abs=5e-4)
    assert report["accuracy_high"] - report["accuracy_low"] < 0.017


def test_macro_recall_is_over_the_labels_that_occur():
    # recalls 1/2 and 1; the third label is predicted but occurs nowhere
    assert macro_recall(np.array([[1, 0, 1], [0, 3, 0], [0, 0, 0]])) == pytest.approx(0.75)
