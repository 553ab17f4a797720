"""What labelling by a queue is worth: accuracy and macro F1 by the number of labels, beside random.

    python tests/bench/queues.py --shared ../shared --out results [--embeddings FOLDER]

The answers are known, so labels cost nothing: from 20 tweets by lot, batches of 20 are chosen
by each rule from what a model of the labels so far says, as the workbench does. The model is the
baseline (TF-IDF of words 1 to 2 and characters 3 to 5, logistic regression), or logistic regression
over embeddings: FOLDER holds `twitter-financial-news.npy` and `surge.npy`, a unit vector for
each row of the file. A fifth of each set is the test, another one for each seed.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.special
import sklearn
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union

from workbench.analysis.label_next import (
    BATCH,
    CANDIDATES,
    best_first,
    covering,
    distance_from,
    diverse_batch,
    lots,
    unsureness,
)
from workbench.analysis.measures.metrics import confusion, macro_f1

C = 10.0
AT = (100, 200, 500)
FULL_SHARE = 0.95
RULES = (
    "random",
    "margin",
    "least-confidence",
    "entropy",
    "diverse",
    "balanced",
    "novel",
    "margin + random",
    "diverse + random",
    "cover, diverse",
)
"""`balanced`: margin, as many of each predicted label; `novel`: furthest from what is labelled;
with `+ random` three of a batch of 20 are by lot; `cover`: the first 20 are centres of clusters."""
SETS = {
    "twitter-financial-news": ("twitter-financial-news/sent_train.csv", "text", "label"),
    "surge": ("surge/sentiment.csv", "Tweet Text", "Sentiment"),
}


@dataclass(frozen=True)
class Pool:
    """The tweets to choose from and those to test on."""

    vectors: Any
    labels: NDArray[np.int64]
    test: Any
    truth: NDArray[np.int64]
    n_labels: int


def read(shared: Path, name: str) -> tuple[list[str], NDArray[np.int64]]:
    """The texts of a set and the numbers of their labels."""
    path, text, label = SETS[name]
    with (shared / "data" / path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row[text] for row in rows], np.unique([r[label] for r in rows], return_inverse=True)[1]


def tfidf(texts: list[str]) -> Any:
    """Unit vectors of words and characters; a word of one tweet only tells nothing of another."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    pieces = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2, max_features=60_000
    )
    found = make_union(words, pieces).fit_transform(texts).tocsr().astype(np.float32)
    return found / np.sqrt(2)


def split(vectors: Any, labels: NDArray[np.int64], seed: int) -> Pool:
    """Put a fifth of the rows aside."""
    order = np.argsort(lots(range(len(labels)), 1_000 + seed))
    held, rest = order[: len(order) // 5], np.sort(order[len(order) // 5 :])
    return Pool(vectors[rest], labels[rest], vectors[held], labels[held], int(labels.max()) + 1)


class Model:
    """Logistic regression on some rows of a pool, for all of its rows and the test.

    Of few rows with many dimensions the weights are in the span of the rows, so the same model is
    fitted in as many dimensions as there are rows, from their inner products.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool, self.sparse = pool, hasattr(pool.vectors, "tocsr")
        stack = scipy.sparse.vstack if self.sparse else np.vstack
        self.every = stack([pool.vectors, pool.test])
        self.products = np.zeros((self.every.shape[0], 0))

    def predict(self, rows: list[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The probabilities of every label by a fit on these rows: for the pool, for the test."""
        points, every = self.every[rows], self.every
        if self.sparse:
            new = self.every[rows[self.products.shape[1] :]]
            self.products = np.hstack([self.products, (self.every @ new.T).toarray()])
            points = np.linalg.cholesky(self.products[rows] + 1e-5 * np.eye(len(rows)))
        fitted = LogisticRegression(C=C, max_iter=200).fit(points, self.pool.labels[rows])
        weights = fitted.coef_.T
        if self.sparse:
            every, weights = self.products, scipy.linalg.solve_triangular(points.T, weights)
        found = np.zeros((every.shape[0], self.pool.n_labels))
        raw = every @ weights + fitted.intercept_
        raw = np.hstack([np.zeros_like(raw), raw]) if raw.shape[1] == 1 else raw
        found[:, fitted.classes_] = scipy.special.softmax(raw, axis=1)
        return found[: len(self.pool.labels)], found[len(self.pool.labels) :]


def choose(rule: str, pool: Pool, rest: NDArray[np.int64], p: Any, had: list[int]) -> list[int]:
    """The next batch of the rows that are left."""
    if rule == "random":
        return list(rest[: BATCH if len(had) < 500 else 5 * BATCH])
    by_lot = 3 if rule.endswith("+ random") else 0
    size = min(BATCH, len(rest)) - by_lot
    if rule == "novel":
        order = best_first(distance_from(pool.vectors[rest], pool.vectors[had]), rest)[:size]
        return [int(rest[place]) for place in order]
    named = rule if rule in ("least-confidence", "entropy") else "margin"
    scores = unsureness(p, named)
    order = best_first(scores, rest)
    if "diverse" in rule:
        near = order[: CANDIDATES * size]
        chosen = near[diverse_batch(scores[near], pool.vectors[rest[near]], size)]
    elif rule == "balanced":
        said = p.argmax(axis=1)
        turn = np.empty(len(order), int)
        for label in range(pool.n_labels):
            members = order[said[order] == label]
            turn[members] = np.arange(len(members))
        chosen = np.lexsort((-scores, turn))[:size]
    else:
        chosen = order[:size]
    batch = [int(rest[place]) for place in chosen]
    others = [int(row) for row in rest if row not in set(batch)]
    return batch + others[:by_lot]


def curve(pool: Pool, rule: str, seed: int, most: int) -> dict[str, list[Any]]:
    """Accuracy and macro F1 after each batch."""
    order = np.argsort(lots(range(len(pool.labels)), seed))
    if rule.startswith("cover"):
        had = [int(order[place]) for place in covering(pool.vectors[order[:2_000]], BATCH)]
    else:
        had = list(order[:BATCH])
    model = Model(pool)
    found: dict[str, list[Any]] = {"labels": [], "accuracy": [], "macro_f1": []}
    while len(set(pool.labels[had])) < 2:
        had.append(int(next(row for row in order if row not in had)))
    while True:
        rest = order[~np.isin(order, had)]
        for_pool, for_test = model.predict(had)
        said = for_test.argmax(axis=1)
        found["labels"].append(len(had))
        found["accuracy"].append(float((said == pool.truth).mean()))
        matrix = confusion(list(pool.truth), list(said), pool.n_labels)
        found["macro_f1"].append(float(macro_f1(matrix)))
        if len(had) >= most or not len(rest):
            return found
        had = had + choose(rule, pool, rest, for_pool[rest], had)


def labels_to(found: dict[str, list[Any]], wanted: float) -> int | None:
    """The labels after which three looks on end have the accuracy; None if it is never had."""
    smooth = np.convolve(found["accuracy"], np.ones(3) / 3, "valid")
    reached = np.flatnonzero(smooth >= wanted)
    return int(found["labels"][reached[0] + 1]) if len(reached) else None


def measure(
    name: str, vectors: Any, labels: Any, seeds: int, rules: list[str], most: int
) -> dict[str, Any]:
    """Every rule on one set, for each seed."""
    curves: dict[str, list[Any]] = {rule: [] for rule in rules}
    reached: dict[str, list[int | None]] = {rule: [] for rule in rules}
    full = []
    for seed in range(seeds):
        pool = split(vectors, labels, seed)
        whole = LogisticRegression(C=C, max_iter=200).fit(pool.vectors, pool.labels)
        full.append(float(whole.score(pool.test, pool.truth)))
        for rule in rules:
            begin = time.perf_counter()
            found = curve(
                pool, rule, seed, min(most * (2 if rule == "random" else 1), len(pool.labels))
            )
            curves[rule].append(found)
            reached[rule].append(labels_to(found, FULL_SHARE * full[-1]))
            print(
                name,
                seed,
                rule,
                reached[rule][-1],
                f"{time.perf_counter() - begin:.0f} s",
                flush=True,
            )
    return {"full": full, "curves": curves, "labels_to_95": reached}


def at(curves: list[Any], labels: float, metric: str) -> NDArray[np.float64]:
    """A metric after so many labels, seed by seed; between two batches it is on the line."""
    return np.array([np.interp(labels, one["labels"], one[metric]) for one in curves])


def summary(measured: dict[str, Any]) -> dict[str, Any]:
    """Means and standard deviations over the seeds after every 20 labels."""
    rules = {}
    for rule, curves in measured["curves"].items():
        grid = list(range(20, curves[0]["labels"][-1] + 1, BATCH))
        accuracy = np.array([at(curves, n, "accuracy") for n in grid])
        chance = np.array([at(measured["curves"]["random"], n, "accuracy") for n in grid])
        ahead = (accuracy - chance).mean(axis=1)[np.array(grid) >= 100]
        rules[rule] = {
            "labels": grid,
            "accuracy": accuracy.mean(axis=1).round(4).tolist(),
            "accuracy_sd": accuracy.std(axis=1, ddof=1).round(4).tolist(),
            "macro_f1": [round(float(at(curves, n, "macro_f1").mean()), 4) for n in grid],
            "least_ahead_of_random": round(float(ahead.min()), 4),
            "labels_to_95": measured["labels_to_95"][rule],
        }
    return {"full": measured["full"], "rules": rules}


def table(results: dict[str, Any]) -> str:
    """The results in Markdown."""
    lines = []
    for title, found in results["sets"].items():
        full = found["full"]
        lines += [
            f"\n{title}, {len(full)} seeds; accuracy with all labels {np.mean(full):.3f}\n",
            "| rule | "
            + " | ".join(f"accuracy, macro F1 at {n}" for n in AT)
            + " | least ahead of random from 100 on | labels to 95 % |",
            "|---|" + "---:|" * (len(AT) + 2),
        ]
        for rule, one in found["rules"].items():
            cells = [_cell(one, n) for n in AT]
            reached = _reached(one["labels_to_95"], one["labels"][-1])
            ahead = f"{one['least_ahead_of_random']:+.3f}"
            lines.append(f"| {rule} | {' | '.join(cells)} | {ahead} | {reached} |")
    return "\n".join(lines) + "\n"


def _cell(one: dict[str, Any], labels: int) -> str:
    if labels not in one["labels"]:
        return ""
    place = one["labels"].index(labels)
    spread = f"{one['accuracy'][place]:.3f} ± {one['accuracy_sd'][place]:.3f}"
    return f"{spread}, {one['macro_f1'][place]:.3f}"


def _reached(labels: list[int | None], most: int) -> str:
    """The median over the seeds, as some never reach it."""
    known = sorted(most + 1 if one is None else one for one in labels)
    middle = known[len(known) // 2]
    never = labels.count(None)
    told = f"over {most}" if middle > most else str(middle)
    return f"{told} ({never} of {len(labels)} never)" if never else told


def main() -> None:
    """Measure, and write `queues.json` and `queues.md`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--embeddings", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5, help="two or more")
    parser.add_argument("--most", type=int, default=600, help="how many labels")
    parser.add_argument("--set", action="append", choices=SETS)
    parser.add_argument("--rule", action="append", choices=RULES)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    results: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "commands": [" ".join(sys.argv[1:])],
        "versions": {m.__name__: m.__version__ for m in (np, scipy, sklearn)},
        "sets": {},
    }
    rules = options.rule or list(RULES)
    for name in options.set or SETS:
        texts, labels = read(options.shared, name)
        kinds = {"TF-IDF": tfidf(texts)}
        if options.embeddings:
            kinds["embeddings"] = np.load(options.embeddings / f"{name}.npy")
        for kind, vectors in kinds.items():
            measured = measure(name, vectors, labels, options.seeds, rules, options.most)
            results["sets"][f"{name}, {kind}"] = summary(measured)
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / "queues.json").write_text(json.dumps(results) + "\n")
            (options.out / "queues.md").write_text(table(results))
    print(table(results))


if __name__ == "__main__":
    main()
