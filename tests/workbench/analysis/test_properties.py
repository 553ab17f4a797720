"""What figures do not depend on: the order of rows, the names of labels, units, ties."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.analysis.label_errors.training_dynamics import text_dynamics
from workbench.analysis.measures.agreement import agreement, rating_matrix
from workbench.analysis.measures.comparing import count_pairs, difference, mcnemar
from workbench.analysis.measures.learning_curves import diverged_since, overfit_since, plateau_since
from workbench.analysis.measures.metrics import evaluate
from workbench.analysis.texts.near_duplicates import similarity
from workbench.analysis.uncertainty import entropies, margins

LABELS = ("a", "b", "c")
PAIRS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40)
ANY = st.randoms(use_true_random=False)
few = settings(max_examples=40)


@few
@given(PAIRS, ANY)
def test_an_evaluation_sees_neither_the_order_of_rows_nor_that_of_labels(pairs, rng):
    truth, said = zip(*pairs, strict=True)
    before = evaluate(truth, said, LABELS)
    turned = rng.sample(range(3), 3)
    shuffled = [(turned[a], turned[b]) for a, b in rng.sample(pairs, len(pairs))]
    names = [LABELS[turned.index(place)] for place in range(3)]
    after = evaluate(*zip(*shuffled, strict=True), names)
    for figure in ("n", "accuracy", "accuracy_low", "accuracy_high"):
        assert after[figure] == before[figure]
    for figure in ("macro_f1", "macro_recall"):
        assert after[figure] == pytest.approx(before[figure])
    for label, row in before["classes"].items():
        drawn = {"f1_interval"}  # resamples are drawn in the order of the labels
        kept = {name: value for name, value in row.items() if name not in drawn}
        assert kept.items() <= after["classes"][label].items()


@few
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), max_size=40), ANY
)
def test_a_comparison_sees_no_order_and_turns_its_sign_with_the_runs(rows, rng):
    def counted(of):
        columns = np.array(of, int).reshape(-1, 3).T
        return count_pairs(*columns)

    counts = counted(rows)
    assert counted(rng.sample(rows, len(rows))) == counts
    turned = rng.sample(range(3), 3)
    assert counted([tuple(turned[label] for label in row) for row in rows]) == counts
    back = replace(counts, fixed=counts.broken, broken=counts.fixed)
    change, low, high = difference(counts)
    assert difference(back) == pytest.approx((-change, -high, -low))
    assert mcnemar(back) == pytest.approx(mcnemar(counts))


@few
@given(
    st.lists(
        st.tuples(st.sampled_from("xyz"), st.integers(0, 9), st.sampled_from(LABELS)),
        unique_by=lambda row: row[:2],
    ),
    ANY,
)
def test_agreement_sees_neither_the_order_of_ratings_nor_the_names_of_labels(ratings, rng):
    other = dict(zip(LABELS, rng.sample(["p", "q", "r"], 3), strict=True))
    renamed = [(who, 100 - tweet, other[label]) for who, tweet, label in ratings]
    before = agreement(rating_matrix(ratings))
    after = agreement(rating_matrix(rng.sample(renamed, len(renamed))))
    assert (before["value"] is None) == (after["value"] is None)
    if before["value"] is not None:
        assert after["value"] == pytest.approx(before["value"])
    assert after["n"] == before["n"]


@few
@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=40), st.integers(-3, 3))
def test_a_course_is_judged_alike_in_any_unit(values, power):
    course = [(10 * (n + 1), value) for n, value in enumerate(values)]
    scaled = [(step, value * 2.0**power) for step, value in course]
    for look in (plateau_since, diverged_since, overfit_since):
        assert look(scaled) == look(course)


@few
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(0, 4), st.floats(0, 1)), unique_by=lambda r: r[:2]
    ),
    ANY,
)
def test_dynamics_see_neither_the_order_of_rows_nor_which_epoch_is_the_first(rows, rng):
    def told(of):
        columns = zip(*of, strict=True) if of else ([], [], [])
        return {text.id: asdict(text) for text in text_dynamics(*columns)}

    before = told(rows)
    after = told([(n, epoch + 7, p) for n, epoch, p in rng.sample(rows, len(rows))])
    assert after.keys() == before.keys()
    for number, figures in before.items():
        assert after[number] == pytest.approx(figures, abs=1e-9)


@few
@given(st.lists(st.lists(st.integers(1, 4), min_size=3, max_size=3), min_size=1, max_size=9), ANY)
def test_how_sure_a_row_is_does_not_depend_on_the_order_of_labels(weights, rng):
    rows = np.array(weights) / np.sum(weights, axis=1, keepdims=True)
    turned = rows[:, rng.sample(range(3), 3)]
    assert margins(turned) == pytest.approx(margins(rows))
    assert entropies(turned) == pytest.approx(entropies(rows))
    ties = np.array([row.max() == np.sort(row)[-2] for row in rows])
    assert ((margins(rows) == 0) == ties).all()


@few
@given(st.text("ab c", max_size=20), st.text("ab c", max_size=20))
def test_similarity_is_the_same_both_ways_and_one_of_equal_texts(one, other):
    assert similarity(one, other) == similarity(other, one)
    assert similarity(one, one) == 1
    assert 0 <= similarity(one, other) <= 1
