"""Commands about groups of equal and nearly equal texts, and what is in conflict."""

from __future__ import annotations

import click

from storage import groups
from storage.plurals import counted, tweet_count
from storage.query import tweets
from storage.store import Store, last_visible_id
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import progress_bar

MAX_NEW, MAX_TOTAL = 50_000, 200_000
"""So many new tweets are compared after an import, if there are no more than so many in all."""


@click.command()
@common_options
@click.pass_obj
def group(settings: Settings) -> None:
    """Make groups of nearly equal texts: a group lies in one split, so that no test tweet leaks.

    Imports do this by themselves for up to 50,000 tweets, and each training does it first.

    Example: workbench group
    """
    with settings.store() as store:
        size = groups.count_uncompared(store)
        joined = compare_texts(store)
    if settings.as_json:
        print_json({"compared": size, "joined": joined})
    else:
        say(f"{tweet_count(size)} compared; {joined:,} joined a group of nearly equal texts.")


@click.command()
@common_options
@click.pass_obj
def conflicts(settings: Settings) -> None:
    """List groups of equal texts with different gold labels, and tweets with tied judgements.

    Nearly equal texts are in one group too. A tweet whose judgements are tied has no label until
    somebody gives it one: workbench list "conflict:yes" --sort adjudicate

    Example: workbench conflicts --json
    """
    with settings.store() as store:
        found, tied = groups.conflicts(store), groups.ties(store)
        if settings.as_json:
            print_json([conflict.as_json() for conflict in found + tied])
            return
        of_both = [tweet for conflict in found + tied for tweet in conflict.tweets]
        texts = tweets.texts(store, of_both)
        rows = [
            (conflict.group if place == 0 else "", tweet, gold, texts[tweet])
            for conflict in found
            for place, (tweet, gold) in enumerate(zip(conflict.tweets, conflict.golds, strict=True))
        ]
    table(None, (">group", ">id", "gold", "text"), rows)
    say(f"{counted(len(found), 'group')} with more than one gold label.")
    if tied:
        judged = [
            (tweet.group, ", ".join(": ".join(one) for one in tweet.judgements), texts[tweet.group])
            for tweet in tied
        ]
        table(None, (">id", "judgements", "text"), judged)
    say(f"{tweet_count(len(tied))} whose judgements are tied.")


def compare_after_import(store: Store) -> str:
    """Compare what has come in if that takes seconds, and say what was done or is left to do."""
    size = groups.count_uncompared(store)
    if size == 0:
        return ""
    if size > MAX_NEW or last_visible_id(store.db) > MAX_TOTAL:
        return (
            f"{tweet_count(size, 'is', 'are')} not compared for nearly equal texts yet: `workbench "
            "group` does it now, otherwise the next training does."
        )
    joined = compare_texts(store)
    more = counted(joined, "more is", "more are")
    return f"{more} nearly equal to another and joined its group." if joined else ""


def compare_texts(store: Store) -> int:
    """Compare new tweets with all others, with a bar; returns how many joined a group."""
    from workbench.evaluation.near_duplicate_groups import compare_new_tweets as find

    size = groups.count_uncompared(store)
    with progress_bar("comparing texts") as progress:
        return find(store, lambda done: progress(done, size))


COMMANDS = (group, conflicts)
