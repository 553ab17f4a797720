"""Which run, on which split, a command judges."""

from __future__ import annotations

from collections.abc import Callable

import click
from click.decorators import FC

from storage.errors import UserError
from storage.query import tweets
from storage.runs import runs as stored_runs
from storage.runs.runs import Run
from storage.store import Store

run_argument = click.argument("number", metavar="[RUN]", type=int, required=False)
"""A run, or the one that is shown."""
split_option = click.option(
    "--split", type=click.Choice(["train", "dev", "test"]), default="test", show_default=True
)


def flips_option(default: int) -> Callable[[FC], FC]:
    """How many flipped tweets a command prints."""
    return click.option(
        "--limit",
        type=click.IntRange(min=0),
        default=default,
        show_default=True,
        help="How many flipped tweets to print.",
    )


def evaluated_run(store: Store, number: int | None) -> Run:
    """The run with this number, or the one that is shown, as far as it has come."""
    from workbench.runs.collecting import collect

    collect(store)
    shown = number if number is not None else tweets.shown_run(store)
    if shown is None:
        raise UserError("No run has predictions yet; start one with `workbench train`.")
    return stored_runs.get(store, shown)
