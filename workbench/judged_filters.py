"""Filters that list the tweets on which a run is judged; free of numpy, as screens use them."""

from __future__ import annotations

from typing import Any

from storage.query.filter_tokens import quoted
from storage.runs.runs import Run


def judged_filter(run: Run, split: str) -> str:
    """The filter that all tweets pass on which a run is judged, were they all labelled."""
    return f"run:{run.id} split:{split} insample:no -flag:excluded"


def cells(run: Run, split: str, report: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells of a confusion matrix that hold tweets, and the filter that lists these.

    Errors come first, the most frequent ones before others.
    """
    found = [
        {
            "label": label,
            "pred": predicted,
            "n": n,
            "filter": f"{judged_filter(run, split)} label:{quoted(label)} pred:{quoted(predicted)}",
        }
        for label, row in zip(report["labels"], report["confusion"], strict=True)
        for predicted, n in zip(report["labels"], row, strict=True)
        if n
    ]
    return sorted(found, key=lambda cell: (cell["label"] == cell["pred"], -cell["n"]))
