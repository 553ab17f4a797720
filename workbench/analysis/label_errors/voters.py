"""Who says what label a text has: texts themselves, embeddings, the course of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.label_errors.label_noise import NoiseEstimate, estimate_noise
from workbench.analysis.label_errors.votes import (
    UNCERTAIN,
    Probabilities,
    average,
    neighbour_shares,
    out_of_fold,
    weigh,
)
from workbench.analysis.texts.text_features import (
    fit_features,
    latent_points,
    unit_rows,
    vectoriser,
)

TEXT_REGULARISATION, EMBEDDING_REGULARISATION = 1.0, 3.0
"""Inverse strengths C."""
WORDS, SIMILAR = "words", "similar texts"
WORDS_PRIOR, EMBEDDING_PRIOR, NEIGHBOURS_PRIOR, DYNAMICS_PRIOR = 0.3, 0.4, 0.15, 0.4


@dataclass(frozen=True)
class Vote:
    """Probabilities of each label for each text; NaN where a vote says nothing."""

    name: str
    prior: float
    """Its weight among others that find the given labels as likely."""
    probabilities: Probabilities
    saw_labels: bool = False
    """Whether it learnt from the given labels of the very texts, so is not out of sample."""


@dataclass(frozen=True)
class Judgement:
    """What all votes together say."""

    weights: NDArray[np.float64]
    """Of each vote."""
    noise: NoiseEstimate


def text_features(texts: Sequence[str]) -> Any:
    """TF-IDF of words and characters, (texts, features); raises UserError where no text has any."""
    return fit_features(vectoriser(len(texts)), texts)


def text_votes(
    texts: Sequence[str],
    labels: NDArray[np.int64],
    n_labels: int,
    plans: Sequence[NDArray[np.int64]],
) -> list[Vote]:
    """Votes by words and characters, and by the most similar texts; none of texts without words."""
    features = text_features(texts)
    return [
        word_vote(features, labels, n_labels, plans),
        neighbour_vote(SIMILAR, latent_points(features), labels, n_labels),
    ]


def word_vote(
    features: Any,
    labels: NDArray[np.int64],
    n_labels: int,
    plans: Sequence[NDArray[np.int64]],
) -> Vote:
    """A vote by words and characters, from their (texts, features)."""
    rows = out_of_fold(features, labels, n_labels, plans, TEXT_REGULARISATION)
    return Vote(WORDS, WORDS_PRIOR, rows)


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
    return [
        Vote(name, EMBEDDING_PRIOR, regression),
        neighbour_vote(f"neighbours by {name}", unit, labels, n_labels),
    ]


def neighbour_vote(
    name: str, points: NDArray[np.float32], labels: NDArray[np.int64], n_labels: int
) -> Vote:
    """A vote by the labels of the nearest other texts; `points` are of length 1."""
    return Vote(name, NEIGHBOURS_PRIOR, neighbour_shares(points, labels, n_labels))


def dynamics_vote(
    name: str,
    confidence: NDArray[np.float64],
    labels: NDArray[np.int64],
    votes: Sequence[Vote],
) -> Vote:
    """A vote by the mean probability of each given label over the epochs of a training.

    `confidence` is (texts,), NaN where the run was not trained on the text with this label: low
    means speak for wrong labels (Swayamdipta et al. 2020), since what contradicts the rest is
    learnt late. What the given label lacks goes to the others as the other votes share it out.
    """
    rows = [vote.probabilities for vote in votes]
    shares = average(rows, weigh(rows, labels, [vote.prior for vote in votes]))
    own = np.arange(len(labels)), labels
    others = np.maximum(shares, UNCERTAIN)
    others[own] = 0
    others /= others.sum(axis=1, keepdims=True)
    found = others * (1 - confidence)[:, None]
    found[own] = confidence
    return Vote(name, DYNAMICS_PRIOR, found, saw_labels=True)


def judge(votes: Sequence[Vote], labels: NDArray[np.int64]) -> Judgement:
    """Average the votes, those that find the given labels likely most, and estimate the noise.

    What single votes add to their average is taken of those that did not see the labels.
    """
    rows = [vote.probabilities for vote in votes]
    priors, saw = [vote.prior for vote in votes], [vote.saw_labels for vote in votes]
    weights = weigh(rows, labels, priors, saw)
    apart = [vote.probabilities for vote in votes if not vote.saw_labels]
    return Judgement(weights, estimate_noise(average(rows, weights), apart, labels))
