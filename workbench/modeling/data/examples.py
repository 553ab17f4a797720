"""Labelled texts, as training and dev evaluation take them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Examples:
    """Texts and the number of the label of each."""

    texts: Sequence[str]
    labels: Sequence[int]


def balanced_weights(labels: Sequence[int]) -> list[float]:
    """A weight for each example, 1 in the mean, with which all labels that occur weigh the same."""
    counts = Counter(labels)
    return [len(labels) / (len(counts) * counts[label]) for label in labels]
