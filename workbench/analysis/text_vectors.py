"""Vectors of texts by their words, for telling which are alike where there are no embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

AXES = 50
MANY = 100
"""From so many texts on, a word that only one of them has tells nothing of the others."""


def text_vectors(texts: Sequence[str]) -> Any:
    """Sparse (texts, words) unit vectors: TF-IDF of words 1 to 2 (Salton and Buckley 1988).

    A text without words is a zero vector, as all are where no text has any.
    """
    rare = 2 if len(texts) >= MANY else 1
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=rare, dtype=np.float32)
    try:
        return words.fit_transform(texts).tocsr()
    except ValueError:  # there is no word in them
        from scipy.sparse import csr_array

        return csr_array((len(texts), 1), dtype=np.float32)


def dense(vectors: Any) -> NDArray[np.float64]:
    """Vectors on few axes, dense: latent semantic analysis (Deerwester et al. 1990)."""
    if not hasattr(vectors, "tocsr"):
        return np.asarray(vectors, np.float64)
    axes = min(AXES, *(size - 1 for size in vectors.shape))
    if axes < 1 or not vectors.nnz:
        return np.zeros((vectors.shape[0], 1))
    return np.asarray(TruncatedSVD(axes, random_state=0).fit_transform(vectors), np.float64)
