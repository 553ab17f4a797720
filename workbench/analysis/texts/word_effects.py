"""Why a text is answered as it is: what changes when words are taken out of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"\S+")
MOST_PARTS = 30
"""Parts that a text is cut into; of a longer one, several neighbouring words are a part."""
Score = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Gives the probability of each label for each text."""
Parts = tuple[int, ...]


@dataclass(frozen=True)
class TextPart:
    """A word, or some neighbouring words, and where it stands."""

    text: str
    start: int
    end: int
    effect: float
    """How much less probable the answer is without it."""


@dataclass(frozen=True)
class Removal:
    """Parts without which a text is answered otherwise."""

    parts: Parts
    """Their places among the parts."""
    text: str
    """What is left."""
    label: int
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Explanation:
    """What the answer to a text hangs on."""

    label: int
    probabilities: tuple[float, ...]
    parts: tuple[TextPart, ...]
    """In the order of the text."""
    smallest: Removal | None
    """The fewest parts without which the answer is another; None if no set that was tried is."""
    tried: int
    """The sets of parts that were taken out."""


def explain(text: str, score: Score) -> Explanation:
    """Take words out of a text and see what becomes of the answer, in one batch.

    The effect of a part is by leaving it out (occlusion; Li et al. 2016, arXiv:1612.08220). The
    smallest removal is that of Martens and Provost (2014, MIS Quarterly 38:73): all single parts,
    all pairs and all runs of parts up to half of the text are tried, and of equally many parts
    those are taken that leave the old answer the least probable.
    """
    spans = _spans(text)
    sets = _sets(len(spans))
    left = [_without(text, spans, parts) for parts in sets]
    rows = np.asarray(score([text, *left]), np.float64)
    whole, others = rows[0], rows[1:]
    label = int(whole.argmax())
    effects = {
        parts[0]: whole[label] - row[label]
        for parts, row in zip(sets, others, strict=True)
        if len(parts) == 1
    }
    return Explanation(
        label,
        tuple(whole.tolist()),
        tuple(
            TextPart(text[start:end], start, end, float(effects.get(place, 0.0)))
            for place, (start, end) in enumerate(spans)
        ),
        _smallest(sets, left, others, label),
        len(sets),
    )


def _smallest(
    sets: Sequence[Parts], left: Sequence[str], rows: NDArray[np.float64], label: int
) -> Removal | None:
    changed = [place for place in range(len(sets)) if int(rows[place].argmax()) != label]
    if not changed:
        return None
    best = min(changed, key=lambda place: (len(sets[place]), rows[place][label], sets[place]))
    row = rows[best]
    return Removal(sets[best], left[best], int(row.argmax()), tuple(row.tolist()))


def _spans(text: str) -> list[tuple[int, int]]:
    """Where the parts of a text begin and end."""
    words = [match.span() for match in WORD.finditer(text)]
    parts = np.array_split(np.arange(len(words)), min(MOST_PARTS, len(words)) or 1)
    return [(words[part[0]][0], words[part[-1]][1]) for part in parts if len(part)]


def _sets(parts: int) -> list[Parts]:
    """The sets of parts that are taken out, each leaving something."""
    if parts < 2:
        return []
    singles = [(place,) for place in range(parts)]
    pairs = list(combinations(range(parts), 2)) if parts > 2 else []
    runs = [
        tuple(range(start, start + size))
        for size in range(3, parts // 2 + 1)
        for start in range(parts - size + 1)
    ]
    return [*singles, *pairs, *runs]


def _without(text: str, spans: Sequence[tuple[int, int]], parts: Parts) -> str:
    """The text without some parts, and without the space before each."""
    kept, at = [], 0
    for place in parts:
        start, end = spans[place]
        kept.append(text[at:start].rstrip() if start else "")
        at = end
    return "".join([*kept, text[at:]]).strip()
