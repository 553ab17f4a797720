"""Prompts in batches of similar length: within limits, with as little padding as can be."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from workbench.modeling.scoring.batching import divide_by_length


def cost(lengths, batches, least):
    sizes = [len(batch) * max(lengths[number] for number in batch) for batch in batches]
    return sum(max(size, least) + least / 8 for size in sizes)


def tweets(count, seed=0):
    draw = random.Random(seed)
    return [min(256, max(9, int(draw.lognormvariate(3.9, 0.5)))) for _ in range(count)]


def test_each_prompt_is_in_one_batch_within_the_limit():
    lengths = [*tweets(300), 900]
    batches = divide_by_length(lengths, 600, 100)
    assert sorted(number for batch in batches for number in batch) == list(range(301))
    assert all(
        len(batch) == 1 or len(batch) * max(lengths[n] for n in batch) <= 600 for batch in batches
    )
    longest = [max(lengths[number] for number in batch) for batch in batches]
    assert longest == sorted(longest)
    assert divide_by_length([], 600, 100) == [] and divide_by_length([3], 1, 100) == [[0]]


@pytest.mark.parametrize("least", [1, 30, 400])
def test_no_other_division_by_length_costs_less(least):
    """Of all ways to divide eight lengths, which are tried one by one."""
    lengths = [3, 3, 4, 9, 9, 9, 20, 21, 40, 41, 80]
    widths = sorted({*lengths})
    found = cost(lengths, divide_by_length(lengths, 10_000, least), least)
    for ways in range(2 ** (len(widths) - 1)):
        ends = [n + 1 for n in range(len(widths) - 1) if ways >> n & 1]
        parts = [widths[a:b] for a, b in pairwise([0, *ends, len(widths)])]
        batches = [[n for n, length in enumerate(lengths) if length in part] for part in parts]
        assert found <= cost(lengths, batches, least)


def test_a_few_tweets_are_not_padded_to_the_longest_of_all():
    lengths = tweets(41)
    padded = cost(lengths, divide_by_length(lengths, 16_384, 1_024), 0)
    assert padded < 0.75 * len(lengths) * max(lengths)
    many = tweets(16_384)
    assert cost(many, divide_by_length(many, 16_384, 1_024), 0) < 1.01 * sum(many)
