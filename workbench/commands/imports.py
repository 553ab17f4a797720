"""Commands about where tweets came from, and that take them out again."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from storage.errors import UsageError
from storage.plurals import counted, tweet_count
from storage.query import tweets
from storage.safety import backups
from storage.store import Store, require_writable
from storage.transfer import removing, traces, unimporting
from storage.transfer.removing import Removed
from workbench import escaping
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table, utc_time
from workbench.console.progress import spinner
from workbench.console.targets import external_option, named_ids


@click.command("imports")
@common_options
@click.pass_obj
def list_imports(settings: Settings) -> None:
    """List what was imported, the oldest first.

    Example: workbench imports
    """
    with settings.store() as store:
        found = unimporting.imports(store)
    if settings.as_json:
        print_json([asdict(one) for one in found])
        return
    rows = [(one.id, utc_time(one.at), one.annotator, f"{one.added:,}", one.file) for one in found]
    table(None, (">import", "when (UTC)", "by", ">tweets", "file"), rows)


@click.command()
@click.argument("number", metavar="IMPORT", type=int)
@common_options
@click.pass_obj
def unimport(settings: Settings, number: int) -> None:
    """Take an import back: the tweets that it added go, with what runs predicted for them.

    So does what it changed of tweets that were there before, and the decisions and judgements that
    it brought for them. It stays where anybody has worked on any of that since and has not undone
    it. Runs that trained on its tweets keep what they have learnt.

    Example: workbench unimport 3
    """
    with settings.store() as store:
        require_writable(store)
        with spinner("taking the import back"):
            removed = unimporting.unimport(store, number, _wait)
    if settings.as_json:
        print_json({"import": number, **asdict(removed)})
        return
    gone = f"{tweet_count(removed.tweets, 'is', 'are')} gone"
    predicted = f" (predictions: {removed.predictions:,})" if removed.predictions else ""
    say(f"Import {number} is taken back: {gone}{predicted}.")


@click.command("delete-tweets")
@click.argument("ids", metavar="[ID…]", type=int, nargs=-1)
@external_option
@click.option("--where", "filter_text", metavar="FILTER", help="All tweets that pass a filter.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@common_options
@click.pass_obj
def delete_tweets(
    settings: Settings,
    ids: tuple[int, ...],
    external: tuple[str, ...],
    filter_text: str | None,
    yes: bool,
) -> None:
    """Delete tweets for good, with their texts, labels, histories and predictions.

    The history keeps who deleted how many, and when. Nothing brings them back but a backup.

    Example: workbench delete-tweets 17 23

    Example: workbench delete-tweets --where '"@somebody"' --yes
    """
    if bool(ids or external) == (filter_text is not None):
        raise UsageError(
            "Name the ids of the tweets to delete, those of their file (--external ID), or give "
            "--where FILTER."
        )
    with settings.store(daily_backup=False) as store:  # it would hold them once more
        require_writable(store)
        named = named_ids(store, ids, external)
        chosen = dict.fromkeys(named if filter_text is None else tweets.listing(store, filter_text))
        them = "it" if len(chosen) == 1 else "them"
        what = f"Delete {tweet_count(len(chosen))} with all that is known of {them} for good?"
        if chosen and not yes and (settings.as_json or not sys.stdin.isatty()):
            raise UsageError(f"{what.rstrip('?')}: add --yes to do it without being asked.")
        if chosen and not yes and not click.confirm(escaping.line(what)):
            say("Nothing was changed.")
            return
        with spinner("deleting"):
            removed = removing.delete(store, chosen, _wait) if chosen else Removed(0, 0, 0)
        copies, wordy = _copies(store), traces.left(store)
    if settings.as_json:
        print_json(asdict(removed) | copies)
        return
    if not removed.tweets:
        say("No tweet passes the filter; nothing was changed.")
        return
    say(
        f"{tweet_count(removed.tweets)} deleted for good (events of the history: "
        f"{removed.events:,}, predictions: {removed.predictions:,})."
    )
    if wordy:
        say(
            "Single words may still be in the files of the workspace, as it is in use elsewhere or "
            "the disk is full; the next command wipes them."
        )
    held = [
        counted(number, name.replace("_", " ").removesuffix("s"))
        for name, number in copies.items()
        if number
    ]
    if held:
        say(
            f"Older copies may still hold the texts: {' and '.join(held)} in {store.folder}, and "
            "what was exported; delete those too where it has to be."
        )


def _copies(store: Store) -> dict[str, int]:
    """How many backups and run folders there are, which keep the texts that they were made with."""
    runs = [*store.runs_folder.glob("*/run.json"), *store.runs_folder.glob(".trash/*/run.json")]
    return {"backups": len(backups.list_backups(store.folder)), "run_folders": len(runs)}


def _wait() -> None:
    say("An import goes on in this workspace; waiting for its end.", err=True)


COMMANDS = (list_imports, unimport, delete_tweets)
