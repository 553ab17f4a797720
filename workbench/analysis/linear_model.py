"""A logistic regression as numbers, whoever has fitted it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LinearModel:
    """What a weighted sum of features says of each label."""

    coefficients: NDArray[np.floating]
    """(features, labels)."""
    intercepts: NDArray[np.floating]
    """(labels,); minus infinity for a label that was not among those it was fitted to."""

    def predict(self, features: Any) -> NDArray[np.float64]:
        """(texts, labels) probabilities by softmax; `features` are (texts, features)."""
        return softmax(np.asarray(features @ self.coefficients) + self.intercepts)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities from the last axis of logits (Bridle 1990)."""
    powers = np.exp(np.asarray(logits - logits.max(axis=-1, keepdims=True), np.float64))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
