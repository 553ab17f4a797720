"""Which tweets each step takes: a function of the seed and the epoch, and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NOISE = 32
"""Tokens; keeps the same long tweets from meeting the same others in each epoch."""


def steps_in_epoch(rows: int, per_step: int) -> int:
    """Steps that an epoch takes; its rows are dealt to them as evenly as they can be."""
    return -(-rows // per_step)


def level(lengths: Sequence[int], per_step: int, seed: int, epoch: int) -> list[list[int]]:
    """The rows of each step of an epoch, with about the same number of tokens in every step.

    The shuffled rows are sorted by length and dealt out from the longest on, as many at a time
    as there are steps, each to the step that has the fewest tokens so far. Packed into one row,
    all steps then have nearly the same shape.
    """
    generator = np.random.default_rng([seed, epoch])
    count = steps_in_epoch(len(lengths), per_step)
    order = _by_length(lengths, generator)[::-1]
    steps: list[list[int]] = [[] for _ in range(count)]
    tokens = np.zeros(count)
    for first in range(0, len(order), count):
        lightest = np.argsort(tokens + generator.uniform(0, NOISE, count), kind="stable")
        for step, row in zip(lightest, order[first : first + count], strict=False):
            steps[step].append(row)
            tokens[step] += lengths[row]
    return [steps[place] for place in generator.permutation(count)]


def grouped(lengths: Sequence[int], per_step: int, seed: int, epoch: int) -> list[list[int]]:
    """The rows of each step of an epoch, with rows of similar length in every step.

    For models whose rows cannot be packed and are padded to the longest of a batch.
    """
    generator = np.random.default_rng([seed, epoch])
    order = _by_length(lengths, generator)
    steps = [part.tolist() for part in np.array_split(order, steps_in_epoch(len(order), per_step))]
    return [steps[place] for place in generator.permutation(len(steps))]


def _by_length(lengths: Sequence[int], generator: np.random.Generator) -> list[int]:
    shuffled = generator.permutation(len(lengths))
    ranks = np.argsort(np.asarray(lengths)[shuffled], kind="stable")
    ordered: list[int] = shuffled[ranks].tolist()
    return ordered
