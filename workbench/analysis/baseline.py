"""The cheap baseline: TF-IDF of words and characters with logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from storage.errors import UserError
from workbench.analysis.text_features import vectoriser
from workbench.analysis.votes import Probabilities, fit_and_predict, fold_plans, out_of_fold


def predict(
    texts: Sequence[str],
    labels: Sequence[int],
    new_texts: Sequence[str],
    n_labels: int,
    regularisation: float,
) -> Probabilities:
    """Fit on labelled texts and give the probabilities of each label for other texts.

    TF-IDF of words 1 to 2 and of characters 3 to 5 with logistic regression; `labels` are indices
    below `n_labels`, and `regularisation` is the inverse strength C. Raises UserError if the texts
    carry one label only, or hold no words.
    """
    if not new_texts:
        return np.zeros((0, n_labels))
    if len(set(labels)) < 2:
        raise UserError(
            "The training tweets all carry one label; label some of another kind first."
        )
    vectors = vectoriser(len(texts))
    features = _features(vectors, texts)
    array = np.asarray(labels, int)
    return fit_and_predict(features, array, vectors.transform(new_texts), n_labels, regularisation)


def predict_out_of_fold(
    texts: Sequence[str],
    labels: Sequence[int],
    groups: Sequence[int],
    n_labels: int,
    folds: int,
    regularisation: float,
    seed: int,
) -> Probabilities:
    """The probabilities for each text by a model that saw neither its label nor one of its group.

    Stratified folds of whole groups; `groups` holds the group of each text. How rare a word is, is
    counted over all texts, which tells nothing of labels. Raises UserError if there are too few
    texts of a label to leave any out.
    """
    array, plans = np.asarray(labels, int), fold_plans(labels, groups, folds, seed)
    for fold_of in plans:
        for fold in range(int(fold_of.max()) + 1):
            if len(set(array[fold_of != fold])) < 2:
                raise UserError(
                    "Too few training tweets of one label to leave any out; label more of it."
                )
    features = _features(vectoriser(len(texts)), texts)
    return out_of_fold(features, array, n_labels, plans, regularisation)


def _features(vectors: Any, texts: Sequence[str]) -> Any:
    try:
        return vectors.fit_transform(texts).tocsr()
    except ValueError as error:
        raise UserError(f"The baseline cannot learn from these texts: {error}.") from None
