"""Which tweets a command changes: named by their ids, or all that pass a filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from storage.errors import UsageError, UserError
from storage.query import tweets
from storage.store import Store

F = TypeVar("F", bound=Callable[..., Any])


def target_options(function: F) -> F:
    """Add the ids and --where to a command."""
    ids = click.argument("numbers", metavar="[ID…]", nargs=-1, type=int)
    return ids(
        click.option(
            "--where", metavar="FILTER", help="All tweets that pass a filter, instead of ids."
        )(function)
    )


def target_ids(store: Store, numbers: Sequence[int], where: str | None) -> Sequence[int]:
    """The ids of the tweets; raises UsageError or UserError where none are named or found."""
    if bool(numbers) == (where is not None):
        raise UsageError("Name the tweets either by their ids or with --where FILTER.")
    if where is None:
        tweets.require_tweets(store, numbers)
        return numbers
    ids = tweets.listing(store, where)
    if not ids:
        raise UserError(f"No tweet passes the filter {where!r}; nothing was changed.")
    return ids
