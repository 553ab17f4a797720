"""Folds hold out whole groups and share the labels out evenly."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import UserError
from workbench.analysis.folds import assign_folds


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), min_size=8, max_size=60),
    st.integers(2, 6),
    st.integers(0, 3),
)
def test_each_text_has_one_fold_and_a_group_is_in_one(rows, folds, seed):
    labels, groups = [label for label, _ in rows], [group for _, group in rows]
    if len(set(groups)) < 2:
        return
    found = assign_folds(labels, groups, folds, seed)
    assert sorted(set(found)) == list(range(max(found) + 1)) and max(found) < folds
    for group in set(groups):
        assert len({fold for fold, own in zip(found, groups, strict=True) if own == group}) == 1
    assert found == assign_folds(labels, groups, folds, seed)


def test_the_labels_are_shared_out_evenly():
    labels = [0] * 70 + [1] * 30
    found = assign_folds(labels, range(100), 5, seed=42)
    counts = Counter(zip(labels, found, strict=True))
    assert {counts[0, fold] for fold in range(5)} == {14}
    assert {counts[1, fold] for fold in range(5)} == {6}


@pytest.mark.parametrize(("labels", "groups"), [([0, 1], [1, 2]), ([0, 0, 0], [1, 1, 1]), ([], [])])
def test_too_few_texts_are_one_sentence(labels, groups):
    with pytest.raises(UserError, match="At least two different training tweets"):
        assign_folds(labels, groups, 5, seed=1)


@pytest.mark.parametrize("seed", range(5))
def test_folds_are_of_about_one_size_however_large_groups_are_and_however_many_labels(seed):
    one_large = [0] * 8 + list(range(1, 9))
    assert sorted(Counter(assign_folds([0] * 16, one_large, 2, seed)).values()) == [8, 8]
    six_labels = list(range(6)) * 4
    sizes = Counter(assign_folds(six_labels, range(24), 3, seed)).values()
    assert max(sizes) - min(sizes) <= 2
