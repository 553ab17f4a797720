"""Which decisions count as an annotator's own."""

from __future__ import annotations

import pytest

from storage.history import labels, snapshots
from storage.history.ratings import ratings
from storage.query.filters import FilterError


def rated(store, *arguments, **options):
    return sorted(ratings(store, *arguments, **options))


def test_the_last_label_of_each_annotator_counts(small, reopen):
    ben = reopen(small, "ben")
    labels.assign(small, [1], "negative")
    labels.assign(ben, [1], "positive")
    labels.assign(small, [1], "positive")
    labels.assign(ben, [2, 6], "negative")
    labels.mark(small, [3], "review", True)
    assert rated(small) == [
        ("ana", 1, "positive"),
        ("ben", 1, "positive"),
        ("ben", 2, "negative"),
        ("ben", 6, "negative"),
    ]


def test_a_kept_label_counts_and_a_cleared_one_does_not(small):
    labels.assign(small, [1], "positive")
    labels.assign(small, [2], "negative")
    labels.assign(small, [2], None)
    assert rated(small) == [("ana", 1, "positive")]


def test_what_is_undone_does_not_count_and_what_was_before_it_does(small):
    labels.assign(small, [1], "positive")
    labels.assign(small, [1], "negative")
    labels.undo(small)
    assert rated(small) == [("ana", 1, "positive")]
    labels.redo(small)
    assert rated(small) == [("ana", 1, "negative")]


def test_going_back_to_a_snapshot_is_nobodys_judgement(small, reopen):
    snapshots.take(small, "before")
    labels.assign(small, [1], "negative")
    snapshots.restore_snapshot(reopen(small, "ben"), "before")
    assert rated(small) == [("ana", 1, "negative")]


def test_imported_labels_are_an_annotator_only_when_asked_for(small):
    labels.assign(small, [1], "negative")
    assert rated(small, with_gold=True) == [
        ("ana", 1, "negative"),
        *(("gold", n, "positive") for n in (1, 2, 3)),
        *(("gold", n, "negative") for n in (4, 5)),
    ]


def test_a_filter_narrows_the_tweets(small):
    labels.assign(small, [1, 4, 6], "negative")
    assert rated(small, "label:negative gold:none") == [("ana", 6, "negative")]
    assert rated(small, "id:<3", with_gold=True) == [
        ("ana", 1, "negative"),
        ("gold", 1, "positive"),
        ("gold", 2, "positive"),
    ]
    with pytest.raises(FilterError):
        rated(small, "label:")
