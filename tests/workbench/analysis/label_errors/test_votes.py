"""Votes from several views of the texts, and how they are averaged."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.neighbors import NearestNeighbors

from workbench.analysis.label_errors import votes
from workbench.analysis.label_errors.voters import (
    Vote,
    dynamics_vote,
    embedding_votes,
    judge,
    text_votes,
)
from workbench.analysis.texts.text_features import latent_points, unit_rows, vectoriser
from workbench.analysis.texts.text_terms import without_names

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(120, 6))
LABELS = (POINTS[:, 0] + RNG.normal(size=120) > 0).astype(int) + (POINTS[:, 1] > 1.5)


@pytest.mark.parametrize("form", [np.asarray, csr_matrix])
def test_out_of_fold_probabilities_are_those_of_scikit_learn(form):
    fold_of = np.arange(120) % 4
    model = LogisticRegression(C=0.5, max_iter=1000)
    wanted = cross_val_predict(
        model, POINTS, LABELS, cv=PredefinedSplit(fold_of), method="predict_proba"
    )
    found = votes.out_of_fold(form(POINTS), LABELS, 3, [fold_of], 0.5)
    assert found == pytest.approx(wanted, abs=0.02)


def test_many_texts_are_fitted_by_another_solver_to_nearly_the_same():
    texts = [f"{'gains' if row % 3 else 'losses'} of number {row % 40}" for row in range(1_200)]
    labels = np.array([int(row % 3 > 0) ^ int(row % 10 == 0) for row in range(1_200)])
    features = vectoriser(1_200).fit_transform(texts).tocsr()
    found = votes.fit(features, labels, 2, 1.0).predict(features)
    wanted = LogisticRegression(max_iter=1000).fit(features, labels).predict_proba(features)
    assert found == pytest.approx(wanted, abs=0.05)


def test_few_texts_are_folded_three_times_and_many_once():
    few = votes.fold_plans([0, 1] * 30, range(60), 5, 0)
    assert [plan.max() for plan in few] == [9, 9, 9]
    many = votes.fold_plans([0, 1] * 1_000, range(2_000), 5, 0)
    assert [plan.max() for plan in many] == [4]


def test_a_fold_that_leaves_one_label_says_that_label():
    rows = votes.fit(POINTS[:3], np.array([2, 2, 2]), 3, 1.0).predict(POINTS[3:5])
    assert rows.tolist() == [[0, 0, 1]] * 2


@pytest.mark.parametrize("pool", [20_000, 50])
def test_neighbours_are_the_nearest_others_weighed_by_similarity_squared(monkeypatch, pool):
    monkeypatch.setattr(votes, "NEIGHBOURHOOD", pool)
    unit = unit_rows(POINTS.astype(np.float32))
    found = votes.neighbour_shares(unit, LABELS, 3)
    chosen = np.arange(120)
    if pool < 120:
        chosen = np.sort(np.random.default_rng(0).choice(120, pool, replace=False))
    near = NearestNeighbors(n_neighbors=16, metric="cosine").fit(unit[chosen])
    for row in range(120):
        distances, places = near.kneighbors(unit[[row]])
        others = [(1 - d, chosen[p]) for d, p in zip(distances[0], places[0], strict=True)]
        others = [(s, p) for s, p in others if p != row][:15]
        shares = 0.5 * np.bincount(LABELS, minlength=3) / 120
        for similarity, place in others:
            shares[LABELS[place]] += max(0, similarity) ** 2
        assert found[row] == pytest.approx(shares / shares.sum(), abs=1e-4)


def test_a_lone_text_has_the_shares_of_all():
    assert votes.neighbour_shares(np.ones((1, 2), np.float32), np.array([1]), 2).tolist() == [
        [0, 1]
    ]


def test_weights_follow_the_likelihood_and_the_prior():
    good, bad = np.array([[0.8, 0.2], [0.3, 0.7]]), np.array([[0.5, 0.5], [np.nan, np.nan]])
    labels = np.array([0, 1])
    harder = np.log(0.8 * 0.7) / 2 - np.log(0.8)  # all texts than the one that both cover
    means = [np.log(0.8 * 0.7) / 2, np.log(0.5) + harder]
    assert votes.likelihoods([good, bad], labels) == pytest.approx(means)
    ratio = 3 * np.exp(10 * (means[0] - means[1]))
    found = votes.weigh([good, bad], labels, [3, 1])
    assert found[0] / found[1] == pytest.approx(ratio)
    assert found.sum() == pytest.approx(1)


def test_a_vote_that_saw_the_labels_counts_as_the_best_of_the_others():
    honest, knows = np.array([[0.7, 0.3], [0.4, 0.6]]), np.array([[0.99, 0.01], [0.01, 0.99]])
    labels = np.array([0, 1])
    assert votes.weigh([honest, knows], labels, [1, 1])[1] > 0.9
    assert votes.weigh([honest, knows], labels, [1, 3], [False, True]) == pytest.approx(
        [0.25, 0.75]
    )
    assert votes.weigh([knows], labels, [1], [True]) == pytest.approx([1])


def test_the_nearest_others_are_those_of_scikit_learn():
    unit = unit_rows(POINTS.astype(np.float32))
    rows = np.array([5, 90])
    places, cosines = votes.nearest(unit, rows, 3)
    distances, wanted = (
        NearestNeighbors(n_neighbors=4, metric="cosine").fit(unit).kneighbors(unit[rows])
    )
    assert places.tolist() == wanted[:, 1:].tolist()
    assert cosines == pytest.approx(1 - distances[:, 1:], abs=1e-5)
    assert [found.shape for found in votes.nearest(unit[:1], np.array([0]), 3)] == [(1, 0)] * 2


def test_what_a_training_believed_of_a_given_label_is_a_vote():
    other = Vote("words", 1.0, np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.5, 0.4, 0.1]]))
    confidence, labels = np.array([0.1, 0.9, np.nan]), np.array([0, 2, 1])
    found = dynamics_vote("training", confidence, labels, [other])
    assert found.saw_labels
    assert found.probabilities[:2] == pytest.approx(
        np.array([[0.1, 0.9 * 0.75, 0.9 * 0.25], [0.05, 0.05, 0.9]])
    )
    assert np.isnan(found.probabilities[2]).all()


def test_a_vote_that_covers_nothing_has_no_weight():
    nothing = np.full((2, 2), np.nan)
    labels = np.array([0, 1])
    assert votes.weigh([nothing, np.eye(2)], labels, [1, 1]).tolist() == [0, 1]
    assert votes.weigh([nothing], labels, [1]).tolist() == [0]
    assert votes.average([nothing], np.array([0.0])).tolist() == [[0.5, 0.5]] * 2


def test_the_average_leaves_out_what_a_vote_does_not_say():
    first = np.array([[0.8, 0.2], [0.4, 0.6], [np.nan, 1]])
    second = np.array([[0.2, 0.8], [np.nan, np.nan], [np.nan, np.nan]])
    found = votes.average([first, second], np.array([0.75, 0.25]))
    assert found == pytest.approx(np.array([[0.65, 0.35], [0.4, 0.6], [0.525, 0.475]]))


def test_links_and_names_are_put_by_one_word():
    assert without_names("see https://t.co/x by @ana_1!") == "see URL by @user!"
    words = vectoriser(3).fit(["a https://t.co/x", "b https://t.co/y", "c @me"])
    assert {"url", "user"} <= set(words.transformer_list[0][1].vocabulary_)


def test_what_one_of_many_texts_has_is_left_out():
    texts = [f"common words {'rareword' * (row == 5)}" for row in range(100)]
    assert "rareword" not in vectoriser(100).fit(texts).transformer_list[0][1].vocabulary_
    assert "rareword" in vectoriser(99).fit(texts[:99]).transformer_list[0][1].vocabulary_


def test_points_of_equal_texts_are_equal_and_of_length_one():
    features = vectoriser(4).fit_transform(["up it goes", "up it goes", "down", "down we go"])
    points = latent_points(features.tocsr())
    assert np.linalg.norm(points, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert points[0] @ points[1] == pytest.approx(1, abs=1e-5)
    assert latent_points(csr_matrix((3, 1), dtype=np.float32)).tolist() == [[0.0]] * 3


def test_points_keep_the_angles_of_a_singular_value_decomposition():
    texts = [f"{word} {row % 9} moves {row % 7}" for row in range(60) for word in ("up", "down")]
    features = vectoriser(120).fit_transform(texts).tocsr()
    found = latent_points(features, 12)
    left, lengths, _ = np.linalg.svd(features.toarray(), full_matrices=False)
    wanted = unit_rows(left[:, :12] * lengths[:12])
    assert found @ found.T == pytest.approx(wanted @ wanted.T, abs=0.02)
    empty = csr_matrix((5, 4), dtype=np.float32)
    assert latent_points(empty).tolist() == np.zeros((5, 3)).tolist()


def test_all_votes_together_put_planted_errors_first():
    texts = [f"{word} number {row}" for row in range(60) for word in ("gains", "losses")]
    labels = np.array([0, 1] * 60)
    labels[[10, 51]] = 1 - labels[[10, 51]]
    plans = votes.fold_plans(labels.tolist(), range(120), 5, 0)
    vectors = np.array([[1, 0.1 * (row % 7)] if row % 2 else [-1, 0.2] for row in range(120)])
    cast = text_votes(texts, labels, 2, plans) + embedding_votes("model", vectors, labels, 2, plans)
    assert [vote.name for vote in cast] == [
        "words",
        "similar texts",
        "model",
        "neighbours by model",
    ]
    found = judge(cast, labels).noise.posterior[np.arange(120), labels]
    assert set(np.argsort(found)[:2].tolist()) == {10, 51}
