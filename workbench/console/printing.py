"""What commands print: JSON, plain lines or a table; control characters in texts are escaped."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from storage.history.labels import Change
from storage.plurals import tweet_count
from storage.text import readable_json
from workbench import escaping
from workbench.standard_streams import is_terminal


def say(text: str, err: bool = False) -> None:
    """Print a line of text on stdout, or on stderr if `err`."""
    click.echo(escaping.lines(text), err=err)


def utc_time(milliseconds: int) -> str:
    """A moment, in milliseconds since 1970, as a date and a time of day in UTC."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def print_json(value: Any) -> None:
    """Print one JSON value; what a terminal would act on is written as an escape."""
    click.echo(_dumps(value, indented=True))


def print_jsonl(values: Iterable[Any]) -> None:
    """Print one JSON value a line."""
    for value in values:
        click.echo(_dumps(value))


def table(
    title: str | None, headings: Sequence[str], rows: Iterable[Sequence[object]], wrap: bool = True
) -> None:
    """Print a table; a heading with > is right-aligned, and the last column wraps or is cut."""
    grid = Table(
        title=None if title is None else Text(escaping.line(title)),
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
    )
    for number, heading in enumerate(headings):
        grid.add_column(
            Text(escaping.line(heading.lstrip(">"))),
            justify="right" if heading.startswith(">") else "left",
            no_wrap=number < len(headings) - 1,
            overflow="fold" if wrap and number == len(headings) - 1 else "ellipsis",
        )
    for row in rows:
        cells = [escaping.line("" if cell is None else str(cell)) for cell in row]
        # The last column is the one that gives way, and its texts stay on one line all the same.
        grid.add_row(*(Text(cell, no_wrap=None if wrap else True) for cell in cells))
    console().print(grid)


def print_change(
    as_json: bool, change: Change, sentence: str, had: str = "", counts: bool = False
) -> None:
    """Print what an action did; {} in the sentence stands for the tweets.

    A single one is named by its number unless the sentence `counts` them. `had` is what some of
    them had already.
    """
    if as_json:
        print_json(
            {
                "action": change.action,
                "kind": change.kind,
                "tweets": list(change.tweets),
                "skipped": change.skipped,
                "unchanged": change.unchanged,
            }
        )
        return
    one = len(change.tweets) == 1
    named = one and not counts
    which = f"tweet {change.tweets[0]}" if named else tweet_count(len(change.tweets))
    say(sentence.replace("{}", which, 1))
    if had and change.unchanged:
        say(f"{'It' if one else f'{change.unchanged:,} of them'} had {had}.")
    if change.skipped:
        were, them = ("was", "it") if change.skipped == 1 else ("were", "them")
        skipped = tweet_count(change.skipped, were)
        say(f"{skipped} left alone: somebody changed {them} since.")


def console() -> Console:
    """Standard output, as wide as the terminal, or 120 columns into a pipe or file."""
    return Console(width=None if is_terminal(sys.stdout) else 120, highlight=False, markup=False)


def unknown_labels_sentence(outside: Mapping[str, int]) -> str:
    """What to do about labels that workbench.toml no longer names; `outside` counts them."""
    counted = ", ".join(f"{count:,} {name}" for name, count in outside.items())
    return (
        f"Some tweets carry labels that are not in workbench.toml ({counted}) and are not trained "
        "on; add the labels there, or give those tweets others."
    )


def _dumps(value: Any, indented: bool = False) -> str:
    text = readable_json(value, indented)
    return escaping.UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], text)
