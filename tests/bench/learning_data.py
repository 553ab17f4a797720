"""The tweets of learning.py in one small file: an unlabelled corpus and two labelled sets."""

from __future__ import annotations

import csv
import gzip
import io
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storage.config import Config
from storage.text import content_hash, split_of
from workbench.modeling.data.examples import Examples

FILE = "learning.parquet"
CORPUS, HELD_OUT = "corpus", "held out"
SETS = {
    "financial-news": ("Negative", "Positive", "Neutral"),
    "surge": ("Positive", "Negative"),
}
"""The labelled sets with their label words; the numbers of labels are places in these."""
HELD_OUT_SHARE = 0.02
DEV_SHARE = 0.1


@dataclass(frozen=True)
class Labelled:
    """A labelled set."""

    name: str
    words: tuple[str, ...]
    train: Examples
    dev: Examples
    test: Examples


@dataclass(frozen=True)
class Row:
    """A tweet; the label is -1 where there is none."""

    part: str
    split: str
    label: int
    text: str


def pack(shared: Path, out: Path) -> dict[str, Any]:
    """Write FILE from the public data sets, and say how many tweets of which kind are in it.

    No tweet of the corpus is nearly equal to a labelled one or to another of the corpus, and none
    to train on is nearly equal to one of dev or test.
    """
    rows = [*_surge(shared / "data/surge"), *_news(shared / "data/twitter-financial-news")]
    labelled = len(rows)
    rows += [Row(CORPUS, "", -1, text) for text in _unlabelled(shared / "data")]
    groups = _groups([row.text for row in rows])
    kept = _split(rows[:labelled], groups)
    taken = {groups[number] for number in range(labelled)}
    distinct: dict[int, Row] = {}
    for number in range(labelled, len(rows)):
        if groups[number] not in taken:
            distinct.setdefault(groups[number], rows[number])
    corpus = list(distinct.values())
    random.Random(0).shuffle(corpus)
    held_out = int(len(corpus) * HELD_OUT_SHARE)
    kept += [Row(HELD_OUT, "", -1, row.text) for row in corpus[:held_out]] + corpus[held_out:]
    out.mkdir(parents=True, exist_ok=True)
    columns = {name: [getattr(row, name) for row in kept] for name in Row.__dataclass_fields__}
    table = pa.table(columns | {"label": pa.array(columns["label"], pa.int8())})
    pq.write_table(table, out / FILE, compression="zstd", compression_level=19)
    counts: dict[str, Any] = {}
    for row in kept:
        name = f"{row.part} {row.split}".strip()
        counts[name] = counts.get(name, 0) + 1
    return {
        "rows": counts,
        "corpus_before": len(rows) - labelled,
        "labelled_left_out": labelled - sum(row.label >= 0 for row in kept),
        "bytes": (out / FILE).stat().st_size,
    }


def read_corpus(folder: Path) -> tuple[list[str], list[str]]:
    """The unlabelled tweets to train on, and the held-out ones."""
    rows = pq.read_table(folder / FILE, columns=["part", "text"]).to_pylist()
    texts = [row["text"] for row in rows if row["part"] == CORPUS]
    return texts, [row["text"] for row in rows if row["part"] == HELD_OUT]


def read_labelled(folder: Path, name: str, most: int = 0) -> Labelled:
    """A labelled set; of dev and test the first `most` tweets, all with 0."""
    chosen = [("part", "==", name)]
    rows = pq.read_table(folder / FILE, filters=chosen).to_pylist()
    splits = {}
    for split in ("train", "dev", "test"):
        of = [row for row in rows if row["split"] == split]
        of = of[: most or None] if split != "train" else of
        splits[split] = Examples([row["text"] for row in of], [row["label"] for row in of])
    return Labelled(name, SETS[name], **splits)


def _groups(texts: list[str]) -> list[int]:
    """For each text the first one that is equal to it, or nearly, perhaps through others."""
    from workbench.analysis.texts.near_duplicates import (
        candidates,
        components,
        nearly_equal,
        sketches,
    )

    found = candidates(sketches(texts)).tolist()
    near = [(one, other) for one, other in found if nearly_equal(texts[one], texts[other])]
    equal: dict[bytes, int] = {}
    for number, text in enumerate(texts):
        first = equal.setdefault(content_hash(text), number)
        if first != number:
            near.append((first, number))
    groups = list(range(len(texts)))
    for members in components(len(texts), near):
        for number in members:
            groups[number] = min(members)
    return groups


def _split(rows: list[Row], groups: list[int]) -> list[Row]:
    """Labelled rows with their splits, in a random order, without those too like dev or test."""
    shares = Config()
    splits = []
    for number, row in enumerate(rows):
        key = content_hash(rows[groups[number]].text)
        test = 0.0 if row.part == "financial-news" else shares.test_share
        splits.append(row.split or split_of(key, shares.seed, test, DEV_SHARE))
    within = {
        split: {groups[number] for number, s in enumerate(splits) if s == split}
        for split in ("dev", "test")
    }
    kept = []
    for number, (row, split) in enumerate(zip(rows, splits, strict=True)):
        likened = within["test"] if split != "test" else set()
        likened = likened | within["dev"] if split == "train" else likened
        if groups[number] not in likened:
            kept.append(Row(row.part, split, row.label, row.text))
    random.Random(1).shuffle(kept)
    return kept


def _surge(folder: Path) -> list[Row]:
    with (folder / "sentiment.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    words = SETS["surge"]
    return [Row("surge", "", words.index(row["Sentiment"]), row["Tweet Text"]) for row in rows]


def _news(folder: Path) -> list[Row]:
    found = []
    for name, split in (("sent_train.csv", ""), ("sent_valid.csv", "test")):
        with (folder / name).open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            found += [Row("financial-news", split, int(r["label"]), r["text"]) for r in rows]
    return found


def _unlabelled(data: Path) -> list[str]:
    packed = gzip.decompress((data / "stocknet/tweets.csv.gz").read_bytes()).decode("utf-8")
    with io.StringIO(packed, newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    for name in ("val_text.txt", "test_text.txt"):
        texts += (data / "tweeteval-sentiment" / name).read_text("utf-8").splitlines()
    return [text.strip() for text in texts if text.strip() and not text.startswith("RT ")]
