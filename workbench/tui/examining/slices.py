"""The kinds of tweets on which a run errs more, each with its accuracy on an axis of its own."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from storage.plurals import counted
from storage.runs.runs import Run
from workbench import escaping
from workbench.figures import percent
from workbench.judged_filters import judged_filter
from workbench.tui.examining.opened_tweets import OpenedTweets, listed
from workbench.tui.widgets.cut_text import padded
from workbench.tui.widgets.interval_bar import axis_of
from workbench.tui.widgets.line_list import Content, Line, Part, Stop, line

SHORTEST_BAR, LONGEST_BAR = 10, 24
N_WIDTH, ACCURACY_WIDTH = 6, 8
ASIDE = "right in the less clear half"
"""What the figures of a slice are of, as the half that shows it best flatters it."""
ROOMY = 54
"""Columns from which there is room to say that."""


def slices_content(
    run: Run, split: str, found: Mapping[str, Any], evaluation: Mapping[str, Any], width: int
) -> Content:
    """The slices, the worst first, and at last all tweets; each opens those that are wrong."""
    rows = [
        (row["name"], row["n"], 1 - row["rate"], 1 - row["high"], 1 - row["low"], row)
        for row in found["slices"]
    ]
    whole = ("accuracy", "accuracy_low", "accuracy_high")
    rows.append(("all", evaluation["n"], *(evaluation[name] for name in whole), None))
    axis = axis_of((low, high) for _, _, _, low, high, _ in rows)
    bar = max(SHORTEST_BAR, min(LONGEST_BAR, width - 42))
    name_width = max(8, width - bar - N_WIDTH - ACCURACY_WIDTH - 4)
    ends = [f"{100 * share:.0f}" for share in (axis.low, axis.high)]
    head = (
        "  "
        + "kind of tweet".ljust(name_width)
        + "n".rjust(N_WIDTH)
        + "right".rjust(ACCURACY_WIDTH)
    )
    scale = f"  {ends[0]}{ends[1].rjust(max(0, bar - len(ends[0])))}"
    lines: list[Line] = []
    stops: list[Stop] = []
    for name, n, accuracy, low, high, row in rows:
        drawn = axis.bar(accuracy, low, high, bar)
        cells = padded(escaping.line(name), name_width)
        figures = f"{n:,}".rjust(N_WIDTH) + percent(accuracy).rjust(ACCURACY_WIDTH)
        stops.append(Stop(name, len(lines), 0, _opened(run, split, row, evaluation)))
        tone = "dim" if row is None else ""
        lines.append((Part(f"  {cells}", tone), Part(figures, tone), Part(f"  {drawn}", tone)))
    if found["reason"]:
        lines += [line(f"  {part}", "dim") for part in wrap(found["reason"], max(20, width - 3))]
    aside = ASIDE if found["slices"] and width >= ROOMY else ""
    return Content("SLICES  worst first", lines, stops, [line(head + scale, "dim")], aside)


def _opened(
    run: Run, split: str, row: Mapping[str, Any] | None, evaluation: Mapping[str, Any]
) -> OpenedTweets:
    """The wrong ones of a slice, by a filter where one can say it, else by their ids."""
    if row is None:
        wrong = evaluation["n"] - sum(
            counts[at] for at, counts in enumerate(evaluation["confusion"])
        )
        judged = f"{judged_filter(run, split)} disagree:yes"
        return OpenedTweets(judged, f"{counted(wrong, 'wrong tweet')} of all")
    what = f"{counted(row['events'], 'wrong tweet')} of {row['n']:,} in the slice {row['name']}"
    if row["filter"] is None:
        return listed(run.id, row["tweets"], what)
    return OpenedTweets(f"{row['filter']} disagree:yes", what)
