"""How labels go wrong is read off noisy labels alone, and wrong ones come first by it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import cross_val_predict

from workbench.analysis.label_errors.label_noise import estimate_noise, given_is_right
from workbench.analysis.linear_model import softmax

UNIFORM = np.full((3, 3), 0.05) + np.eye(3) * 0.85
ONE_WAY = np.array([[1, 0, 0], [0, 0.6, 0.4], [0, 0, 1]])
PERMUTED = 0.8 * np.eye(3) + 0.2 * np.array([0.2, 0.3, 0.5])


def noisy_set(noise, seed=0, n=1500):
    """Points of three classes, labels that a matrix has made wrong, out-of-fold probabilities."""
    rng = np.random.default_rng(seed)
    true = rng.choice(3, n, p=[0.2, 0.3, 0.5])
    points = np.array([[3, 0], [0, 3], [-2, -2]])[true] + rng.normal(size=(n, 2)) * 1.3
    labels = np.array([rng.choice(3, p=noise[label]) for label in true])
    model = LogisticRegression(C=0.01)
    return true, labels, cross_val_predict(model, points, labels, method="predict_proba")


def ranked(probabilities, labels):
    return 1 - given_is_right(
        estimate_noise(probabilities, [probabilities], labels).posterior, labels
    )


@pytest.mark.parametrize(
    "noise", [UNIFORM, ONE_WAY, PERMUTED], ids=["uniform", "one-way", "permuted"]
)
def test_the_matrix_is_near_the_one_that_made_the_labels_wrong(noise):
    _, labels, rows = noisy_set(noise)
    found = estimate_noise(rows, [rows], labels)
    assert found.matrix.sum(axis=1) == pytest.approx(np.ones(3))
    assert np.abs(found.matrix - noise).max() < 0.1


@pytest.mark.parametrize(
    ("noise", "at_least"),
    [(UNIFORM, 0.9), (ONE_WAY, 0.85), (PERMUTED, 0.8)],
    ids=["uniform", "one-way", "permuted"],
)
def test_no_kind_of_noise_is_ranked_badly(noise, at_least):
    true, labels, rows = noisy_set(noise)
    wrong = true != labels
    assert average_precision_score(wrong, ranked(rows, labels)) > at_least


def test_errors_of_one_way_are_found_where_the_probability_of_the_given_label_finds_fewer():
    true, labels, rows = noisy_set(ONE_WAY)
    wrong = true != labels
    plain = average_precision_score(wrong, 1 - rows[np.arange(len(labels)), labels])
    assert average_precision_score(wrong, ranked(rows, labels)) > plain + 0.05


def test_equal_predictions_tell_labels_apart_by_nothing():
    labels = np.array([0, 1, 1, 2, 0, 1])
    scores = ranked(np.full((6, 3), 1 / 3), labels)
    assert np.isfinite(scores).all()
    for label in range(3):
        assert np.ptp(scores[labels == label]) < 1e-9


def test_one_label_only_is_never_suspect():
    found = estimate_noise(np.tile([0.2, 0.8], (4, 1)), [], np.zeros(4, int))
    assert found.posterior.tolist() == [[1, 0]] * 4
    assert found.matrix.tolist() == [[1, 0], [0, 1]]


def test_three_tweets_and_labels_without_tweets_have_an_answer():
    rows = np.array([[0.9, 0, 0.1, 0], [0.2, 0, 0.8, 0], [0.7, 0, 0.3, 0]])
    found = estimate_noise(rows, [rows, rows], np.array([0, 2, 2]))
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(3))
    assert found.posterior[:, [1, 3]].tolist() == [[0, 0]] * 3
    assert given_is_right(found.posterior, np.array([0, 2, 2])).argmin() == 2


def test_a_vote_that_covers_half_and_has_nan_elsewhere_is_used_where_it_is():
    true, labels, rows = noisy_set(ONE_WAY)
    half = rows.copy()
    half[::2] = np.nan
    found = estimate_noise(rows, [rows, half], labels)
    assert np.isfinite(found.posterior).all()
    scores = 1 - given_is_right(found.posterior, labels)
    assert average_precision_score(true != labels, scores) > 0.85


def test_forty_labels_of_which_some_are_given_once():
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.arange(40), rng.integers(0, 30, 260)])
    rows = softmax(rng.normal(size=(300, 40)) + 4 * np.eye(40)[labels])
    rows[7] = softmax(6 * np.eye(40)[[12]])[0]
    scores = ranked(rows, labels)
    assert np.isfinite(scores).all()
    assert 7 in np.argsort(-scores)[:10]


def test_softmax_is_that_of_scipy():
    rows = np.random.default_rng(0).normal(size=(5, 4)) * 300
    assert softmax(rows) == pytest.approx(scipy.special.softmax(rows, axis=1))


@settings(max_examples=8)
@given(seed=st.integers(0, 99))
def test_neither_the_order_of_tweets_nor_the_numbers_of_labels_matter(seed):
    _, labels, rows = noisy_set(PERMUTED, seed, n=200)
    rng = np.random.default_rng(seed)
    order, names = rng.permutation(200), rng.permutation(3)
    renamed = np.empty_like(rows)
    renamed[:, names] = rows
    scores = ranked(rows, labels)
    assert ranked(rows[order], labels[order]) == pytest.approx(scores[order], abs=0.02)
    assert ranked(renamed, names[labels]) == pytest.approx(scores, abs=0.02)
