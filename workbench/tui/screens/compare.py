"""Two runs side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from rich.text import Text

from workbench import escaping, figures
from workbench.tui.screens.report import ReportScreen
from workbench.tui.widgets.keys import key

MOST_FLIPS = 200
MOST_IDS = 12


class CompareScreen(ReportScreen):
    """Figures, settings, data and flipped tweets, as `workbench compare` finds them."""

    BINDINGS: ClassVar = [key("c", "back", "back to the runs")]

    def __init__(self, found: dict[str, Any]) -> None:
        super().__init__(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[Text]:
    first, second = (run["id"] for run in found["runs"])
    yield Text(f"run {first} and run {second} on {found['n']:,} {found['split']} tweets", "bold")
    for run, report in zip(found["runs"], found["figures"], strict=True):
        name = escaping.line(f"run {run['id']} {run['recipe']}")
        yield Text(
            f"  {name:<24}accuracy {figures.of_report(report)}"
            f"   macro F1 {figures.of_report(report, 'macro_f1')}"
        )
    change, test = found["difference"], found["mcnemar"]
    points = figures.points(change["accuracy"], change["low"], change["high"])
    yield Text(f"  {'difference':<24}{points}")
    yield Text(
        f"  {test['fixed']:,} fixed, {test['broken']:,} broken, {test['both_wrong']:,} "
        f"wrong in both; McNemar's exact test: {figures.p_value(test['p'])}"
    )
    yield Text("\nsettings", "bold")
    for row in found["settings"]:
        values = " → ".join("-" if row[s] is None else str(row[s]) for s in ("first", "second"))
        yield Text(escaping.line(f"  {row['setting']:<34}{values}"))
    if not found["settings"]:
        yield Text("  the same")
    data = found["data"]
    yield Text("\ntraining tweets", "bold")
    added, removed, other = (len(data[name]) for name in ("added", "removed", "relabelled"))
    yield Text(
        f"  {data['first']:,} → {data['second']:,}: {added:,} new, {removed:,} left out, "
        f"{other:,} with another label"
    )
    for name, ids in (
        ("new", data["added"]),
        ("left out", data["removed"]),
        ("other label", [row["id"] for row in data["relabelled"]]),
    ):
        if ids:
            more = ", …" if len(ids) > MOST_IDS else ""
            yield Text(f"  {name:<12}{', '.join(f'#{n}' for n in ids[:MOST_IDS])}{more}")
    if any(data["unknown"]):
        yield Text(f"  {' and '.join(map(str, data['unknown']))} of them not in this workspace")
    yield Text(f"\nflipped ({len(found['flips']):,})", "bold")
    for row in found["flips"][:MOST_FLIPS]:
        yield Text(
            escaping.line(
                f"  {row['kind']:<12}#{row['id']:<8}{row['first']} → {row['second']}"
                f"   {row['text']}"
            ),
            no_wrap=True,
            overflow="ellipsis",
        )
