"""How labels go wrong: the noise matrix, and the probability that a given label is right.

Probabilities that were learnt from noisy labels say what label a text is *given*. If 40 % of the
texts of one label are given as another, no text is ever given the first with more than 60 %: where
the evidence is strongest, the probability levels off at the share that is given right. A logistic
link that would go on to 1 and a noise matrix that holds it down are therefore told apart by the
likelihood of the given labels (Copas 1988, J. R. Stat. Soc. B 50:225; as a layer on a classifier,
Bootkrajang and Kabán 2012 and Sukhbaatar et al. 2014), even where errors go one way only, which
counts of confident disagreement (Northcutt et al. 2021) and EM over fixed probabilities (Dawid and
Skene 1979) put far too low: they take the flattened probabilities for what texts really are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from workbench.analysis.label_errors.votes import UNCERTAIN, Probabilities
from workbench.analysis.linear_model import softmax

STRENGTHS = (3.0, 10.0, 30.0, 100.0)
"""Texts that the prior noise counts for in each row of the matrix; what they give is averaged."""
PRIOR_ERROR = 0.1
"""The share of wrong labels that is assumed before anything is seen, spread evenly."""
START = 4.0
"""The slope of the link at first: probabilities of regularised models are too flat."""
SLOPE_PENALTY, BIAS_PENALTY = 1.0, 0.05
DEVIATION = 0.1
"""The scale of what single votes add to their average: small, so that it costs much to use."""
CELLS = 100_000
"""Texts times labels that the link is fitted on; it has few parameters."""


@dataclass(frozen=True)
class NoiseEstimate:
    """What the texts say in truth, and how truth becomes what is given."""

    posterior: Probabilities
    """(texts, labels): how probable each label is for a text, its given one known."""
    matrix: NDArray[np.float64]
    """(true, given): the share of a true label that is given as each label."""


def given_is_right(posterior: Probabilities, given: NDArray[np.int64]) -> NDArray[np.float64]:
    """The probability that each given label is right; shape (texts,)."""
    return np.asarray(posterior[np.arange(len(given)), given])


def estimate_noise(
    average: Probabilities,
    votes: Sequence[Probabilities],
    given: NDArray[np.int64],
    seed: int = 0,
) -> NoiseEstimate:
    """Estimate the noise matrix and with it the label of each text.

    `average` and each of `votes` are out-of-sample probabilities, (texts, labels); a vote may hold
    NaN for texts that it does not cover. Labels that no text is given are left aside.
    """
    n, n_labels = average.shape
    present = np.unique(given)
    if len(present) < 2:
        matrix = np.eye(n_labels)
        return NoiseEstimate(np.tile(matrix[present].sum(axis=0), (n, 1)), matrix)
    inputs = _inputs(average[:, present], [vote[:, present] for vote in votes])
    places = np.searchsorted(present, given)
    rows = np.arange(n)
    if n * len(present) > CELLS:
        wanted = max(len(present), CELLS // len(present))
        rows = np.sort(np.random.default_rng(seed).choice(n, wanted, replace=False))
    fits = [_fit(inputs[rows], places[rows], len(present), strength) for strength in STRENGTHS]
    posterior, matrix = np.zeros((n, n_labels)), np.eye(n_labels)
    found = np.mean([fit.posterior(inputs, places) for fit in fits], axis=0)
    posterior[:, present] = found
    matrix[np.ix_(present, present)] = np.mean([fit.matrix for fit in fits], axis=0)
    return NoiseEstimate(posterior, matrix)


@dataclass(frozen=True)
class _Link:
    """A multinomial logistic link with a noise matrix behind it."""

    weights: NDArray[np.float64]
    """(inputs, labels)."""
    bias: NDArray[np.float64]
    matrix: NDArray[np.float64]

    def posterior(
        self, inputs: NDArray[np.float64], given: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """q(true | text, given), in proportion to p(true | text) times matrix[true, given]."""
        joint = softmax(inputs @ self.weights + self.bias) * self.matrix.T[given]
        return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def _inputs(average: Probabilities, votes: Sequence[Probabilities]) -> NDArray[np.float64]:
    """Centred log-probabilities of the average, and how far each vote is from them."""
    mean = _centred(average)
    parts = [mean]
    if len(votes) > 1:
        parts += [DEVIATION * np.nan_to_num(_centred(vote) - mean) for vote in votes]
    return np.hstack(parts)


def _centred(probabilities: Probabilities) -> NDArray[np.float64]:
    logs = np.log(np.clip(probabilities, UNCERTAIN, 1))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def _fit(
    inputs: NDArray[np.float64], given: NDArray[np.int64], n_labels: int, strength: float
) -> _Link:
    """The link and the matrix under which the given labels are most likely, with priors.

    The gradient is that of EM's lower bound: with q = posterior, the logits' is p - q, the matrix's
    that of a multinomial with the expected counts of true and given labels.
    """
    width = inputs.shape[1]
    prior_weights = np.zeros((width, n_labels))
    prior_weights[:n_labels] = START * np.eye(n_labels)
    prior_matrix = np.full((n_labels, n_labels), PRIOR_ERROR / (n_labels - 1))
    np.fill_diagonal(prior_matrix, 1 - PRIOR_ERROR)
    prior_counts, onehot = strength * prior_matrix, np.eye(n_labels)[given]
    sizes = np.cumsum([width * n_labels, n_labels])

    def unpack(values: NDArray[np.float64]) -> _Link:
        weights, bias, cells = np.split(values, sizes)
        return _Link(
            weights.reshape(width, n_labels), bias, softmax(cells.reshape(n_labels, n_labels))
        )

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        link = unpack(values)
        true = softmax(inputs @ link.weights + link.bias)
        joint = true * link.matrix.T[given]
        likelihood = joint.sum(axis=1)
        posterior = joint / likelihood[:, None]
        counts = posterior.T @ onehot + prior_counts
        moved = link.weights - prior_weights
        value = (
            -np.log(likelihood).sum()
            - (prior_counts * np.log(link.matrix)).sum()
            + SLOPE_PENALTY * (moved**2).sum()
            + BIAS_PENALTY * (link.bias**2).sum()
        )
        parts = (
            inputs.T @ (true - posterior) + 2 * SLOPE_PENALTY * moved,
            (true - posterior).sum(axis=0) + 2 * BIAS_PENALTY * link.bias,
            counts.sum(axis=1, keepdims=True) * link.matrix - counts,
        )
        return float(value), np.concatenate([part.ravel() for part in parts])

    start = np.concatenate(
        [prior_weights.ravel(), np.zeros(n_labels), np.log(prior_matrix).ravel()]
    )
    with threadpool_limits(1):  # the products are small, and threads would wait for one another
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return unpack(found.x)
