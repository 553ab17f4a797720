"""Which labels a run takes for which: a matrix of as many columns as fit, else a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from rich.cells import cell_len, set_cell_size

from storage.plurals import tweet_count
from storage.runs.runs import Run
from workbench import escaping, figures
from workbench.judged_filters import cells
from workbench.tui.examining.opened_tweets import OpenedTweets
from workbench.tui.widgets.cut_text import fitted, padded
from workbench.tui.widgets.line_list import Content, Line, Part, Stop
from workbench.tui.widgets.rows import columns

LONGEST_NAME = 14
SHORTEST_NAME = 10
"""Cells of the name of a row, below which the labels are listed in pairs."""
MARGIN = 2
"""Cells before and after a count, in which the cursor has room."""
N_WIDTH, RECALL_WIDTH = 8, 10
ARROW = " → "
AIR = " "
"""What is before the names at the edge of the screen."""


@dataclass(frozen=True)
class _Layout:
    """How the rows and columns of a matrix are called, and how wide each of them is."""

    rows: Sequence[str]
    heads: Sequence[str]
    first: int
    """Cells of the names of the rows."""
    widths: Sequence[int]
    n_width: int
    precisions: Sequence[str]


def confusion_content(run: Run, split: str, report: Mapping[str, Any], width: int) -> Content:
    """The matrix, or the pairs of labels by how often they are taken for one another."""
    opened = {
        (cell["label"], cell["pred"]): OpenedTweets(
            cell["filter"], described(cell["label"], cell["pred"], cell["n"])
        )
        for cell in cells(run, split, dict(report))
    }
    layout = next(_layouts(report, width - len(AIR)), None)
    return _pairs(report, opened, width) if layout is None else _matrix(report, layout, opened)


def described(label: str, pred: str, n: int) -> str:
    """A cell in words."""
    says = "the model too" if label == pred else f"model {pred}"
    return f"{tweet_count(n)}: given {label}, {says}"


def _layouts(report: Mapping[str, Any], width: int) -> Iterator[_Layout]:
    """The ways to lay out a matrix that fit: names in full, shortened, as numbers over columns."""
    labels = report["labels"]
    of = [report["classes"][label] for label in labels]
    for names in (labels, [columns(labels).short[label] for label in labels]):
        names = [fitted(escaping.line(name), LONGEST_NAME) for name in names]
        widths = [max(6, cell_len(name)) + MARGIN for name in names]
        first = max(map(cell_len, ["precision", *names])) + 1
        if first + sum(widths) + N_WIDTH + RECALL_WIDTH <= width:
            precisions = [figures.percent(each["precision"]) for each in of]
            yield _Layout(names, names, first, widths, N_WIDTH, precisions)
    n_width = max(len(f"{each['n']:,}") for each in of) + MARGIN
    precisions = [figures.whole_percent(each["precision"]) for each in of]
    heads = [str(at) for at in range(1, len(labels) + 1)]
    counts = [f"{max(column):,}" for column in zip(*report["confusion"], strict=True)]
    widths = [max(map(len, each)) + MARGIN for each in zip(heads, counts, precisions, strict=True)]
    rows = [escaping.line(f"{head} {label}") for head, label in zip(heads, labels, strict=True)]
    room = width - sum(widths) - n_width - RECALL_WIDTH - 1
    if room >= SHORTEST_NAME:
        first = min(room, max(map(cell_len, ["precision %", *rows])))
        rows = [fitted(row, first) for row in rows]
        yield _Layout(rows, heads, first + 1, widths, n_width, precisions)


def _matrix(
    report: Mapping[str, Any],
    layout: _Layout,
    opened: Mapping[tuple[str, str], OpenedTweets],
) -> Content:
    labels, first, widths = report["labels"], layout.first, layout.widths
    head = AIR + "given".ljust(first) + "".join(map(str.rjust, layout.heads, widths))
    lines: list[Line] = []
    stops: list[Stop] = []
    starts = [len(AIR) + first + before for before in accumulate(widths, initial=0)]
    for row, (label, counts) in enumerate(zip(labels, report["confusion"], strict=True)):
        parts = [Part(AIR + set_cell_size(layout.rows[row], first))]
        for at, (pred, n) in enumerate(zip(labels, counts, strict=True)):
            tone = "" if label == pred else "differs" if n else "dim"
            count = f"{n:,}" if n else "·"
            parts.append(Part(count.rjust(widths[at]), tone))
            column = starts[at] + max(0, widths[at] - len(count) - 2)
            name = f"{label} → {pred}"
            stops.append(Stop(name, row, column, opened.get((label, pred))))
        of = report["classes"][label]
        n, recall = f"{of['n']:,}".rjust(layout.n_width), figures.percent(of["recall"])
        lines.append((*parts, Part(n, "dim"), Part(recall.rjust(RECALL_WIDTH))))
    word = "precision" if layout.rows == layout.heads else "precision %"
    precisions = "".join(map(str.rjust, layout.precisions, widths))
    lines.append((Part(AIR + fitted(word, first - 1).ljust(first), "dim"), Part(precisions)))
    aside = "n".rjust(layout.n_width) + "recall".rjust(RECALL_WIDTH)
    return Content(
        "GIVEN against WHAT THE MODEL SAYS", lines, stops, [(Part(head + aside, "dim"),)]
    )


def _pairs(
    report: Mapping[str, Any], opened: Mapping[tuple[str, str], OpenedTweets], width: int
) -> Content:
    """Pairs of labels, errors first, the most frequent ones before others."""
    found = []
    for (label, pred), tweets in opened.items():
        at = report["labels"].index(label), report["labels"].index(pred)
        n, of = report["confusion"][at[0]][at[1]], report["classes"][label]["n"]
        found.append((label, pred, f"{n:,}", f"{figures.percent(n / of)} of {of:,}", tweets))
    counts = max((len(each[2]) for each in found), default=0)
    shares = max((len(each[3]) for each in found), default=0)
    room = (width - MARGIN - len(ARROW) - counts - shares - 2 * MARGIN) // 2
    names = [cell_len(escaping.line(label)) for label in report["labels"]]
    widest = max(SHORTEST_NAME, min(room, max(names)))
    lines: list[Line] = []
    stops: list[Stop] = []
    for row, (label, pred, count, share, tweets) in enumerate(found):
        tone = "" if label == pred else "differs"
        given, says = (padded(escaping.line(name), widest) for name in (label, pred))
        lines.append(
            (
                Part(f"  {given}{ARROW}{says}"),
                Part(count.rjust(counts + MARGIN), tone),
                Part(share.rjust(shares + MARGIN), "dim"),
            )
        )
        stops.append(Stop(f"{label} → {pred}", row, 0, tweets))
    return Content("GIVEN → WHAT THE MODEL SAYS", lines, stops)
