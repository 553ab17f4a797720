"""Which examples each step of an epoch takes: a function of the seed and the epoch only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BALANCE_JITTER = 32
"""Tokens; keeps the same long tweets from meeting the same others in each epoch."""


def steps_per_epoch(examples: int, per_step: int) -> int:
    """Steps that an epoch takes; its examples are dealt to them as evenly as they can be."""
    return -(-examples // per_step)


def balance_tokens(lengths: Sequence[int], per_step: int, seed: int, epoch: int) -> list[list[int]]:
    """The examples of each step, with about the same number of tokens in every step.

    The shuffled examples are sorted by length and dealt out from the longest on, as many at a time
    as there are steps, each to the step that has the fewest tokens so far. Packed into one row,
    all steps then have nearly the same shape. `lengths` are the tokens of each example.
    """
    generator = np.random.default_rng([seed, epoch])
    count = steps_per_epoch(len(lengths), per_step)
    order = _shuffled_by_length(lengths, generator)[::-1]
    steps: list[list[int]] = [[] for _ in range(count)]
    tokens = np.zeros(count)
    for first in range(0, len(order), count):
        lightest = np.argsort(tokens + generator.uniform(0, BALANCE_JITTER, count), kind="stable")
        for step, example in zip(lightest, order[first : first + count], strict=False):
            steps[step].append(example)
            tokens[step] += lengths[example]
    return [steps[position] for position in generator.permutation(count)]


def group_by_length(
    lengths: Sequence[int], per_step: int, seed: int, epoch: int
) -> list[list[int]]:
    """The examples of each step, with examples of similar length in every step.

    For models whose examples cannot be packed and are padded to the longest of a batch.
    `lengths` are the tokens of each example.
    """
    generator = np.random.default_rng([seed, epoch])
    order = _shuffled_by_length(lengths, generator)
    parts = np.array_split(order, steps_per_epoch(len(order), per_step))
    steps = [part.tolist() for part in parts]
    return [steps[position] for position in generator.permutation(len(steps))]


def _shuffled_by_length(lengths: Sequence[int], generator: np.random.Generator) -> list[int]:
    """The examples from the shortest to the longest; those of one length in random order."""
    shuffled = generator.permutation(len(lengths))
    ranks = np.argsort(np.asarray(lengths)[shuffled], kind="stable")
    ordered: list[int] = shuffled[ranks].tolist()
    return ordered
