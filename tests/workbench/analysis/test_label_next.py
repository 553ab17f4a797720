"""What is to be labelled next: scores by hand and by scipy, batches that differ, mixes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy
from sklearn.metrics.pairwise import cosine_distances

from workbench.analysis.label_next import (
    best_first,
    covering,
    disagreement,
    distance_from,
    diverse_batch,
    first_of_each,
    lots,
    mixed,
    unsureness,
)
from workbench.analysis.texts.text_features import latent_points, word_vectors

P = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, 0.0]])


def test_unsureness_by_hand():
    assert unsureness(P, "margin") == pytest.approx([0.5, 0.95, 1, 0])
    assert unsureness(P, "least-confidence") == pytest.approx([0.3, 0.6, 2 / 3, 0])
    assert unsureness(P, "entropy") == pytest.approx(entropy(P, axis=1))
    with pytest.raises(ValueError, match="no rule"):
        unsureness(P, "other")


def test_a_row_with_nan_has_no_score_and_comes_last():
    rows = P.copy()
    rows[1, 2] = np.nan
    scores = unsureness(rows, "margin")
    assert np.isnan(scores[1])
    assert best_first(scores, [1, 2, 3, 4]).tolist() == [2, 0, 3, 1]
    assert unsureness(np.zeros((0, 3)), "margin").tolist() == []
    assert unsureness(np.ones((2, 1)), "margin").tolist() == [0, 0]


@given(st.permutations(range(4)), st.permutations(range(3)))
def test_scores_follow_rows_and_do_not_care_what_labels_are_called(rows, labels):
    for rule in ("margin", "least-confidence", "entropy"):
        assert unsureness(P[rows][:, labels], rule) == pytest.approx(unsureness(P, rule)[rows])


def test_disagreement_is_the_divergence_of_jensen_and_shannon():
    runs = np.array([P, P[::-1]])
    assert disagreement(runs) == pytest.approx(jensenshannon(P.T, P[::-1].T) ** 2, abs=1e-9)
    opposed = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert disagreement(opposed) == pytest.approx([math.log(2)])


def test_disagreement_needs_two_runs_for_a_row():
    runs = np.array([P, P, P])
    runs[0, 0] = runs[1, 0] = np.nan
    runs[2, 1] = np.nan
    found = disagreement(runs)
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([0, 0, 0], abs=1e-9)


@given(st.lists(st.integers(1, 2**40), unique=True, max_size=30))
def test_an_order_by_lot_does_not_depend_on_the_other_tweets(ids):
    drawn = dict(zip(ids, lots(ids).tolist(), strict=True))
    for tweet in ids:
        assert lots([tweet])[0] == drawn[tweet]
    assert len(set(drawn.values())) == len(ids)


def test_lots_are_spread_evenly():
    shares = lots(range(1, 10_001)) / 2**64
    assert np.histogram(shares, 10, (0, 1))[0] == pytest.approx([1_000] * 10, abs=120)
    assert (lots(range(100), 0) != lots(range(100), 1)).all()


@given(st.permutations(list(range(12))))
def test_ties_are_broken_by_lot_whatever_the_order_of_the_rows(order):
    scores, ids = np.array([0.5] * 8 + [0.9] * 4), np.arange(100, 112)
    expected = ids[best_first(scores, ids)]
    assert ids[order][best_first(scores[order], ids[order])].tolist() == expected.tolist()
    assert set(expected[:4]) == {108, 109, 110, 111}


def test_a_batch_takes_one_of_each_kind():
    vectors = np.repeat(np.eye(4), 10, axis=0)
    scores = np.linspace(1, 0.5, 40)
    chosen = diverse_batch(scores, vectors, 4)
    assert sorted(place // 10 for place in chosen) == [0, 1, 2, 3]
    assert list(scores[chosen]) == sorted(scores[chosen], reverse=True)


def test_a_batch_of_texts_that_are_all_alike_is_full_all_the_same():
    same = word_vectors(["up again"] * 30)
    assert len(set(diverse_batch(np.full(30, 0.7), same, 5).tolist())) == 5
    assert diverse_batch(np.zeros(3), same[:3], 5).tolist() == [0, 1, 2]
    assert len(set(diverse_batch(np.zeros(30), word_vectors(["…"] * 30), 5).tolist())) == 5


def test_a_first_batch_covers_the_clusters_the_largest_first():
    vectors = np.repeat(np.eye(3), [3, 10, 5], axis=0)
    kinds = [vectors[place].argmax() for place in covering(vectors, 3)]
    assert kinds == [1, 2, 0]
    assert covering(vectors[:2], 5).tolist() == [0, 1]


def test_distance_is_that_of_the_nearest_by_cosine():
    texts = ["up we go", "down it goes", "up we go again", "bear"]
    vectors = word_vectors(texts)
    expected = cosine_distances(vectors[:2], vectors[2:]).min(axis=1)
    assert distance_from(vectors[:2], vectors[2:]) == pytest.approx(expected, abs=1e-6)
    full = vectors.toarray()
    assert distance_from(full[:2], full[2:]) == pytest.approx(expected, abs=1e-6)
    assert distance_from(vectors, vectors[:0]).tolist() == [1] * 4
    assert latent_points(vectors, 50).shape == (4, 3)
    assert latent_points(word_vectors(["", "!"])).tolist() == [[0], [0]]


def test_of_each_group_the_first_remains():
    assert first_of_each([7, 3, 7, 3, 5]).tolist() == [0, 1, 4]
    assert first_of_each([]).tolist() == []


def test_a_mix_keeps_its_shares_at_every_length():
    queues = {"a": range(100), "b": range(100, 200), "c": range(200, 300)}
    weights = {"a": 0.7, "b": 0.15, "c": 0.15}
    names = [name for name, _, _ in mixed(queues, weights)]
    for end in (20, 40, 60):
        counts = [names[:end].count(name) for name in "abc"]
        assert counts == pytest.approx([end * 0.7, end * 0.15, end * 0.15], abs=1)


@given(
    st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 9), unique=True)),
    st.fixed_dictionaries({name: st.integers(0, 5) for name in "abc"}),
)
def test_a_mix_has_each_tweet_once_and_leaves_none_out(queues, weights):
    rows = list(mixed(queues, weights))
    wanted = {t for name, tweets in queues.items() if weights[name] for t in tweets}
    assert sorted(tweet for _, _, tweet in rows) == sorted(wanted)
    for name, place, tweet in rows:
        assert queues[name][place - 1] == tweet
