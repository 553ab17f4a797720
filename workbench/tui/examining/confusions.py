"""Which labels a run takes for which: a matrix of as many columns as fit, else a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from rich.cells import cell_len, set_cell_size

from storage.plurals import tweet_count
from storage.runs.runs import Run
from workbench import escaping, figures
from workbench.judged_filters import cells
from workbench.tui.examining.opened_tweets import OpenedTweets
from workbench.tui.widgets.line_list import Content, Line, Part, Stop
from workbench.tui.widgets.rows import columns

LONGEST_NAME = 14
MARGIN = 2
"""Cells before and after a count, in which the cursor has room."""
N_WIDTH, RECALL_WIDTH = 8, 10


def confusion_content(run: Run, split: str, report: Mapping[str, Any], width: int) -> Content:
    """The matrix, or the pairs of labels by how often they are taken for one another."""
    labels = report["labels"]
    opened = {
        (cell["label"], cell["pred"]): OpenedTweets(
            cell["filter"], described(cell["label"], cell["pred"], cell["n"])
        )
        for cell in cells(run, split, dict(report))
    }
    for names in (labels, [columns(labels).short[label] for label in labels]):
        names = [set_cell_size(name, min(LONGEST_NAME, cell_len(name))) for name in names]
        names = [escaping.line(name) for name in names]
        widths = [max(6, cell_len(name)) + MARGIN for name in names]
        first = max(map(cell_len, ["precision", *names])) + 1
        if first + sum(widths) + N_WIDTH + RECALL_WIDTH <= width:
            return _matrix(report, names, first, widths, opened)
    return _pairs(report, opened)


def described(label: str, pred: str, n: int) -> str:
    """A cell in words."""
    says = "the model too" if label == pred else f"model {pred}"
    return f"{tweet_count(n)}: given {label}, {says}"


def _matrix(
    report: Mapping[str, Any],
    names: Sequence[str],
    first: int,
    widths: Sequence[int],
    opened: Mapping[tuple[str, str], OpenedTweets],
) -> Content:
    labels = report["labels"]
    head = "given".ljust(first) + "".join(map(str.rjust, names, widths))
    lines: list[Line] = []
    stops: list[Stop] = []
    starts = [first + before for before in accumulate(widths, initial=0)]
    for row, (label, counts) in enumerate(zip(labels, report["confusion"], strict=True)):
        parts = [Part(names[row] + " " * (first - cell_len(names[row])))]
        for at, (pred, n) in enumerate(zip(labels, counts, strict=True)):
            tone = "" if label == pred else "differs" if n else "dim"
            count = f"{n:,}" if n else "·"
            parts.append(Part(count.rjust(widths[at]), tone))
            column = starts[at] + max(0, widths[at] - len(count) - 2)
            name = f"{label} → {pred}"
            stops.append(Stop(name, row, column, opened.get((label, pred))))
        of = report["classes"][label]
        n, recall = f"{of['n']:,}".rjust(N_WIDTH), figures.percent(of["recall"])
        lines.append((*parts, Part(n, "dim"), Part(recall.rjust(RECALL_WIDTH))))
    precisions = [figures.percent(report["classes"][label]["precision"]) for label in labels]
    lines.append(
        (Part("precision".ljust(first), "dim"), Part("".join(map(str.rjust, precisions, widths))))
    )
    aside = "n".rjust(N_WIDTH) + "recall".rjust(RECALL_WIDTH)
    return Content(
        "GIVEN against WHAT THE MODEL SAYS", lines, stops, [(Part(head + aside, "dim"),)]
    )


def _pairs(report: Mapping[str, Any], opened: Mapping[tuple[str, str], OpenedTweets]) -> Content:
    """Pairs of labels, errors first, the most frequent ones before others."""
    widest = max(min(LONGEST_NAME, cell_len(escaping.line(label))) for label in report["labels"])
    lines: list[Line] = []
    stops: list[Stop] = []
    for row, ((label, pred), tweets) in enumerate(opened.items()):
        at = report["labels"].index(label), report["labels"].index(pred)
        n, of = report["confusion"][at[0]][at[1]], report["classes"][label]["n"]
        given, says = (set_cell_size(escaping.line(name), widest) for name in (label, pred))
        tone = "" if label == pred else "differs"
        share = f"{figures.percent(n / of)} of {of:,}".rjust(20)
        lines.append(
            (Part(f"  {given} → {says}"), Part(f"{n:,}".rjust(7), tone), Part(share, "dim"))
        )
        stops.append(Stop(f"{label} → {pred}", row, 0, tweets))
    return Content("GIVEN → WHAT THE MODEL SAYS", lines, stops)
