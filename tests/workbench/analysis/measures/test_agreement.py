"""Agreement beyond chance, against published examples and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from workbench.analysis.measures.agreement import (
    agreement,
    cohen_kappa,
    krippendorff_alpha,
    rating_matrix,
)

FOUR_CODERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
"""Krippendorff 2011, section C: four coders, twelve units, missing values."""


def rated(columns):
    """Ratings of annotators a, b, … from a string of labels each; . is none."""
    return rating_matrix(
        (chr(97 + who), tweet, label)
        for who, column in enumerate(columns)
        for tweet, label in enumerate(column.split())
        if label != "."
    )


def test_krippendorffs_own_example():
    found = agreement(rated(FOUR_CODERS))
    assert found["measure"] == "Krippendorff's alpha"
    assert found["value"] == pytest.approx(0.743, abs=0.0005)
    assert found["n"] == 11  # the twelfth unit has a single value
    assert found["low"] < found["value"] < found["high"]
    assert len(found["pairs"]) == 6


def test_krippendorffs_binary_example_by_hand():
    """Section A: two observers, ten units, alpha 0.095."""
    pairs = ["01", "11", "01", "00", "00", "01", "00", "00", "10", "00"]
    counts = np.array([[pair.count("0"), pair.count("1")] for pair in pairs])
    assert krippendorff_alpha(counts, ("0", "1")).value == pytest.approx(0.095, abs=0.0005)


def test_a_textbook_kappa():
    """20 times yes by both, 15 times no by both, 5 and 10 times not the same: 0.4."""
    figure = cohen_kappa(np.array([[20, 5], [10, 15]]), ("yes", "no"))
    assert figure.value == pytest.approx(0.4)
    assert (figure.low, figure.high) == pytest.approx((0.15, 0.64), abs=0.03)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=40))
def test_kappa_is_scikit_learns(labels):
    first, second = zip(*labels, strict=True)
    found = agreement(rated([" ".join(first), " ".join(second)]))
    assert found["measure"] == "Cohen's kappa"
    if len(set(first + second)) == 1:
        assert found["value"] is None
    else:
        assert found["value"] == pytest.approx(cohen_kappa_score(first, second))


def test_the_interval_covers_as_often_as_it_says():
    """Two annotators who each err on a tenth of the tweets, 150 times 200 tweets."""
    rng = np.random.default_rng(3)

    def matrix(n):
        truth = rng.random(n) < 0.5
        first, second = (truth ^ (rng.random(n) < 0.1) for _ in range(2))
        found = np.zeros((2, 2), np.int64)
        np.add.at(found, (first.astype(int), second.astype(int)), 1)
        return found

    exact = cohen_kappa(matrix(1_000_000), ("a", "b")).value
    figures = [cohen_kappa(matrix(200), ("a", "b"), seed) for seed in range(150)]
    covered = sum(figure.low <= exact <= figure.high for figure in figures)
    assert 0.88 <= covered / 150 <= 0.99


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ([], "Nobody has labelled any of these tweets"),
        (["1 2 1"], "Only a has labelled any of these tweets"),
        (["1 2 .", ". . 1"], "No tweet was labelled by two annotators"),
        (["1 1 2", "1 1 ."], "Every label on the shared tweets is 1"),
        (["1 . .", ". 1 .", ". . 2"], "No tweet was labelled by two annotators"),
        (["1 1 .", ". 1 1", "1 1 1"], "Every label on the shared tweets is 1"),
    ],
)
def test_where_it_is_undefined_a_sentence_says_why(columns, reason):
    found = agreement(rated(columns))
    assert (found["value"], found["low"], found["high"]) == (None, None, None)
    assert found["reason"].startswith(reason)


def test_a_handful_of_tweets_gives_no_interval():
    found = agreement(rated(["1 2 1 2 1 2 1 2 1", "1 2 1 2 1 2 1 2 2"]))
    assert (found["n"], found["low"], found["high"]) == (9, None, None)
    assert 0 < found["value"] < 1


def test_full_agreement_is_one_and_chance_is_none():
    assert agreement(rated(["1 2 1 2"] * 3))["value"] == pytest.approx(1)
    rng = np.random.default_rng(0)
    at_random = [" ".join(rng.choice(["1", "2", "3"], 3000)) for _ in range(3)]
    assert agreement(rated(at_random))["value"] == pytest.approx(0, abs=0.03)


def test_full_agreement_on_a_few_tweets_is_no_certainty():
    matrix = np.diag([6, 6])
    kappa = cohen_kappa(matrix, ("x", "y"))
    alpha = krippendorff_alpha(np.repeat([[2, 0], [0, 2]], 6, axis=0), ("x", "y"))
    assert kappa.value == kappa.high == alpha.value == alpha.high == 1
    assert kappa.low == pytest.approx(2 * 12 / (12 + 1.96**2) - 1, abs=1e-3)
    assert alpha.low == pytest.approx(kappa.low, abs=0.05)


def test_what_each_annotator_gave_is_counted():
    found = agreement(rated(["1 2 2 .", "1 1 2 2"]))
    assert found["annotators"] == {"a": {"1": 1, "2": 2}, "b": {"1": 2, "2": 2}}
    assert found["n"] == 3
    assert found["pairs"][0]["same"] == pytest.approx(2 / 3)
