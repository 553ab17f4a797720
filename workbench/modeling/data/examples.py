"""Labelled texts, as training and dev evaluation take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Examples:
    """Texts and the number of the label of each."""

    texts: Sequence[str]
    labels: Sequence[int]
