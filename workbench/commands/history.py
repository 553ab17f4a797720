"""Commands about what happened: history, snapshot, snapshots, diff, restore."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from storage.history import labels, snapshots
from storage.history.snapshots import Snapshot, displayed_value
from storage.plurals import tweet_count
from storage.query import tweets
from storage.store import Store
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_change, print_json, say, table, utc_time
from workbench.console.progress import progress_bar, spinner
from workbench.console.targets import external_option, one_id

MOST_OLD = 20
"""Characters of an old note in a table."""


@click.command()
@click.argument("number", metavar="[ID]", type=int, required=False)
@external_option
@click.option("--limit", type=click.IntRange(1, 10**9), help="At most so many events.")
@common_options
@click.pass_obj
def history(
    settings: Settings, number: int | None, external: tuple[str, ...], limit: int | None
) -> None:
    """Show what happened to a tweet, oldest first, or the newest events of all.

    Example: workbench history 42
    """
    with settings.store() as store:
        number = one_id(store, number, external)
        most = limit or (None if number is not None else 50)
        events = labels.history(store, number, most)
    if settings.as_json:
        print_json(events)
        return
    table(
        None,
        (">event", "when (UTC)", ">tweet", "by", "kind", "shown", "change"),
        (
            (
                event["event"],
                utc_time(event["at"]),
                event["tweet"],
                event["annotator"],
                event["kind"],
                _shown(event),
                _change(event),
            )
            for event in events
        ),
    )


def _shown(event: dict[str, Any]) -> str:
    """The queue and the run that were on the screen."""
    run = f"run {event['run']}" if event["run"] else ""
    return " ".join(filter(None, (event["queue"], run)))


def _change(event: dict[str, Any]) -> str:
    field = "" if event["field"] == "label" else f"{event['field']}: "
    old, new = ("-" if event[which] is None else event[which] for which in ("old", "new"))
    return f"{field}{_begin_of(old)} → {new}"


def _begin_of(value: Any) -> Any:
    """A label as it is, of a long note its beginning."""
    long = isinstance(value, str) and len(value) > MOST_OLD
    return f"{value[:MOST_OLD]}…" if long else value


@click.command()
@click.argument("name")
@click.option("--note", help="What it is for.")
@common_options
@click.pass_obj
def snapshot(settings: Settings, name: str, note: str | None) -> None:
    """Give the labels as they are now a name, to compare with or to go back to.

    Example: workbench snapshot before-review --note "as it came from the agency"
    """
    with settings.store() as store:
        taken = snapshots.take(store, name, note)
    print_json(_as_json(taken)) if settings.as_json else say(
        f"Snapshot {taken.name!r} of {tweet_count(taken.tweets)}; `workbench diff {taken.name} "
        "now` shows what changes from here on."
    )


@click.command("snapshots")
@common_options
@click.pass_obj
def list_snapshots(settings: Settings) -> None:
    """List the snapshots, oldest first.

    Example: workbench snapshots
    """
    with settings.store() as store:
        known = snapshots.every(store)
    if settings.as_json:
        print_json([_as_json(one) for one in known])
        return
    rows = [(one.name, utc_time(one.at), one.annotator, one.tweets, one.note) for one in known]
    table(None, ("name", "when (UTC)", "by", ">tweets", "note"), rows)


def _as_json(taken: Snapshot) -> dict[str, Any]:
    names = ("name", "event", "tweets", "annotator", "at", "note")
    return {name: getattr(taken, name) for name in names}


@click.command()
@click.argument("a")
@click.argument("b", default=snapshots.NOW)
@click.option("--limit", type=click.IntRange(min=0), help="At most so many (20 for the table).")
@common_options
@click.pass_obj
def diff(settings: Settings, a: str, b: str, limit: int | None) -> None:
    """Show which labels and marks differ between two snapshots; `now` and `gold` are two as well.

    Example: workbench diff before-review now
    """
    most = 20 if limit is None and not settings.as_json else limit
    with settings.store() as store, spinner("comparing"):
        old, new = snapshots.find(store, a), snapshots.find(store, b)
        found = _compare(store, old, new, most)
        shown = list(dict.fromkeys(row["tweet"] for row in found["rows"]))
        texts = {} if settings.as_json else _texts(store, shown)
    if settings.as_json:
        print_json(found)
        return
    for sentence in found["labels"]:
        say(f"Between them {sentence}.")
    say(f"{tweet_count(found['tweets'], 'differs', 'differ')} between {old.name} and {new.name}.")
    if found["changes"]:
        table(
            None,
            (">tweets", "field", old.name, new.name),
            ((f"{c['count']:,}", c["field"], c["old"], c["new"]) for c in found["changes"]),
        )
    if found["rows"]:
        say("")
        table(
            None,
            (">id", "field", old.name, new.name, "text"),
            (
                (r["tweet"], r["field"], r["old"], r["new"], texts[r["tweet"]])
                for r in found["rows"]
            ),
        )
    if imported := found["imported"]:
        only = tweet_count(imported, "is", "are")
        say(f"{only} in one of them only, imported in between.")


def _compare(store: Store, a: Snapshot, b: Snapshot, limit: int | None) -> dict[str, Any]:
    kinds: Counter[tuple[str, Any, Any]] = Counter()
    rows: list[dict[str, Any]] = []
    differing = last = 0
    for found in snapshots.differences(store, a, b):
        is_note = found.field == "note"
        kinds[(found.field, *((None, None) if is_note else (found.old, found.new)))] += 1
        differing += found.tweet != last
        last = found.tweet
        if limit is None or len(rows) < limit:
            old, new = (
                displayed_value(store, found.field, value) for value in (found.old, found.new)
            )
            rows.append({"tweet": found.tweet, "field": found.field, "old": old, "new": new})
    changes = [
        {
            "field": field,
            "count": count,
            **{
                side: None if field == "note" else displayed_value(store, field, value)
                for side, value in (("old", old), ("new", new))
            },
        }
        for (field, old, new), count in kinds.most_common()
    ]
    return {
        "a": a.name,
        "b": b.name,
        "tweets": differing,
        "imported": abs(b.tweets - a.tweets),
        "labels": snapshots.label_changes_between(store, a, b),
        "changes": changes,
        "rows": rows,
    }


def _texts(store: Store, ids: list[int]) -> dict[int, str]:
    parts = (ids[at : at + 500] for at in range(0, len(ids), 500))
    return {t.id: t.text for part in parts for t in tweets.window(store, part, None)}


@click.command()
@click.argument("name")
@common_options
@click.pass_obj
def restore(settings: Settings, name: str) -> None:
    """Give all tweets the labels and marks of a snapshot, as one step that undo takes back.

    Tweets that were imported since the snapshot stay as they are.

    Example: workbench restore before-review
    """
    with settings.store() as store, progress_bar("restoring") as progress:
        taken, now = snapshots.find(store, name), snapshots.find(store, snapshots.NOW)
        since = snapshots.label_changes_between(store, taken, now)
        change = snapshots.restore_snapshot(store, name, progress)
    if since and not settings.as_json:
        say(f"The label set stays as it is now; since then {', '.join(since)}.")
    are = "is" if len(change.tweets) == 1 else "are"
    said = f"{{}} {are} as in {taken.name!r} again; `workbench undo` takes it back."
    print_change(settings.as_json, change, said, counts=True)


COMMANDS = (history, snapshot, list_snapshots, diff, restore)
