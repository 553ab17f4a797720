"""How unsure predictions are, from (rows, labels) probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def margins(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest minus the second largest probability of each row; shape (rows,), from 0 to 1.

    Scheffer et al. (2001, IDA).
    """
    ordered = np.sort(probabilities, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2] if ordered.shape[1] > 1 else ordered[:, -1])


def entropies(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The entropy of each row of probabilities (Shannon 1948), in nats; shape (rows,)."""
    safe = np.clip(probabilities, 1e-12, 1.0)
    return np.asarray(-(probabilities * np.log(safe)).sum(axis=1))
