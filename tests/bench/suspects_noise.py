"""Labels of public sets, some of them made wrong on purpose in ways that people err."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Plant = Callable[[Labels, np.random.Generator], Labels]


@dataclass(frozen=True)
class Setting:
    """A set and how its labels are made wrong."""

    name: str
    data: str
    plant: Plant
    required: bool = False
    """Whether a figure is asked for; the others are there so that nothing is tuned to those."""


def uniform(share: float) -> Plant:
    """A share of the rows gets any other label."""

    def plant(labels: Labels, rng: np.random.Generator) -> Labels:
        rows, n_labels = _some(np.arange(len(labels)), share, rng), int(labels.max()) + 1
        given = labels.copy()
        given[rows] = (labels[rows] + rng.integers(1, n_labels, len(rows))) % n_labels
        return given

    return plant


def permuted(share: float) -> Plant:
    """The labels of a share of the rows are dealt out among them anew."""

    def plant(labels: Labels, rng: np.random.Generator) -> Labels:
        rows = _some(np.arange(len(labels)), share, rng)
        given = labels.copy()
        given[rows] = labels[rng.permutation(rows)]
        return given

    return plant


def one_way(label: int, mistaken_for: int, share: float) -> Plant:
    """A share of one label is given as another, and nothing back."""

    def plant(labels: Labels, rng: np.random.Generator) -> Labels:
        given = labels.copy()
        given[_some(np.flatnonzero(labels == label), share, rng)] = mistaken_for
        return given

    return plant


SETTINGS = (
    Setting("financial news, 10 % uniform", "financial-news", uniform(0.1), True),
    Setting("financial news, 20 % permuted", "financial-news", permuted(0.2), True),
    Setting("financial news, 40 % of bullish neutral", "financial-news", one_way(1, 2, 0.4), True),
    Setting("Surge, 10 % flipped", "surge", uniform(0.1), True),
    Setting("Surge, 20 % permuted", "surge", permuted(0.2), True),
    Setting("financial news, 40 % of bearish neutral", "financial-news", one_way(0, 2, 0.4)),
    Setting("Surge, 30 % of negative positive", "surge", one_way(0, 1, 0.3)),
    Setting("TweetEval, 10 % uniform", "tweeteval", uniform(0.1)),
    Setting("TweetEval, 20 % permuted", "tweeteval", permuted(0.2)),
    Setting("TweetEval, 30 % of negative neutral", "tweeteval", one_way(0, 1, 0.3)),
    Setting("TweetEval, 20 % of neutral positive", "tweeteval", one_way(1, 2, 0.2)),
)


def read(shared: Path, data: str) -> tuple[list[str], Labels]:
    """The texts and labels of a set below `shared`/data; 4,000 tweets of TweetEval."""
    root = shared / "data"
    if data == "tweeteval":
        folder = root / "tweeteval-sentiment"
        texts = (folder / "test_text.txt").read_text("utf-8").split("\n")
        numbers = [int(line) for line in (folder / "test_labels.txt").read_text("utf-8").split()]
        rows = np.random.default_rng(7).choice(len(numbers), 4_000, replace=False)
        return [texts[row] for row in rows], np.array(numbers)[rows]
    path, text, label = {
        "financial-news": ("twitter-financial-news/sent_train.csv", "text", "label"),
        "surge": ("surge/sentiment.csv", "Tweet Text", "Sentiment"),
    }[data]
    with (root / path).open(newline="", encoding="utf-8") as file:
        records = list(csv.DictReader(file))
    names = sorted({record[label] for record in records})
    labels = np.array([names.index(record[label]) for record in records])
    return [record[text] for record in records], labels


def _some(rows: Labels, share: float, rng: np.random.Generator) -> Labels:
    return np.asarray(rng.choice(rows, round(len(rows) * share), replace=False))
