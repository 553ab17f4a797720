"""How well slices with planted errors are found, and how seldom chance makes one.

    python tests/bench/slices.py --shared ../shared --out tests/bench/results

A rule slice is drawn (one condition or two, half of the draws each) and made worse by flipping
30 % of its right answers. It counts as found if one of the first ten slices shown is this rule, or
holds mostly the same tweets (Jaccard at least .5). Then the errors are shuffled over the tweets,
and any slice that is shown is one of chance. Judged are TweetEval's test tweets by the published
predictions of RoBERTa-RT, and the validation tweets of twitter-financial-news by the baseline.
SliceLine runs beside where it is installed (`pip install sliceline`), both on the 60 most frequent
conditions only, since with all of them it asks for 36 GiB.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from workbench.analysis import baseline
from workbench.analysis.measures.metrics import wilson
from workbench.analysis.slicing.slice_counts import LEAST, rows_of, tail
from workbench.analysis.slicing.slice_rules import (
    ConditionMatrix,
    DescribedTweet,
    condition_matrix,
)
from workbench.analysis.slicing.slices import FALSE_DISCOVERIES, find_slices

Flags = NDArray[np.bool_]
DRAWS, SLICELINE_DRAWS = 100, 20
SLICELINE_CONDITIONS = 60
FIRST = 10
FLIPPED = 0.3
SAME_TWEETS = 0.5
ANY_SIZE = (20, None)
"""Tweets of the planted slice, from and below: any that are enough for a slice."""
BANDS = (ANY_SIZE, (50, 100), (100, 200), (200, None))
LARGE = BANDS[-1]


@dataclass(frozen=True)
class JudgedSet:
    """Tweets, described by conditions, and which of them a model has wrong."""

    name: str
    matrix: ConditionMatrix
    wrong: Flags
    pairs: int
    """Pairs of conditions that hold together of enough tweets."""


def judged_sets(shared: Path) -> Iterator[JudgedSet]:
    """The two sets with their errors."""
    folder = shared / "data" / "tweeteval-sentiment"
    texts, truth, said = (
        (folder / name).read_text("utf-8").removesuffix("\n").split("\n")
        for name in ("test_text.txt", "test_labels.txt", "predictions_roberta_rt.txt")
    )
    yield _judged("TweetEval, RoBERTa-RT", texts, np.array(truth) != np.array(said))
    folder = shared / "data" / "twitter-financial-news"
    train, valid = (_labelled(folder / f"sent_{name}.csv") for name in ("train", "valid"))
    rows = baseline.predict(*train, valid[0], 3, 1.0)
    wrong = rows.argmax(axis=1) != np.array(valid[1])
    yield _judged("twitter-financial-news, baseline", valid[0], wrong)


def _labelled(path: Path) -> tuple[list[str], list[int]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [int(row["label"]) for row in rows]


def _judged(name: str, texts: list[str], wrong: Flags) -> JudgedSet:
    matrix = condition_matrix(map(DescribedTweet, texts))
    together = (matrix.holds.T @ matrix.holds).toarray() >= LEAST
    pairs = (int(together.sum()) - int(np.trace(together))) // 2
    return JudgedSet(name, matrix, wrong, pairs)


@dataclass(frozen=True)
class Planted:
    """A slice that was made worse, and the errors there are then."""

    conditions: tuple[int, ...]
    rows: Flags
    wrong: Flags
    half: Flags


def plant(
    of: JudgedSet, conditions: int, band: tuple[int, int | None], rng: np.random.Generator
) -> Planted:
    """Draw a slice of so many tweets and flip a share of its right answers."""
    low, high = band
    while True:
        drawn = rng.choice(len(of.matrix.conditions), conditions, replace=False)
        chosen = tuple(sorted(drawn.tolist()))
        rows = rows_of(of.matrix, chosen)
        if low <= rows.sum() < (high or len(rows) / 2):
            break
    right = np.flatnonzero(rows & ~of.wrong)
    wrong = of.wrong.copy()
    wrong[rng.permutation(right)[: round(FLIPPED * len(right))]] = True
    return Planted(chosen, rows, wrong, rng.random(len(rows)) < 0.5)


def similar(rows: Flags, others: Flags) -> bool:
    """Whether two slices hold mostly the same tweets."""
    return bool((rows & others).sum() >= SAME_TWEETS * (rows | others).sum())


def is_evident(of: JudgedSet, planted: Planted) -> bool:
    """Whether it is worse beyond chance among all conditions, or all pairs, by Bonferroni at .1.

    No test that looks at all of them can be relied on to find what is not.
    """
    looked_at = len(of.matrix.conditions) if len(planted.conditions) == 1 else of.pairs
    everywhere = np.ones(len(planted.rows), bool)
    return tail(planted.rows, everywhere, planted.wrong) <= FALSE_DISCOVERIES / looked_at


def found_by_us(of: JudgedSet, planted: Planted) -> tuple[bool, bool]:
    """Whether the rule, and whether it or a similar slice, is among the first ten."""
    shown = find_slices(of.matrix, planted.wrong, planted.half)[:FIRST]
    exact = any(each.conditions == planted.conditions for each in shown)
    rows = (rows_of(of.matrix, each.conditions) for each in shown)
    return exact, exact or any(similar(planted.rows, other) for other in rows)


def found_by_sliceline(of: JudgedSet, planted: Planted) -> tuple[bool, bool]:
    """Whether SliceLine (Sagadeeva and Boehm 2021, SIGMOD) shows the rule, or one like it.

    It tests nothing.
    """
    from sliceline.slicefinder import Slicefinder  # type: ignore[import-not-found]

    values = of.matrix.holds.toarray().astype(int)
    finder = Slicefinder(alpha=0.95, k=FIRST, max_l=2, min_sup=20, verbose=False)
    finder.fit(values, planted.wrong.astype(float))
    exact = near = False
    for each in finder.top_slices_:
        asked = {place: int(value) for place, value in enumerate(each) if value is not None}
        exact |= asked == dict.fromkeys(planted.conditions, 1)
        rows = np.ones(len(planted.rows), bool)
        for place, value in asked.items():
            rows &= values[:, place] == value
        near |= similar(planted.rows, rows)
    return exact, exact or near


Finder = Callable[[JudgedSet, Planted], tuple[bool, bool]]


def shares(of: JudgedSet, find: Finder, band: tuple[int, int | None], draws: int) -> dict[str, Any]:
    """How often a planted slice is found."""
    rng = np.random.default_rng(15)
    started = time.perf_counter()
    drawn = [plant(of, 1 + draw % 2, band, rng) for draw in range(draws)]
    results = [find(of, planted) for planted in drawn]
    exact, near = (sum(column) for column in zip(*results, strict=True))
    alone, paired = (sum(found for _, found in results[first::2]) for first in (0, 1))
    return {
        "from": band[0],
        "below": band[1],
        "draws": draws,
        "rule": exact / draws,
        "found": near / draws,
        "evident": sum(is_evident(of, planted) for planted in drawn) / draws,
        "alone": alone / len(results[::2]),
        "paired": paired / len(results[1::2]),
        "interval": wilson(near, draws),
        "seconds": (time.perf_counter() - started) / draws,
    }


def by_chance(of: JudgedSet, draws: int) -> dict[str, Any]:
    """How often shuffled errors show any slice."""
    rng = np.random.default_rng(16)
    shown = sum(
        bool(find_slices(of.matrix, rng.permutation(of.wrong), rng.random(len(of.wrong)) < 0.5))
        for _ in range(draws)
    )
    return {"draws": draws, "shown": shown / draws, "interval": wilson(shown, draws)}


def with_fewer_conditions(of: JudgedSet) -> JudgedSet:
    """The set with its most frequent conditions only."""
    frequency = np.asarray(of.matrix.holds.sum(axis=0)).ravel()
    kept = np.sort(np.argsort(-frequency, kind="stable")[:SLICELINE_CONDITIONS])
    conditions = tuple(of.matrix.conditions[place] for place in kept)
    matrix = ConditionMatrix(conditions, of.matrix.holds[:, kept])
    return replace(of, matrix=matrix, pairs=len(kept) * (len(kept) - 1) // 2)


def measure(of: JudgedSet) -> dict[str, Any]:
    """All figures of a set."""
    report: dict[str, Any] = {
        "set": of.name,
        "tweets": len(of.wrong),
        "wrong": float(of.wrong.mean()),
        "conditions": len(of.matrix.conditions),
        "planted": [shares(of, found_by_us, band, DRAWS) for band in BANDS],
        "shuffled": by_chance(of, DRAWS),
    }
    if installed("sliceline"):
        few = with_fewer_conditions(of)
        for name, find in (("ours", found_by_us), ("SliceLine", found_by_sliceline)):
            row = shares(few, find, LARGE, SLICELINE_DRAWS)
            report["beside"] = {**report.get("beside", {}), name: row}
    return report


def installed(package: str) -> str | None:
    """The version of a package, if it is here."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def table(report: dict[str, Any]) -> str:
    """The figures in Markdown."""
    lines = [
        "# Slices with planted errors",
        "",
        f"{report['at']}, Python {report['python']}, "
        + ", ".join(f"{name} {number}" for name, number in report["versions"].items())
        + f"; `{report['command']}`.",
        "",
        "A slice of one or two conditions has 30 % of its right answers flipped. Found: this rule, "
        "or a slice of mostly the same tweets (Jaccard .5), is among the first ten shown. Evident: "
        "worse beyond chance on all tweets by Bonferroni at .1 among all conditions, or all pairs; "
        "small slices mostly are not.",
        "",
        "| set | tweets in the slice | by | draws | evident | found | of one condition | of two | "
        "same rule | s a draw |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for of in report["sets"]:
        rows = [("ours", row) for row in of["planted"]]
        beside = of.get("beside", {})
        rows += [(f"{by}, {SLICELINE_CONDITIONS} conditions", row) for by, row in beside.items()]
        for by, row in rows:
            band = (
                f"{row['from']} to {row['below'] - 1}" if row["below"] else f"{row['from']} or more"
            )
            low, high = (f"{100 * end:.0f}" for end in row["interval"])
            lines.append(
                f"| {of['set']} | {band} | {by} | {row['draws']} | "
                f"{row['evident']:.0%} | {row['found']:.0%} "
                f"[{low}, {high}] | {row['alone']:.0%} | {row['paired']:.0%} | "
                f"{row['rule']:.0%} | {row['seconds']:.2f} |"
            )
    lines += ["", "Errors shuffled over the tweets, draws in which any slice is shown:", ""]
    for of in report["sets"]:
        row = of["shuffled"]
        low, high = (f"{100 * end:.0f}" for end in row["interval"])
        lines.append(
            f"- {of['set']} ({of['tweets']:,} tweets, {of['wrong']:.1%} wrong): "
            f"{row['shown']:.0%} [{low}, {high}] of {row['draws']}"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write slices.json and slices.md."""
    options = argparse.ArgumentParser()
    options.add_argument("--shared", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    given = options.parse_args()
    packages = {name: installed(name) for name in ("numpy", "scipy", "scikit-learn", "sliceline")}
    report: dict[str, Any] = {
        "at": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "versions": {name: number for name, number in packages.items() if number},
        "command": "python tests/bench/slices.py --shared ../shared --out tests/bench/results",
        "sets": [],
    }
    for of in judged_sets(given.shared):
        report["sets"].append(measure(of))
        (given.out / "slices.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
        (given.out / "slices.md").write_text(table(report), "utf-8")


if __name__ == "__main__":
    main()
