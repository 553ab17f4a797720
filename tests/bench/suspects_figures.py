"""Figures of a ranking of wrong labels, and their table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

REVIEWED = (0.05, 0.1, 0.2)
COLUMNS = {
    "average_precision": "AP",
    "precision_at_k": "P@k",
    "precision_at_50": "P@50",
    "precision_at_200": "P@200",
    "found_at_5": "found, 5 %",
    "found_at_10": "10 %",
    "found_at_20": "20 %",
    "minority_share_of_50": "rarest in 50",
}
Figures = dict[str, float]


def figures(
    scores: NDArray[np.float64], wrong: NDArray[np.bool_], given: NDArray[np.int64]
) -> Figures:
    """How well the highest scores are the wrong labels; k is how many are wrong."""
    ordered = wrong[np.argsort(-scores, kind="stable")]
    rarest = np.bincount(given).argmin()
    top = given[np.argsort(-scores, kind="stable")[:50]]
    found = {
        "average_precision": float(average_precision_score(wrong, scores)),
        "precision_at_k": float(ordered[: wrong.sum()].mean()),
        "precision_at_50": float(ordered[:50].mean()),
        "precision_at_200": float(ordered[:200].mean()),
    }
    for share in REVIEWED:
        reviewed = ordered[: round(len(ordered) * share)]
        found[f"found_at_{round(100 * share)}"] = float(reviewed.sum() / wrong.sum())
    return found | {"minority_share_of_50": float((top == rarest).mean())}


def spread(runs: list[Figures]) -> dict[str, list[float]]:
    """Mean and standard deviation of each figure over seeds."""
    return {
        name: [
            round(float(np.mean([run[name] for run in runs])), 4),
            round(float(np.std([run[name] for run in runs], ddof=min(1, len(runs) - 1))), 4),
        ]
        for name in runs[0]
    }


def table(rows: dict[str, dict[str, dict[str, list[float]]]], inputs: str) -> list[str]:
    """Average precision of each ranking in each setting, as Markdown."""
    names = list(next(iter(rows.values())))
    lines = [f"## Average precision, {inputs}", "", "| setting | " + " | ".join(names) + " |"]
    lines.append("|---|" + "---|" * len(names))
    for setting, rankings in rows.items():
        means = {name: rankings[name]["average_precision"] for name in names}
        best = max(mean for mean, _ in means.values())
        cells = [
            f"**{mean:.3f}** ± {sd:.3f}" if mean == best else f"{mean:.3f} ± {sd:.3f}"
            for mean, sd in means.values()
        ]
        lines.append(f"| {setting} | " + " | ".join(cells) + " |")
    worst = [
        min(
            rankings[name]["average_precision"][0]
            - max(other["average_precision"][0] for other in rankings.values())
            for rankings in rows.values()
        )
        for name in names
    ]
    lines.append("| most behind the best | " + " | ".join(f"{gap:.3f}" for gap in worst) + " |")
    return [*lines, ""]


def details(rows: dict[str, dict[str, dict[str, list[float]]]], name: str) -> list[str]:
    """All figures of one ranking in each setting, as Markdown."""
    lines = [f"## All figures, {name}", "", "| setting | " + " | ".join(COLUMNS.values()) + " |"]
    lines.append("|---|" + "---|" * len(COLUMNS))
    for setting, rankings in rows.items():
        cells = [f"{rankings[name][column][0]:.3f}" for column in COLUMNS]
        lines.append(f"| {setting} | " + " | ".join(cells) + " |")
    return [*lines, ""]
