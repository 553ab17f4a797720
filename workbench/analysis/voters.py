"""Who says what label a text has: the texts themselves, and embeddings where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.errors import UserError
from workbench.analysis.label_noise import NoiseEstimate, estimate_noise
from workbench.analysis.text_features import latent_points, unit_rows, vectoriser
from workbench.analysis.votes import (
    Probabilities,
    average,
    neighbour_shares,
    out_of_fold,
    weigh,
)

TEXT_REGULARISATION, EMBEDDING_REGULARISATION = 1.0, 3.0
"""Inverse strengths C."""


@dataclass(frozen=True)
class Vote:
    """Out-of-sample probabilities of each label for each text."""

    name: str
    prior: float
    """Its weight among others that find the given labels as likely."""
    probabilities: Probabilities


@dataclass(frozen=True)
class Judgement:
    """What all votes together say."""

    weights: NDArray[np.float64]
    """Of each vote."""
    noise: NoiseEstimate


def text_votes(
    texts: Sequence[str],
    labels: NDArray[np.int64],
    n_labels: int,
    plans: Sequence[NDArray[np.int64]],
) -> list[Vote]:
    """Votes by words and characters, and by the most similar texts; none of texts without words."""
    try:
        features = vectoriser(len(texts)).fit_transform(texts).tocsr()
    except ValueError as error:
        raise UserError(f"The baseline cannot learn from these texts: {error}.") from None
    words = out_of_fold(features, labels, n_labels, plans, TEXT_REGULARISATION)
    near = neighbour_shares(latent_points(features), labels, n_labels)
    return [Vote("words", 0.3, words), Vote("similar texts", 0.15, near)]


def embedding_votes(
    name: str,
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64],
    n_labels: int,
    plans: Sequence[NDArray[np.int64]],
) -> list[Vote]:
    """Votes by a regression on embeddings and by the nearest ones; (texts, dimensions)."""
    unit = unit_rows(np.asarray(vectors, np.float32))
    regression = out_of_fold(unit, labels, n_labels, plans, EMBEDDING_REGULARISATION)
    near = neighbour_shares(unit, labels, n_labels)
    return [Vote(name, 0.4, regression), Vote(f"neighbours by {name}", 0.15, near)]


def judge(votes: Sequence[Vote], labels: NDArray[np.int64]) -> Judgement:
    """Average the votes, those that find the given labels likely most, and estimate the noise."""
    rows = [vote.probabilities for vote in votes]
    weights = weigh(rows, labels, [vote.prior for vote in votes])
    return Judgement(weights, estimate_noise(average(rows, weights), rows, labels))
