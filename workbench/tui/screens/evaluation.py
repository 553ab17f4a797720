"""How the predictions of a run fare against the labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from workbench import escaping, figures


def evaluation_lines(recipe: str, report: dict[str, Any]) -> Iterator[Text]:
    """Accuracy, figures of each label and the confusion matrix, as `workbench evaluate`."""
    name = escaping.line(f"run {report['run']} {recipe}")
    yield Text(f"{name} against the labels of {report['n']:,} {report['split']} tweets", "bold")
    for title, figure in (("accuracy", "accuracy"), ("macro F1", "macro_f1")):
        yield Text(f"  {title:<12}{figures.metric(report, figure)}")
    yield Text("\nlabels", "bold")
    rows = [("", "precision", "recall", "F1", "tweets")]
    rows += [
        (
            label,
            figures.interval(row["precision"], *row["precision_interval"]),
            figures.interval(row["recall"], *row["recall_interval"]),
            figures.percent(row["f1"]),
            f"{row['n']:,}",
        )
        for label, row in report["classes"].items()
    ]
    yield from _table(rows)
    yield Text("\nconfusion (rows: label, columns: prediction)", "bold")
    counted = zip(report["labels"], report["confusion"], strict=True)
    yield from _table(
        [("", *report["labels"]), *((label, *(f"{n:,}" for n in row)) for label, row in counted)]
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[Text]:
    """Columns as wide as what is in them, figures right-aligned."""
    shown = [[escaping.line(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    for first, *others in shown:
        line = "  " + first + " " * (widths[0] - cell_len(first))
        for cell, width in zip(others, widths[1:], strict=True):
            line += "  " + " " * (width - cell_len(cell)) + cell
        yield Text(line, no_wrap=True, overflow="ellipsis")
