"""How the predictions of a run fare against the labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from workbench import inert
from workbench.screens.report import ReportScreen


class EvaluationScreen(ReportScreen):
    """Accuracy, figures of each label and the confusion matrix, as `workbench evaluate`."""

    def __init__(self, recipe: str, report: dict[str, Any]) -> None:
        super().__init__(_lines(recipe, report))


def _lines(recipe: str, report: dict[str, Any]) -> Iterator[Text]:
    name = inert.line(f"run {report['run']} {recipe}")
    yield Text(f"{name} against the labels of {report['n']:,} {report['split']} tweets", "bold")
    for title, figure in (("accuracy", "accuracy"), ("macro F1", "macro_f1")):
        bounds = (report[f"{figure}_low"], report[f"{figure}_high"])
        yield Text(f"  {title:<12}{_interval(report[figure], bounds)}")
    yield Text("\nlabels", "bold")
    rows = [("", "precision", "recall", "F1", "tweets")]
    rows += [
        (label, _interval(row["precision"], row["precision_interval"]),
         _interval(row["recall"], row["recall_interval"]), _share(row["f1"]), f"{row['n']:,}")
        for label, row in report["classes"].items()
    ]  # fmt: skip
    yield from _table(rows)
    yield Text("\nconfusion (rows: label, columns: prediction)", "bold")
    counted = zip(report["labels"], report["confusion"], strict=True)
    yield from _table(
        [("", *report["labels"]), *((label, *(f"{n:,}" for n in row)) for label, row in counted)]
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[Text]:
    """Columns as wide as what is in them, figures right-aligned."""
    shown = [[inert.line(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    for first, *others in shown:
        line = "  " + first + " " * (widths[0] - cell_len(first))
        for cell, width in zip(others, widths[1:], strict=True):
            line += "  " + " " * (width - cell_len(cell)) + cell
        yield Text(line, no_wrap=True, overflow="ellipsis")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _interval(value: float | None, bounds: Sequence[float]) -> str:
    low, high = bounds
    return "-" if value is None else f"{_share(value)} [{100 * low:.1f}, {100 * high:.1f}]"
