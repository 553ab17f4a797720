"""Texts as TF-IDF vectors of words and characters, and as points where near ones say alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, make_union

from workbench.analysis.text_terms import CHARACTERS, WORDS, folded

DIMENSIONS = 200
SAMPLE = 20_000
"""Texts that the directions of the points are found on."""


def vectoriser(texts: int) -> FeatureUnion:
    """TF-IDF of words 1 to 2 and characters 3 to 5, without what only one text has.

    With few `texts` nothing is left out, since hardly anything comes twice.
    """
    fewest = 2 if texts >= 100 else 1
    common = {
        "preprocessor": folded,
        "sublinear_tf": True,
        "min_df": fewest,
        "dtype": np.float32,
    }
    return make_union(
        TfidfVectorizer(ngram_range=WORDS, **common),
        TfidfVectorizer(analyzer="char_wb", ngram_range=CHARACTERS, **common),
    )


def latent_points(features: Any, seed: int = 0) -> NDArray[np.float32]:
    """Points of length 1 by latent semantic analysis (Deerwester et al. 1990); (texts, dimensions).

    A text without any feature is at the origin.
    """
    dimensions = min(DIMENSIONS, min(features.shape) - 1)
    if dimensions < 1:
        return np.zeros((features.shape[0], 1), np.float32)
    sample = features
    if features.shape[0] > SAMPLE:
        rows = np.random.default_rng(seed).choice(features.shape[0], SAMPLE, replace=False)
        sample = features[np.sort(rows)]
    axes = TruncatedSVD(dimensions, random_state=seed, n_iter=2).fit(sample)
    return unit_rows(np.asarray(axes.transform(features), np.float32))


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows with length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)
