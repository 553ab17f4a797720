"""Figures as people read them: one way to write a share, an interval, a probability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def percent(share: float | None) -> str:
    """A share, such as 72.0 %."""
    return "-" if share is None else f"{100 * share:.1f} %"


def whole_percent(share: float | None) -> str:
    """A share in a column of whole per cents, such as 72."""
    return "-" if share is None else f"{100 * share:.0f}"


def interval(share: float | None, low: float | None, high: float | None) -> str:
    """A share with its interval, such as 72.0 % [62.5, 79.9]; alone where that is not known."""
    if share is None or low is None or high is None:
        return percent(share)
    return f"{percent(share)} [{100 * low:.1f}, {100 * high:.1f}]"


def metric(report: Mapping[str, Any], name: str = "accuracy") -> str:
    """A metric of an evaluation with its interval, which an older one may lack."""
    return interval(report[name], report.get(f"{name}_low"), report.get(f"{name}_high"))


def accuracy(report: Mapping[str, Any], split: str = "") -> str:
    """The accuracy of an evaluation, and of how many tweets it is."""
    tweets = f" {split} tweets" if split else ""
    return f"{metric(report)} of {report['n']:,}{tweets}{stale_mark(report)}"


def stale_mark(report: Mapping[str, Any]) -> str:
    """The word `stale` after an evaluation whose labels have changed since; otherwise empty."""
    return " stale" if report.get("stale") else ""


def points(change: float, low: float, high: float) -> str:
    """A difference of two shares with its interval, such as -10.0 points [-19.6, -0.4]."""
    return f"{in_points(change)} points [{in_points(low)}, {in_points(high)}]"


def in_points(change: float) -> str:
    """A difference of two shares, such as -10.0; one that rounds to nothing is +0.0."""
    return f"{100 * change:+z.1f}"


def p_value(p: float) -> str:
    """A p-value as papers print it."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def probability(value: float | None) -> str:
    """A probability in three characters, such as .95."""
    if value is None:
        return ""
    return "1.0" if value >= 0.995 else f"{value:.2f}"[1:]


def probabilities(of: Mapping[str, float]) -> str:
    """The probability of each label, such as positive .95, negative .05."""
    return ", ".join(f"{label} {probability(value)}" for label, value in of.items())


def score(value: float) -> str:
    """How suspicious a label is, such as +.41."""
    text = f"{value:+z.2f}"
    return text[0] + text[1:].removeprefix("0")


def coefficient(value: float, low: float | None, high: float | None, n: int) -> str:
    """A coefficient of agreement with its interval, such as 0.714 [0.602, 0.811] (n = 50)."""
    if low is None or high is None:
        return f"{value:z.3f} (n = {n:,}, too few for an interval)"
    return f"{value:z.3f} [{low:z.3f}, {high:z.3f}] (n = {n:,})"
