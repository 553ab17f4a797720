"""Which tweets a command is about: named by their ids, here or in a file, or all of a filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

import click

from storage.errors import UsageError, UserError
from storage.query import tweets
from storage.store import Store

F = TypeVar("F", bound=Callable[..., Any])


def external_option(function: F) -> F:
    """Add --external, which may be repeated, to a command that takes ids."""
    return click.option(
        "--external",
        metavar="ID",
        multiple=True,
        help="A tweet by the id that its file gave it.",
    )(function)


@dataclass(frozen=True)
class Targets:
    """The tweets that a command line names."""

    numbers: tuple[int, ...]
    external: tuple[str, ...]
    """The ids that their files gave them."""
    where: str | None
    """A filter that all of them pass."""

    def ids(self, store: Store) -> Sequence[int]:
        """The ids of the tweets; raises UsageError or UserError where none are named or found."""
        if bool(self.numbers or self.external) == (self.where is not None):
            raise UsageError(
                "Name the tweets either by their ids or with --where FILTER; --external ID names "
                "one by the id of its file."
            )
        if self.where is None:
            return named_ids(store, self.numbers, self.external)
        ids = tweets.listing(store, self.where)
        if not ids:
            raise UserError(f"No tweet passes the filter {self.where!r}; nothing was changed.")
        return ids


def target_options(function: F) -> F:
    """Add the ids, --external and --where to a command, which takes them as `targets`."""

    @wraps(function)
    def command(
        numbers: tuple[int, ...], external: tuple[str, ...], where: str | None, **others: Any
    ) -> Any:
        return function(targets=Targets(numbers, external, where), **others)

    ids = click.argument("numbers", metavar="[ID…]", nargs=-1, type=int)
    named = click.option(
        "--where", metavar="FILTER", help="All tweets that pass a filter, instead of ids."
    )
    return cast(F, ids(external_option(named(command))))


def named_ids(store: Store, numbers: Sequence[int], external: Sequence[str]) -> Sequence[int]:
    """The ids of tweets that are named one by one; raises UserError for one that is not there."""
    tweets.require_tweets(store, numbers)
    return [*numbers, *tweets.numbers_of(store, external)]


def one_id(store: Store, number: int | None, external: Sequence[str]) -> int | None:
    """The id of the one tweet that is named, if one is; raises UsageError for more."""
    if (number is not None) + len(external) > 1:
        raise UsageError("Name one tweet, by its id or by that of its file (--external ID).")
    return tweets.numbers_of(store, external)[0] if external else number
