"""The cheap baseline: TF-IDF of words and characters with logistic regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from storage.errors import UserError
from workbench.analysis.folds import assign_folds

Probabilities = NDArray[np.float64]
"""(texts, labels), each row sums to 1."""


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
    present = sorted(set(labels))
    if len(present) < 2:
        raise UserError(
            "The training tweets all carry one label; label some of another kind first."
        )
    try:
        model = _model(regularisation).fit(texts, labels)
    except ValueError as error:
        raise UserError(f"The baseline cannot learn from these texts: {error}.") from None
    rows = np.zeros((len(new_texts), n_labels))
    rows[:, present] = model.predict_proba(new_texts)
    return rows


def predict_out_of_fold(
    texts: Sequence[str],
    labels: Sequence[int],
    groups: Sequence[int],
    n_labels: int,
    folds: int,
    regularisation: float,
    seed: int,
) -> Probabilities:
    """The probabilities for each text by a model that saw neither it nor a text of its group.

    Stratified folds of whole groups; `groups` holds the group of each text. Raises UserError if
    there are too few texts of a label to leave any out.
    """
    array, fold_of = np.asarray(labels), np.asarray(assign_folds(labels, groups, folds, seed))
    rows = np.zeros((len(texts), n_labels))
    for fold in range(fold_of.max() + 1):
        fit, held_out = (
            np.flatnonzero(part).tolist() for part in (fold_of != fold, fold_of == fold)
        )
        if len(set(array[fit])) < 2:
            raise UserError(
                "Too few training tweets of one label to leave any out; label more of it."
            )
        rows[held_out] = predict(
            [texts[i] for i in fit],
            array[fit].tolist(),
            [texts[i] for i in held_out],
            n_labels,
            regularisation,
        )
    return rows


def _model(regularisation: float) -> Pipeline:
    return make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
        ),
        LogisticRegression(C=regularisation, max_iter=1000),
    )
