"""The cheap baseline: TF-IDF of words and characters with logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import UserError
from workbench.analysis.baseline_model import CHARACTER, WORD, BaselineModel, hash_of
from workbench.analysis.label_errors.votes import Probabilities, fit, fold_plans, out_of_fold
from workbench.analysis.linear_model import LinearModel
from workbench.analysis.texts.text_features import fit_features, vectoriser


@dataclass(frozen=True)
class FittedBaseline:
    """A baseline on all of its texts, and the ones that left a fold of them out."""

    vectors: Any
    """What makes features of texts."""
    whole: LinearModel
    folds: tuple[LinearModel, ...]
    """Of all rounds, one after the other."""
    left_out: NDArray[np.int64]
    """(texts, rounds) which of the folds has not seen each text."""
    out_of_fold: Probabilities
    """(texts, labels) of each text by those that have not seen it."""

    def predict(self, texts: Sequence[str]) -> Probabilities:
        """The probabilities of each label for other texts."""
        if not texts:
            return np.zeros((0, len(self.whole.intercepts)))
        return self.whole.predict(self.vectors.transform(texts))


def fit_baseline(
    texts: Sequence[str],
    labels: Sequence[int],
    groups: Sequence[int],
    n_labels: int,
    folds: int,
    regularisation: float,
    seed: int,
) -> FittedBaseline:
    """Fit on labelled texts, and on all but each fold of them; `labels` are below `n_labels`.

    TF-IDF of words 1 to 2 and of characters 3 to 5 with logistic regression of the inverse strength
    C. Stratified folds of whole groups; `groups` holds the group of each text. How rare a word is,
    is counted over all texts, which tells nothing of labels. Raises UserError if there are too few
    texts of a label to leave any out, or if they hold no words.
    """
    array, plans = np.asarray(labels, int), fold_plans(labels, groups, folds, seed)
    for fold_of in plans:
        for fold in range(int(fold_of.max()) + 1):
            if len(set(array[fold_of != fold])) < 2:
                raise UserError(
                    "Too few training tweets of one label to leave any out; label more of it."
                )
    vectors = vectoriser(len(texts))
    features = fit_features(vectors, texts)
    models: list[LinearModel] = []
    rows = out_of_fold(features, array, n_labels, plans, regularisation, models.append)
    sizes = [int(fold_of.max()) + 1 for fold_of in plans]
    first = np.cumsum([0, *sizes[:-1]])
    left_out = np.stack([at + fold_of for at, fold_of in zip(first, plans, strict=True)], axis=1)
    whole = fit(features, array, n_labels, regularisation)
    return FittedBaseline(vectors, whole, tuple(models), left_out, rows)


def stored_model(fitted: FittedBaseline, texts: Sequence[str]) -> BaselineModel:
    """The model that was fitted to some texts, in the form that is kept and asked later."""
    parts = [part for _, part in fitted.vectors.transformer_list]
    names = [
        kind + term
        for kind, part in zip((WORD, CHARACTER), parts, strict=True)
        for term in part.get_feature_names_out()
    ]
    terms = np.array([hash_of(name) for name in names], np.uint64)
    order = np.argsort(terms)
    models = (fitted.whole, *fitted.folds)
    weights = np.stack([model.coefficients for model in models], axis=1)
    hashes = np.array([hash_of(text) for text in texts], np.uint64)
    by_text = np.argsort(hashes, kind="stable")
    return BaselineModel(
        terms[order],
        np.concatenate([part.idf_ for part in parts])[order].astype(np.float32),
        weights[order].astype(np.float16),
        np.stack([model.intercepts for model in models]),
        hashes[by_text],
        fitted.left_out[by_text] + 1,  # the whole one is before them
    )


def predict(
    texts: Sequence[str],
    labels: Sequence[int],
    new_texts: Sequence[str],
    n_labels: int,
    regularisation: float,
) -> Probabilities:
    """Fit on labelled texts and give the probabilities of each label for other texts.

    As `fit_baseline`, without folds. Raises UserError if the texts carry one label only, or hold no
    words.
    """
    if not new_texts:
        return np.zeros((0, n_labels))
    if len(set(labels)) < 2:
        raise UserError(
            "The training tweets all carry one label; label some of another kind first."
        )
    vectors = vectoriser(len(texts))
    features = fit_features(vectors, texts)
    model = fit(features, np.asarray(labels, int), n_labels, regularisation)
    return model.predict(vectors.transform(new_texts))
