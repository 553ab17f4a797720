"""Two runs side by side, in the lines under the list of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.cells import cell_len

from storage.plurals import counted
from workbench import comparison_figures, escaping, figures
from workbench.tui.acting_keys import key_for
from workbench.tui.widgets.cut_text import fitted
from workbench.tui.widgets.interval_bar import axis_of
from workbench.tui.widgets.line_list import Content, Line, Part, line

MOST_SETTINGS = 8
ROOMY = 10
"""Rows from which there is room for an empty line and all of the settings."""
LONGEST_BAR = 24


def against_content(found: Mapping[str, Any], title: str, width: int, rows: int) -> Content:
    """Figures with their intervals, and what differs in settings and training tweets."""
    test = found["mcnemar"]
    chance = f"{figures.p_value(test['p'])}, {test['both_wrong']:,} wrong in both"
    roomy = rows > ROOMY
    lines: list[Line] = _accuracies(found, width)
    difference = f"  difference {comparison_figures.difference(found)}"
    if roomy:
        lines += [line(difference), line(f"  {chance}", "dim"), ()]
    else:
        lines.append((Part(difference), Part(f"   {chance}", "dim")))
    settings = comparison_figures.settings(found)
    shown = MOST_SETTINGS if roomy else 2
    if settings and roomy:
        lines.append(line("  SETTINGS that differ", "dim"))
    name_width = max((cell_len(each.name) for each in settings[:shown]), default=0)
    for each in settings[:shown]:
        text = f"{each.first} → {each.second}".replace("-  →", "–  →")
        lines.append((Part(f"  {each.name.ljust(name_width)}  ", "dim"), Part(text)))
    if len(settings) > shown:
        lines.append(
            line(f"  and {len(settings) - shown} more; {key_for('compare')} shows all", "dim")
        )
    if not settings:
        lines.append(line("  the same settings, or one has none to compare", "dim"))
    lines.append(_training(found["data"]))
    return Content(title, lines)


def _accuracies(found: Mapping[str, Any], width: int) -> list[Line]:
    """Each run with its accuracy on the tweets that both have predicted."""
    reports = found["figures"]
    axis = axis_of((of["accuracy_low"], of["accuracy_high"]) for of in reports)
    names = [fitted(escaping.line(f"{run['id']} {run['recipe']}"), 16) for run in found["runs"]]
    widest = max(map(cell_len, names))
    texts = [figures.metric(report) for report in reports]
    bar = min(LONGEST_BAR, width - widest - max(map(len, texts)) - 6)
    lines: list[Line] = [
        line(f"  {found['n']:,} {found['split']} tweets both have not seen", "dim")
    ]
    for name, report, text in zip(names, reports, texts, strict=True):
        interval = report["accuracy"], report["accuracy_low"], report["accuracy_high"]
        drawn = f"  {axis.bar(*interval, bar)}" if bar >= 8 else ""
        lines.append(line(f"  {name.ljust(widest)}  {text}{drawn}"))
    return lines


def _training(data: Mapping[str, Any]) -> Line:
    parts = [f"  {data['first']:,} → {data['second']:,} training tweets"]
    for name, word in (("added", "new"), ("removed", "left out"), ("relabelled", "relabelled")):
        if data[name]:
            parts.append(counted(len(data[name]), word, word))
    return line(", ".join(parts), "dim")
