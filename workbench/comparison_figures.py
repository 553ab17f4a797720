"""Two runs side by side as people read them: what the command and the screen both lay out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench import figures

MAX_IDS = 12
SIGNIFICANT = 0.05
"""A p-value below speaks against chance."""


@dataclass(frozen=True)
class RunFigures:
    """A run by number and recipe, and its figures with their intervals."""

    name: str
    accuracy: str
    macro_f1: str


@dataclass(frozen=True)
class Setting:
    """A setting in which the runs differ, with its values."""

    name: str
    first: str
    second: str


def run_figures(comparison: Mapping[str, Any]) -> list[RunFigures]:
    """The figures of both runs."""
    return [
        RunFigures(
            f"run {run['id']} {run['recipe']}",
            figures.metric(report),
            figures.metric(report, "macro_f1"),
        )
        for run, report in zip(comparison["runs"], comparison["figures"], strict=True)
    ]


def difference(comparison: Mapping[str, Any]) -> str:
    """How much more accurate the second run is, with the interval."""
    change = comparison["difference"]
    return figures.points(change["accuracy"], change["low"], change["high"])


def shown_to_be(change: float, low: float, high: float, p: float) -> str:
    """`better` or `worse`, if the interval and the p-value both say so; otherwise empty."""
    if p >= SIGNIFICANT or low <= 0 <= high:
        return ""
    return "better" if change > 0 else "worse"


def settings(comparison: Mapping[str, Any]) -> list[Setting]:
    """The settings in which the runs differ; a dash where a run has no such setting."""
    return [
        Setting(
            row["setting"],
            *("-" if row[side] is None else str(row[side]) for side in ("first", "second")),
        )
        for row in comparison["settings"]
    ]


def relabelled(comparison: Mapping[str, Any]) -> list[int]:
    """The tweets that both runs trained on, with different labels."""
    return [row["id"] for row in comparison["data"]["relabelled"]]


def first_ids(ids: Sequence[int], sign: str = "") -> str:
    """The first of these tweets, each with a sign before its number."""
    more = ", …" if len(ids) > MAX_IDS else ""
    return ", ".join(f"{sign}{number}" for number in ids[:MAX_IDS]) + more


def unknown_count(comparison: Mapping[str, Any]) -> str:
    """How many training tweets of each run are not in this workspace; empty if all are."""
    unknown = comparison["data"]["unknown"]
    return " and ".join(map(str, unknown)) if any(unknown) else ""
