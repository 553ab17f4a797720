"""What columns of tweets are called, and what stands in them."""

from __future__ import annotations

import re

NAMES = {
    "text": (
        "text",
        "tweet text",
        "tweet",
        "full text",
        "content",
        "body",
        "message",
        "sentence",
        "tweet content",
        "document",
        "data",
        "tokens",
    ),
    "label": (
        "label text",
        "label name",
        "label",
        "sentiment",
        "class",
        "gold",
        "target",
        "category",
        "### assistant",
        "labels",
        "polarity",
        "annotation",
        "cats",
    ),
    "id": ("external id", "tweet id", "status id", "unit id", "id", "uid", "idx"),
    "ticker": ("ticker", "stock ticker", "symbol", "cashtag", "stock"),
    "url": ("url", "tweet url", "link", "permalink"),
    "split": ("split", "data split", "dataset split", "partition", "fold", "subset", "usage"),
    "annotator": (
        "annotator",
        "worker",
        "worker id",
        "workerid",
        "annotator id",
        "rater",
        "coder",
        "labeler",
        "labeller",
        "completed by",
        "annotator name",
        "annotated by",
        "labeled by",
        "labelled by",
        "rater id",
        "coder id",
    ),
}
"""The names of the column that plays a part, the surest first."""
ALL_NAMES = frozenset(name for names in NAMES.values() for name in names)
LABEL_WORDS = frozenset(
    ("positive", "negative", "neutral", "mixed", "pos", "neg", "bullish", "bearish", "yes", "no")
)
"""What stands in a column of labels and is no name for one."""
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "valid": "dev",
    "validation": "dev",
    "val": "dev",
    "test": "test",
    "testing": "test",
}
"""The split that a value means."""


CROWD = re.compile(r"(?:input|output|answer|assignment)[.:](?=.)")
"""What crowd platforms put before the names of columns: MTurk a dot after it, Toloka a colon."""


def fold(name: str) -> str:
    """The name of a column without what differs between spellings of it."""
    name = CROWD.sub("", name.casefold().strip(), count=1)
    return " ".join(name.replace("_", " ").replace("-", " ").split())
