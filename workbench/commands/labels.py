"""Commands about the label set: labels, labels rename, labels merge, labels add, labels remove."""

from __future__ import annotations

from dataclasses import asdict

import click

from storage import label_changes
from storage.formats.programs import argilla, label_studio
from storage.history import label_set
from storage.history.label_set import LabelEntry
from storage.history.labels import Change
from storage.plurals import tweet_count
from workbench.console.options import Settings, common_options, warn
from workbench.console.printing import print_json, say, table
from workbench.console.progress import progress_bar


@click.group(invoke_without_command=True)
@click.option(
    "--for",
    "program",
    type=click.Choice(("labelstudio", "argilla")),
    help="What this program needs to know of the labels: its labelling interface or settings.",
)
@common_options
@click.pass_context
def labels(context: click.Context, program: str | None) -> None:
    """List the labels: how many tweets carry each, its key, its definition and examples.

    Definitions and examples stand in workbench.toml, in the tables [definitions] and [examples].

    Example: workbench labels

    Example: workbench labels --for labelstudio

    Example: workbench labels rename negative bearish

    Example: workbench labels merge "very negative" negative
    """
    if context.invoked_subcommand is not None:
        return
    settings: Settings = context.obj
    with settings.store() as store:
        entries, config = label_set.label_entries(store), store.config
    if program == "labelstudio":
        say(label_studio.interface(config))
    elif program == "argilla":
        print_json(argilla.data_set(config))
    elif settings.as_json:
        print_json([asdict(entry) for entry in entries])
    else:
        _print_entries(entries)
    said = [*config.definitions, *config.examples]
    if strange := [name for name in dict.fromkeys(said) if name not in config.labels]:
        warn(
            f"workbench.toml says what {', '.join(map(repr, strange))} means, which is no label; "
            "correct the name there."
        )


def _print_entries(entries: list[LabelEntry]) -> None:
    table(
        None,
        (">", "label", ">tweets", ">gold", "key", "word", "definition and examples"),
        (
            (
                number,
                entry.label,
                f"{entry.tweets:,}",
                f"{entry.gold:,}",
                entry.key,
                entry.word,
                " ".join(filter(None, (entry.definition, *map(_quoted, entry.examples)))),
            )
            for number, entry in enumerate(entries, start=1)
        ),
    )


def _quoted(example: str) -> str:
    return f"“{example}”"


@labels.command()
@click.argument("old")
@click.argument("new")
@common_options
@click.pass_obj
def rename(settings: Settings, old: str, new: str) -> None:
    """Call a label otherwise. What runs and annotators said of it stays said of it.

    The history keeps the old name. One step, which undo takes back.

    Example: workbench labels rename negative bearish
    """
    with settings.store() as store, progress_bar("renaming") as progress:
        change = label_set.rename(store, old, new, progress)
    _print(settings, change)


@labels.command()
@click.argument("names", metavar="LABEL… INTO", nargs=-1, required=True)
@common_options
@click.pass_obj
def merge(settings: Settings, names: tuple[str, ...]) -> None:
    """Give all tweets of some labels another one, which may be new, and drop those labels.

    The probabilities that runs gave them add up. One step, which undo takes back.

    Example: workbench labels merge "very negative" negative

    Example: workbench labels merge joy hope optimism positive
    """
    *sources, into = names
    if not sources:
        raise click.UsageError("Name the labels to merge, and last the one that they become.")
    with settings.store() as store, progress_bar("merging") as progress:
        change = label_set.merge(store, sources, into, progress)
    _print(settings, change)


@labels.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@common_options
@click.pass_obj
def add(settings: Settings, names: tuple[str, ...]) -> None:
    """Add labels, as one step.

    Example: workbench labels add neutral
    """
    with settings.store() as store:
        change = label_set.add(store, *names)
    _print(settings, change)


@labels.command()
@click.argument("name")
@common_options
@click.pass_obj
def remove(settings: Settings, name: str) -> None:
    """Take out a label that no tweet carries.

    Example: workbench labels remove neutral
    """
    with settings.store() as store:
        change = label_set.remove(store, name)
    _print(settings, change)


def _print(settings: Settings, change: Change) -> None:
    if settings.as_json:
        print_json(
            {
                "action": change.action,
                "kind": change.kind,
                "labels": list(change.labels),
                "tweets": len(change.tweets),
            }
        )
        return
    moved = f"; {tweet_count(len(change.tweets))} changed"
    also = moved if change.kind == label_changes.MERGED else ""
    say(f"{', '.join(change.labels)}{also} (`workbench undo` takes it back).")


COMMANDS = (labels,)
