"""How the probability of a given label went over the epochs of a run (Swayamdipta et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NEVER_LEARNT = 1_000
"""The forgetfulness of a text that is never right, as in the published files."""


@dataclass(frozen=True)
class TextDynamics:
    """The figures of the data map for one text, and the slope of its curve."""

    id: int
    epochs: int
    confidence: float
    """The mean probability of the given label: low where that label is wrong."""
    variability: float
    """The standard deviation of it."""
    slope: float
    """Its rise in an epoch, by least squares: below 0 where a text is ambiguous."""
    correctness: int
    """How many epochs the given label has more than half, so is right whatever the others have."""
    forgetfulness: int
    """How many times it is right and then no longer (Toneva et al. 2019)."""
    threshold_closeness: float
    """Confidence times what is missing to 1."""


def text_dynamics(
    ids: Sequence[int], epochs: Sequence[int], probabilities: Sequence[float]
) -> list[TextDynamics]:
    """The figures of each text, the least confident first; rows with NaN are left out.

    Confidence, variability and correctness are those of Swayamdipta et al. (2020, EMNLP).
    """
    curves: dict[int, list[tuple[int, float]]] = {}
    for number, epoch, probability in zip(ids, epochs, probabilities, strict=True):
        if probability is not None and not np.isnan(probability):
            curves.setdefault(number, []).append((epoch, probability))
    found = [_of_curve(number, sorted(curve)) for number, curve in curves.items()]
    return sorted(found, key=lambda text: (text.confidence, text.id))


def _of_curve(number: int, curve: list[tuple[int, float]]) -> TextDynamics:
    epochs, values = (np.array(column, float) for column in zip(*curve, strict=True))
    right = values > 0.5
    from_mean = epochs - epochs.mean()
    spread = float((from_mean**2).sum())
    confidence = float(values.mean())
    return TextDynamics(
        number,
        len(values),
        confidence,
        float(values.std()),
        float((from_mean * values).sum() / spread) if spread else 0.0,
        int(right.sum()),
        int((right[:-1] & ~right[1:]).sum()) if right.any() else NEVER_LEARNT,
        confidence * (1 - confidence),
    )
