"""Slices: what rules say of texts, what is found, and what chance does not make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.stats import fisher_exact

from workbench.analysis.measures.metrics import wilson
from workbench.analysis.slicing.slice_counts import count_slices, rows_of
from workbench.analysis.slicing.slice_rules import (
    Condition,
    ConditionMatrix,
    DescribedTweet,
    condition_matrix,
    describe,
)
from workbench.analysis.slicing.slices import find_slices, halves

ONE_OF_EACH = {
    "to the moon 🚀": "emoji",
    "see https://x.y/z now": "url",
    "hello @ann there": "user",
    "look #winning": "hashtag",
    "this is not good": "negation",
    "I don’t think so": "negation",
    "is it so?": "question",
    "buy!": "exclamation",
    "up 5 percent": "number",
    "TO THE MOON WE GO": "capitals",
    "this is HUGE news": "shouted",
    "just words": "no cashtag",
    "$TSLA goes up": "one cashtag",
    "$A $B $C.D fell": "3+ cashtags",
}


@pytest.mark.parametrize(("text", "kind"), ONE_OF_EACH.items())
def test_a_rule_holds_of_its_text(text, kind):
    other = DescribedTweet("$A $B plain words")
    matrix = condition_matrix([DescribedTweet(text), other], least=1)
    place = matrix.conditions.index(Condition(kind))
    assert matrix.holds.toarray()[:, place].tolist() == [1, 0]


def test_words_groups_columns_and_lengths_are_conditions():
    tweets = [
        DescribedTweet("$TSLA up", 3, {"ticker": "TSLA", "url": "u" * 99, "n": None}),
        DescribedTweet("down it goes, up to nothing", 1, {"ticker": "GME"}),
    ]
    matrix = condition_matrix(tweets, least=1)
    of_first = {
        str(condition)
        for condition, holds in zip(matrix.conditions, matrix.holds.toarray()[0], strict=True)
        if holds
    }
    assert {"has “tsla”", "has “$tsla”", "ticker = TSLA", "has near-duplicates"} <= of_first
    assert "length ≤ 8" in of_first and "has “up”" not in of_first  # both have it
    assert not any("uuu" in name for name in of_first)
    both = [c for c in matrix.conditions if str(c) in ("has “tsla”", "ticker = TSLA")]
    assert describe(both) == "ticker = TSLA and has “tsla”"


def matrix_of(holds):
    names = tuple(Condition("word", f"w{n}") for n in range(holds.shape[1]))
    return ConditionMatrix(names, csr_array(holds.astype(np.float32)))


def planted(seed=0, rows=2_000, rate=0.1, worse=0.5, conditions=10):
    """Independent conditions; where the first two hold, the event is more likely."""
    rng = np.random.default_rng(seed)
    holds = rng.random((rows, conditions)) < 0.3
    event = rng.random(rows) < np.where(holds[:, 0] & holds[:, 1], worse, rate)
    return holds, event, rng.random(rows) < 0.5


def test_a_pair_that_is_worse_comes_first_with_the_figures_of_the_half_that_confirms_it():
    holds, event, half = planted()
    first = find_slices(matrix_of(holds), event, half)[0]
    rows = holds[:, 0] & holds[:, 1]
    assert (first.conditions, first.n) == ((0, 1), rows.sum())
    assert first.p == pytest.approx(fisher(rows, event, np.ones(2_000, bool)))
    less = max((half, ~half), key=lambda part: fisher(rows, event, part))
    assert (first.tested, first.hits) == ((rows & less).sum(), (rows & less & event).sum())
    assert (first.low, first.high) == wilson(first.hits, first.tested)
    assert first.p <= first.adjusted <= 0.1


@pytest.mark.parametrize(("both", "paired"), [(90, True), (91, False), (100, False)])
def test_a_second_condition_has_to_leave_clearly_less_of_the_first(both, paired):
    holds = np.zeros((400, 2))
    holds[:100, 0] = holds[:both, 1] = holds[200:300, 1] = 1
    event, half = np.arange(400) % 3 == 0, np.arange(400) % 2 == 0
    _, pairs = count_slices(matrix_of(holds), event, half)
    assert pairs.conditions.tolist() == ([[0, 1]] if paired else [])


def test_a_condition_alone_is_not_told_as_a_pair():
    holds, _, half = planted()
    rng = np.random.default_rng(5)
    event = rng.random(len(holds)) < np.where(holds[:, 3], 0.5, 0.1)
    assert [each.conditions for each in find_slices(matrix_of(holds), event, half)] == [(3,)]


def fisher(rows, event, among):
    inside, outside = rows & among, ~rows & among
    table = [
        [(inside & event).sum(), (inside & ~event).sum()],
        [(outside & event).sum(), (outside & ~event).sum()],
    ]
    return fisher_exact(table, "greater").pvalue


def test_a_condition_alone_is_tested_on_all_tweets_and_has_to_stand_out_in_both_halves():
    rng = np.random.default_rng(3)
    holds, half = rng.random((1_200, 30)) < 0.1, np.arange(1_200) % 2 == 0
    event = rng.random(1_200) < np.where(holds[:, 4], 0.4, 0.2)
    [first] = find_slices(matrix_of(holds), event, half)
    of_all = fisher(holds[:, 4], event, np.ones(1_200, bool))
    of_halves = [fisher(holds[:, 4], event, part) for part in (half, ~half)]
    assert first.p == pytest.approx(of_all)
    assert max(of_halves) > 0.1 / 30  # one half alone would not confirm it among so many
    less = [half, ~half][int(np.argmax(of_halves))]
    assert first.rate == event[holds[:, 4] & less].mean()
    event[holds[:, 4]] = half[holds[:, 4]]  # all of them in the one half and none in the other
    assert fisher(holds[:, 4], event, np.ones(1_200, bool)) < 1e-6
    assert find_slices(matrix_of(holds), event, half) == []


def test_chance_shows_a_slice_in_at_most_a_tenth_of_the_draws():
    shown = 0
    for seed in range(40):
        holds, event, half = planted(seed, rows=600, rate=0.3, worse=0.3, conditions=40)
        shown += bool(find_slices(matrix_of(holds), event, half))
    assert shown <= 7  # 4 are expected at most; more than 7 have a probability of 4 %


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_and_conditions_does_not_matter(seed):
    holds, event, half = planted(seed, rows=800)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(800), rng.permutation(10)
    found = find_slices(matrix_of(holds), event, half)
    again = find_slices(matrix_of(holds[rows][:, columns]), event[rows], half[rows])
    named = [
        (tuple(sorted(columns[list(each.conditions)].tolist())), each.n, each.hits)
        for each in again
    ]
    expected = [(each.conditions, each.n, each.hits) for each in found]
    assert named[:1] == expected[:1]
    assert sorted(named) == sorted(expected)


@pytest.mark.parametrize("rows", [0, 3, 40])
def test_few_rows_or_one_outcome_have_no_slices(rows):
    holds = np.ones((rows, 2), bool)
    for event in (np.zeros(rows, bool), np.ones(rows, bool)):
        assert find_slices(matrix_of(holds), event, np.arange(rows) % 2 == 0) == []
    empty = condition_matrix([DescribedTweet("text")] * rows)
    assert find_slices(empty, np.arange(rows) % 2 == 0, np.arange(rows) % 3 == 0) == []


def test_a_group_is_in_one_half_and_halves_are_equal_in_size():
    groups = np.arange(1, 10_001)
    first = halves(groups)
    assert abs(first.mean() - 0.5) < 0.02
    assert (halves(groups[::-1])[::-1] == first).all()
    assert abs((first[1:] == first[:-1]).mean() - 0.5) < 0.02


def test_rows_of_two_conditions_are_those_of_both():
    holds = planted()[0]
    assert (rows_of(matrix_of(holds), (2, 4)) == (holds[:, 2] & holds[:, 4])).all()


def test_a_pair_that_is_no_worse_than_its_condition_is_not_shown_beside_it():
    half = np.arange(2_000) % 2 == 0
    rng = np.random.default_rng(1)
    holds = rng.random((2_000, 12)) < 0.5
    holds[:, 0] = np.arange(2_000) < 240
    # as if found in the first half, where the pair is the worst; in the other the rest is as bad
    share = np.where(half, np.where(holds[:, 1], 0.7, 0.1), np.where(holds[:, 1], 0.4, 1.0))
    event = rng.random(2_000) < np.where(holds[:, 0], share, 0.1)
    shown = [each.conditions for each in find_slices(matrix_of(holds), event, half)]
    assert (0,) in shown and (0, 1) not in shown
