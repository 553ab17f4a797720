"""JSON objects that lead from labels to their texts, or from texts to their labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from storage.formats.columns import MOST_LABELS, TIMES, Row
from storage.formats.source import BY_LABEL, TO_LABEL
from storage.formats.values.column_names import ALL_NAMES, LABEL_WORDS, SPLIT_NAMES, fold

TEXT, LABEL = "text", "label"
NOTICES = {
    BY_LABEL: "The keys of the file are read as the labels of the texts in their arrays.",
    TO_LABEL: "The keys of the file are read as texts, and their values as labels.",
}
SHORTEST = 10
"""Characters that texts have on average."""


def orient_of(value: Row) -> str | None:
    """Whether an object holds the texts of each label, or the label of each text."""
    if len(value) < 2:
        return None
    if _is_by_label(value):
        return BY_LABEL
    labels = {str(label) for label in value.values()}
    is_to_label = (
        all(isinstance(label, str | int) for label in value.values())
        and 1 < len(labels) <= MOST_LABELS
        and len(value) >= TIMES * len(labels)
        and _are_texts([[*value]])
    )
    return TO_LABEL if is_to_label else None


def rows(value: Row, orient: str | None) -> Iterator[Row]:
    """The texts with their labels, in columns of their own."""
    if orient == TO_LABEL:
        yield from ({TEXT: text, LABEL: label} for text, label in value.items())
        return
    for label, texts in value.items():
        for text in texts:
            yield {LABEL: label} | (text if isinstance(text, dict) else {TEXT: text})


def _is_by_label(value: Row) -> bool:
    """Whether arrays of texts stand under labels: usual ones, or arrays too unlike for columns."""
    parts = list(value.values())
    if not all(isinstance(part, list) for part in parts) or len(value) > MOST_LABELS:
        return False
    names = {fold(name) for name in value}
    if names & (ALL_NAMES | SPLIT_NAMES.keys()):
        return False
    usual = names <= LABEL_WORDS
    if usual and all(isinstance(text, dict) and LABEL not in text for p in parts for text in p):
        return True
    return _are_texts(parts) and (usual or len({len(part) for part in parts}) > 1)


def _are_texts(parts: list[list[Any]]) -> bool:
    texts = [text for part in parts for text in part]
    if not texts or not all(isinstance(text, str) for text in texts):
        return False
    return sum(map(len, texts)) >= SHORTEST * len(texts)
