"""A fitted baseline that answers at once: its terms, its weights, and who has seen which text.

Needs numpy alone, so that asking it costs the start of a process and no more. Terms and texts are
known by 64 bits of their BLAKE2b hash (Aumasson et al. 2013), in rising order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from workbench.analysis.linear_model import softmax
from workbench.analysis.texts.text_terms import character_terms, folded, word_terms

Hashes = NDArray[np.uint64]
WORD, CHARACTER = "w", "c"
WHOLE = 0
"""The place of the model that was fitted to all texts."""
ROWS_AT_ONCE = 200


@dataclass(frozen=True)
class BaselineModel:
    """Logistic regressions on the same terms: one on all texts, and each without a fold of them."""

    terms: Hashes
    """(terms,) hashes of `w` or `c` and a term."""
    rarity: NDArray[np.float32]
    """(terms,) the inverse document frequency of each."""
    weights: NDArray[np.float16]
    """(terms, models, labels)."""
    intercepts: NDArray[np.float64]
    """(models, labels)."""
    texts: Hashes
    """(texts,) those that it was fitted to."""
    unseen: NDArray[np.int64]
    """(texts, rounds) places of the models that have not seen each text."""

    def without(self, texts: Iterable[str]) -> tuple[int, ...]:
        """The places of the models that have seen none of some texts; none if all have seen one."""
        rows = [row for text in texts for row in self._rows(text)]
        if not rows:
            return (WHOLE,)
        found = set(self.unseen[rows[0]].tolist())
        for row in rows[1:]:
            found &= set(self.unseen[row].tolist())
        return tuple(sorted(found))

    def _rows(self, text: str) -> range:
        name = np.uint64(hash_of(text))
        first = int(np.searchsorted(self.texts, name, "left"))
        return range(first, int(np.searchsorted(self.texts, name, "right")))

    def predict(
        self, texts: Sequence[str], models: Sequence[int] = (WHOLE,)
    ) -> NDArray[np.float64]:
        """(texts, labels) probabilities: the mean of those of some of the models."""
        parts = [
            self._predict(texts[start : start + ROWS_AT_ONCE], list(models))
            for start in range(0, len(texts), ROWS_AT_ONCE)
        ]
        return np.concatenate([*parts, np.zeros((0, self.intercepts.shape[1]))])

    def _predict(self, texts: Sequence[str], models: list[int]) -> NDArray[np.float64]:
        counts = [[Counter(terms) for terms in terms_of(text)] for text in texts]
        place_of = self._places({name for row in counts for kind in row for name in kind})
        places = np.array(sorted(place_of.values()), np.int64)
        features = np.zeros((len(texts), len(places)), np.float32)
        for row, kinds in zip(features, counts, strict=True):
            for kind in kinds:
                held = [(place_of[name], n) for name, n in kind.items() if name in place_of]
                at, times = np.array(held, np.int64).reshape(-1, 2).T
                values = (1 + np.log(times)) * self.rarity[at]  # as sublinear_tf
                row[np.searchsorted(places, at)] = values / (np.linalg.norm(values) or 1)
        weights = np.asarray(self.weights[places][:, models], np.float32)
        return softmax(np.tensordot(features, weights, 1) + self.intercepts[models]).mean(axis=1)

    def _places(self, names: Iterable[str]) -> dict[str, int]:
        """The places of the terms that are known."""
        asked = list(names)
        hashes = np.array([hash_of(name) for name in asked], np.uint64)
        places = np.searchsorted(self.terms, hashes).clip(max=len(self.terms) - 1)
        known = np.flatnonzero(self.terms[places] == hashes)
        return {asked[at]: int(places[at]) for at in known.tolist()}


def terms_of(text: str) -> tuple[list[str], list[str]]:
    """The terms of a text by words and by characters, each with its kind before it."""
    plain = folded(text)
    return (
        [WORD + term for term in word_terms(plain)],
        [CHARACTER + term for term in character_terms(plain)],
    )


@lru_cache(maxsize=100_000)
def hash_of(text: str) -> int:
    """The 64 bits that a text or a term is known by."""
    name = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(name.digest(), "little")
