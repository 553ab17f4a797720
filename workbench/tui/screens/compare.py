"""Two runs side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from rich.text import Text

from workbench import comparison_figures, escaping, figures
from workbench.tui.screens.report import ReportScreen
from workbench.tui.widgets.keys import key

MAX_FLIPS = 200


class CompareScreen(ReportScreen):
    """Figures, settings, data and flipped tweets, as `workbench compare` finds them."""

    BINDINGS: ClassVar = [key("c", "back", "back to the runs")]

    def __init__(self, found: dict[str, Any]) -> None:
        super().__init__(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[Text]:
    first, second = (run["id"] for run in found["runs"])
    yield Text(f"run {first} and run {second} on {found['n']:,} {found['split']} tweets", "bold")
    for run in comparison_figures.run_figures(found):
        name = escaping.line(run.name)
        yield Text(f"  {name:<24}accuracy {run.accuracy}   macro F1 {run.macro_f1}")
    test = found["mcnemar"]
    yield Text(f"  {'difference':<24}{comparison_figures.difference(found)}")
    yield Text(
        f"  {test['fixed']:,} fixed, {test['broken']:,} broken, {test['both_wrong']:,} "
        f"wrong in both; McNemar's exact test: {figures.p_value(test['p'])}"
    )
    yield Text("\nsettings", "bold")
    settings = comparison_figures.settings(found)
    for setting in settings:
        line = f"  {setting.name:<34}{setting.first} → {setting.second}"
        yield Text(escaping.line(line))
    if not settings:
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
        ("other label", comparison_figures.relabelled(found)),
    ):
        if ids:
            yield Text(f"  {name:<12}{comparison_figures.first_ids(ids, '#')}")
    if unknown := comparison_figures.unknown_count(found):
        yield Text(f"  {unknown} of them not in this workspace")
    yield Text(f"\nflipped ({len(found['flips']):,})", "bold")
    for row in found["flips"][:MAX_FLIPS]:
        yield Text(
            escaping.line(
                f"  {row['kind']:<12}#{row['id']:<8}{row['first']} → {row['second']}"
                f"   {row['text']}"
            ),
            no_wrap=True,
            overflow="ellipsis",
        )
