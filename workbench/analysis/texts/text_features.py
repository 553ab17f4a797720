"""Texts as TF-IDF vectors of words and characters, and as points where near ones say alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, make_union
from threadpoolctl import threadpool_limits

from storage.errors import UserError
from workbench.analysis.texts.text_terms import CHARACTERS, WORDS, folded

MANY = 100
"""From so many texts on, what only one of them has is left out: it tells nothing of the others."""
DIMENSIONS = 200
SAMPLE = 20_000
"""Texts that the directions of the points are found on."""
OVERSAMPLED, ROUNDS = 10, 2
"""More directions than are kept, and rounds of power iterations: as scikit-learn's TruncatedSVD."""


def vectoriser(texts: int) -> FeatureUnion:
    """TF-IDF of words 1 to 2 and characters 3 to 5 (Salton and Buckley 1988) for so many texts."""
    return make_union(_words(texts), _tfidf(texts, analyzer="char_wb", ngram_range=CHARACTERS))


def fit_features(vectors: FeatureUnion, texts: Sequence[str]) -> Any:
    """The features of the texts that a vectoriser is fitted to, sparse, (texts, features).

    Raises UserError where no text has any.
    """
    try:
        return vectors.fit_transform(texts).tocsr()
    except ValueError as error:
        raise UserError(f"The baseline cannot learn from these texts: {error}.") from None


def word_vectors(texts: Sequence[str]) -> Any:
    """Sparse (texts, words) unit vectors: TF-IDF of words 1 to 2, to tell which texts are alike.

    A text without words is a zero vector, as all are where no text has any.
    """
    try:
        return _words(len(texts)).fit_transform(texts).tocsr()
    except ValueError:  # there is no word in them
        return csr_array((len(texts), 1), dtype=np.float32)


def latent_points(
    features: Any, dimensions: int = DIMENSIONS, seed: int = 0
) -> NDArray[np.float32]:
    """Points of length 1 by latent semantic analysis (Deerwester et al. 1990); (texts, dimensions).

    `features` are sparse, (texts, words). By random projections (Halko et al. 2011, SIAM Rev.
    53:217). A text without any feature is at the origin.
    """
    dimensions = min(dimensions, min(features.shape) - 1)
    if dimensions < 1:
        return np.zeros((features.shape[0], 1), np.float32)
    rng = np.random.default_rng(seed)
    sample = features
    if features.shape[0] > SAMPLE:
        rows = rng.choice(features.shape[0], SAMPLE, replace=False)
        sample = features[np.sort(rows)]
    drawn = min(dimensions + OVERSAMPLED, *sample.shape)
    basis = sample @ rng.standard_normal((sample.shape[1], drawn), np.float32)
    for _ in range(ROUNDS):
        basis = sample @ (sample.T @ _orthonormal(basis, drawn))
    words = sample.T @ _orthonormal(basis, drawn)
    return unit_rows(np.asarray(features @ _orthonormal(words, dimensions), np.float32))


def _orthonormal(columns: NDArray[np.float32], kept: int) -> NDArray[np.float32]:
    """The directions of columns in which they are longest, of length 1 and at right angles.

    From the eigenvectors of the columns' inner products, which are few where the rows are many.
    """
    products = (columns.T @ columns).astype(np.float64)
    with threadpool_limits(1):  # more only wait for one another where the matrix is small
        squares, turned = np.linalg.eigh(products)
    longest = np.argsort(-squares)[:kept]
    lengths = np.sqrt(np.maximum(squares[longest], 1e-10 * squares.max(initial=1e-30)))
    return np.asarray(columns @ (turned[:, longest] / lengths).astype(np.float32))


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows with length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def _words(texts: int) -> TfidfVectorizer:
    return _tfidf(texts, ngram_range=WORDS)


def _tfidf(texts: int, **how: Any) -> TfidfVectorizer:
    return TfidfVectorizer(
        preprocessor=folded,
        sublinear_tf=True,
        min_df=2 if texts >= MANY else 1,
        dtype=np.float32,
        **how,
    )
