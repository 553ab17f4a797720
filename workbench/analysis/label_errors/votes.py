"""Out-of-sample probabilities of labels from several views of the same texts, and their average."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from workbench.analysis.folds import assign_folds
from workbench.analysis.linear_model import LinearModel

Probabilities = NDArray[np.float64]
"""(texts, labels), each row sums to 1."""
SMALL = 2_000
"""Below so many texts folds are cheap, and what is left out of training matters."""
NEIGHBOURS = 15
NEIGHBOURHOOD = 20_000
"""Texts among which neighbours are sought; more would take hours at a million."""
ROWS_AT_ONCE = 1_000
FITTED_AT_ONCE = 2
"""Folds; each has a copy of the features."""
NEAREST_AT_ONCE = 100
UNCERTAIN = 1e-4
"""Probabilities are raised to it before their logarithm."""
LIKELIHOOD_WEIGHT = 10.0
"""How much better, in nats a text, makes a vote weigh e times as much: a tenth."""


def fold_plans(
    labels: Sequence[int], groups: Sequence[int], folds: int, seed: int
) -> list[NDArray[np.int64]]:
    """The fold of each text, once; three times with twice the folds where texts are few.

    Raises UserError if there are too few texts of a label to leave any out.
    """
    few = len(labels) < SMALL
    rounds = 3 if few else 1
    return [
        np.asarray(assign_folds(labels, groups, folds * (1 + few), seed + number))
        for number in range(rounds)
    ]


def out_of_fold(
    features: Any,
    labels: NDArray[np.int64],
    n_labels: int,
    plans: Sequence[NDArray[np.int64]],
    regularisation: float,
    keep: Callable[[LinearModel], None] = lambda model: None,
) -> Probabilities:
    """The probabilities for each row of features by logistic regressions that did not see it.

    `features` is a matrix, sparse or not, of shape (texts, features), `regularisation` the inverse
    strength C. Where a fold leaves one label only, its share is 1. `keep` takes the regressions,
    fold by fold and round by round. Several folds are fitted at a time, as the solvers leave the
    interpreter to other threads, each with one thread of the linear algebra: more only wait for one
    another, up to thirty times as long.
    """
    total = np.zeros((len(labels), n_labels))
    parts = [fold_of == fold for fold_of in plans for fold in range(int(fold_of.max()) + 1)]

    def fitted(part: NDArray[np.bool_]) -> tuple[LinearModel, Probabilities]:
        seen, held_out = np.flatnonzero(~part), np.flatnonzero(part)
        model = fit(features[seen], labels[seen], n_labels, regularisation)
        return model, model.predict(features[held_out])

    with threadpool_limits(1), ThreadPoolExecutor(FITTED_AT_ONCE) as pool:
        for part, (model, rows) in zip(parts, pool.map(fitted, parts), strict=True):
            total[part] += rows
            keep(model)
    return total / len(plans)


def fit(
    features: Any, labels: NDArray[np.int64], n_labels: int, regularisation: float
) -> LinearModel:
    """A logistic regression of labels on rows of features; it gives 1 to a lone label.

    Many texts by stochastic average gradient (Schmidt, Le Roux and Bach 2017), which is five times
    faster than L-BFGS on sparse features; no probability is off by more than some hundredths.
    """
    present = np.unique(labels)
    coefficients = np.zeros((features.shape[1], n_labels), np.float32)
    intercepts = np.full(n_labels, -np.inf)
    intercepts[present] = 0
    if len(present) == 1:
        return LinearModel(coefficients, intercepts)
    many = issparse(features) and features.shape[0] >= SMALL // 2
    solver = {"solver": "sag", "tol": 0.03, "random_state": 0} if many else {"max_iter": 1000}
    model = LogisticRegression(C=regularisation, **solver)
    with threadpool_limits(1):
        model.fit(features, labels)
    fitted = present[1:] if len(present) == 2 else present  # of two, the first has the rest
    coefficients[:, fitted], intercepts[fitted] = model.coef_.T, model.intercept_
    return LinearModel(coefficients, intercepts)


def neighbour_shares(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], n_labels: int, seed: int = 0
) -> Probabilities:
    """The shares of the labels among the nearest other texts, by cosine similarity squared.

    `vectors` are of length 1. Half a text with the shares of all texts is added to the neighbours,
    so that no share is 0 (a Dirichlet prior).
    """
    n = len(vectors)
    onehot = np.eye(n_labels, dtype=np.float32)[labels]
    prior, shares = onehot.mean(axis=0), np.empty((n, n_labels))
    pool = np.arange(n)
    if n > NEIGHBOURHOOD:
        pool = np.sort(np.random.default_rng(seed).choice(n, NEIGHBOURHOOD, replace=False))
    near, k = vectors[pool], min(NEIGHBOURS, len(pool) - 1)
    if k < 1:
        return np.tile(prior.astype(float), (n, 1))
    for start in range(0, n, ROWS_AT_ONCE):
        rows = np.arange(start, min(n, start + ROWS_AT_ONCE))
        similarity = vectors[rows] @ near.T
        itself = np.searchsorted(pool, rows).clip(max=len(pool) - 1)
        hit = pool[itself] == rows
        similarity[np.flatnonzero(hit), itself[hit]] = -np.inf
        best = np.argpartition(similarity, -k, axis=1)[:, -k:]
        weight = np.maximum(0, np.take_along_axis(similarity, best, 1)) ** 2
        shares[rows] = (weight[..., None] * onehot[pool[best]]).sum(axis=1) + 0.5 * prior
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def nearest(
    vectors: NDArray[np.float32], rows: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The nearest other vectors of some rows and their cosines, (rows, count) both, nearest first.

    `vectors` are of length 1. There are fewer columns where there are fewer vectors.
    """
    count = min(count, len(vectors) - 1)
    places = np.empty((len(rows), count), np.int64)
    cosines = np.empty((len(rows), count), np.float32)
    for start in range(0, len(rows) if count else 0, NEAREST_AT_ONCE):
        part = rows[start : start + NEAREST_AT_ONCE]
        similarity = vectors[part] @ vectors.T
        similarity[np.arange(len(part)), part] = -np.inf
        best = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(similarity, best, 1)
        order = np.argsort(-found, axis=1, kind="stable")
        places[start : start + len(part)] = np.take_along_axis(best, order, 1)
        cosines[start : start + len(part)] = np.take_along_axis(found, order, 1)
    return places, cosines


def likelihoods(votes: Sequence[Probabilities], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean log-probability of the given labels by each vote, as if it covered all texts.

    A vote that covers some of them may have the easy ones, so to its mean over these is added by
    how much they are easier than all for the vote that covers most. -inf of one that covers none.
    """
    own = np.array([vote[np.arange(len(labels)), labels] for vote in votes])
    logs = np.log(np.clip(own, UNCERTAIN, 1))
    known = ~np.isnan(logs)
    most = int(known.sum(axis=1).argmax())
    means = np.full(len(votes), -np.inf)
    for place, covered in enumerate(known):
        shared = covered & known[most]
        if covered.any():
            means[place] = logs[place][covered].mean()
        if shared.any():
            means[place] += logs[most][known[most]].mean() - logs[most][shared].mean()
    return means


def weigh(
    votes: Sequence[Probabilities],
    labels: NDArray[np.int64],
    priors: Sequence[float],
    saw_labels: Sequence[bool] | None = None,
) -> NDArray[np.float64]:
    """The weight of each vote: its prior one, times e for each tenth of a nat of likelihood.

    A vote that saw the given labels finds them likely because of that, so it counts as the best of
    the others, if there are any.
    """
    found = likelihoods(votes, labels)
    saw = np.array(saw_labels or [False] * len(votes)) & np.isfinite(found)
    honest = found[~saw].max(initial=-np.inf)
    if np.isfinite(honest):
        found[saw] = honest
    best = found.max(initial=-np.inf)
    if not np.isfinite(best):
        return np.zeros(len(votes))
    weights = np.asarray(priors, float) * np.exp(LIKELIHOOD_WEIGHT * (found - best))
    return np.asarray(weights / weights.sum())


def average(votes: Sequence[Probabilities], weights: NDArray[np.float64]) -> Probabilities:
    """The weighted mean of votes; a vote with NaN for a text counts for the others only.

    Texts without any vote get the mean of those with one.
    """
    total = np.zeros_like(votes[0])
    covered = np.zeros(len(votes[0]))
    for vote, weight in zip(votes, weights, strict=True):
        known = ~np.isnan(vote).any(axis=1)
        total[known] += weight * vote[known]
        covered[known] += weight
    known = covered > 0
    total[known] /= covered[known, None]
    total[~known] = total[known].mean(axis=0) if known.any() else 1 / total.shape[1]
    return total
