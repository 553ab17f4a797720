"""Nearly equal texts: found whatever their order, and nothing else with them."""

from __future__ import annotations

import random

import pytest

from workbench.analysis.texts.near_duplicates import (
    THRESHOLD,
    candidates,
    components,
    nearly_equal,
    similarity,
    sketches,
)

WORDS = ("market", "opens", "lower", "shares", "engines", "rise", "good", "news", "maker", "small")


def text(seed, length=24):
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) + str(rng.randrange(50)) for _ in range(length))


def pairs_of(texts):
    return {tuple(sorted(pair)) for pair in candidates(sketches(texts)).tolist()}


def test_a_copy_with_other_case_link_and_user_is_the_same():
    one = "RT @ana: Shares of $TSLA rise 5% after strong deliveries http://t.co/abc"
    other = "rt @ben: shares of $tsla rise 5% after strong deliveries https://t.co/xyz"
    assert similarity(one, other) == 1
    assert pairs_of([one, other]) == {(0, 1)}


def test_one_changed_word_in_a_long_text_is_nearly_equal():
    long = text(1)
    changed = long.replace(long.split()[10], "something")
    assert THRESHOLD < similarity(long, changed) < 1
    assert (0, 2) in pairs_of([long, text(2), changed])


def test_different_texts_are_no_candidates():
    assert pairs_of([text(seed) for seed in range(200)]) == set()


@pytest.mark.parametrize("seed", range(5))
def test_nearly_all_pairs_above_the_threshold_are_found(seed):
    rng = random.Random(seed)
    texts = []
    for number in range(150):
        words = text(1000 * seed + number).split()
        texts.append(" ".join(words))
        words[rng.randrange(len(words))] = "other"
        texts.append(" ".join(words))
    both = [(n, n + 1) for n in range(0, len(texts), 2)]
    above = {(a, b) for a, b in both if similarity(texts[a], texts[b]) >= THRESHOLD}
    assert len(above) > 100
    assert len(above - pairs_of(texts)) <= 2


def test_other_numbers_make_another_tweet():
    long = text(1)
    assert nearly_equal(f"{long} up 5 percent today", f"{long} Up 5 percent today")
    assert not nearly_equal(f"{long} up 5 percent today", f"{long} up 6 percent today")


def test_texts_shorter_than_a_shingle_are_compared_whole():
    assert pairs_of(["up", "UP", "down"]) == {(0, 1)}
    assert similarity("up", "down") == 0


def test_pairs_hold_groups_together():
    assert components(9, [(1, 2), (2, 5), (7, 8)]) == [[1, 2, 5], [7, 8]]
    assert components(3, []) == []
