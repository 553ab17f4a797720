"""Commands about labels: list, show, label, undo, redo, suspects."""

from __future__ import annotations

from typing import Any

import click

from storage import labels, tweets
from storage.events import Shown
from storage.predictions import predictions_for
from storage.tweets import Tweet
from workbench.commands.options import Settings, common
from workbench.commands.printing import (
    percent,
    print_change,
    print_json,
    print_jsonl,
    say,
    table,
)
from workbench.commands.progress import bar, busy
from workbench.commands.targets import target_options, targets


@click.command("list")
@click.argument("filter_text", metavar="[FILTER]", default="")
@click.option("--sort", default="id", help=f"One of {', '.join(tweets.SORTS)}.")
@click.option("--limit", type=click.IntRange(min=0), help="At most so many (20 for the table).")
@click.option("--run", type=int, help="Whose predictions to show (otherwise the newest).")
@click.option("--jsonl", is_flag=True, help="Print one JSON object a line.")
@click.option("--wrap", is_flag=True, help="Show whole texts, on as many lines as they take.")
@common
@click.pass_obj
def list_tweets(
    settings: Settings, filter_text: str, sort: str, limit: int | None, run: int | None,
    jsonl: bool, wrap: bool,
) -> None:  # fmt: skip
    """List tweets that pass a filter, one a line.

    After the confidence: c is a corrected label, k one that was looked at and kept, ! one that the
    prediction differs from.

    Example: workbench list "label:negative pred:positive conf:>0.9" --sort confidence
    """
    with settings.store() as store:
        if run is not None:
            tweets.require_run(store, run)
        as_table = not (settings.as_json or jsonl)
        shown = 20 if limit is None and as_table else limit
        found = tweets.each(store, filter_text, sort, run, shown)
        if jsonl:
            print_jsonl(tweet.as_json() for tweet in found)
        elif settings.as_json:
            print_json([tweet.as_json() for tweet in found])
        else:
            _print_table(list(found), len(tweets.listing(store, filter_text, sort, run)), wrap)


def _print_table(rows: list[Tweet], total: int, wrap: bool) -> None:
    table(
        None,
        (">id", "split", "gold", "label", "pred", ">conf", "", "text"),
        (
            (
                tweet.id, tweet.split, tweet.gold, tweet.label, tweet.pred,
                percent(tweet.confidence),
                ("c" if tweet.changed else "k" * tweet.reviewed) + "!" * tweet.disagrees,
                tweet.text,
            )
            for tweet in rows
        ),
        wrap,
    )  # fmt: skip
    say(f"{len(rows):,} of {total:,} tweets.")


@click.command()
@click.argument("number", metavar="ID", type=int)
@common
@click.pass_obj
def show(settings: Settings, number: int) -> None:
    """Show one tweet whole: labels, the predictions of every run, history, equal texts.

    Example: workbench show 42
    """
    with settings.store() as store:
        tweet = tweets.tweet(store, number)
        predictions: list[dict[str, Any]] = [
            {
                "run": run.id, "recipe": run.recipe, "label": label, "in_sample": inside,
                "probabilities": dict(zip(run.labels, values, strict=True)),
            }
            for run, label, values, inside in predictions_for(store, number)
        ]  # fmt: skip
        more: dict[str, Any] = {
            "note": tweet.note,
            "source": tweets.source(store, number),
            "duplicates": [i for i in tweets.duplicates(store, tweet.group) if i != number],
            "predictions": predictions,
            "history": labels.history(store, number),
        }
    if settings.as_json:
        print_json(tweet.as_json() | more)
        return
    say(tweet.text)
    say("")
    facts = {name: value for name, value in tweet.as_json().items() if name != "text"}
    facts |= {f"source {name}": value for name, value in more["source"].items()}
    facts |= {"note": tweet.note, "equal texts": ", ".join(map(str, more["duplicates"]))}
    table(None, ("what", "value"), [(k, v) for k, v in facts.items() if v not in (None, "", [])])
    for entry in predictions:
        inside = " (trained on this tweet)" if entry["in_sample"] else ""
        values = ", ".join(f"{k} {v:.3f}" for k, v in entry["probabilities"].items())
        say(f"run {entry['run']} {entry['recipe']}: {entry['label']} ({values}){inside}")


@click.command()
@target_options
@click.argument("label")
@common
@click.pass_obj
def label(settings: Settings, numbers: tuple[int, ...], where: str | None, label: str) -> None:
    """Give tweets a label; `none` takes it away. Several tweets are one undo step.

    Example: workbench label 42 negative

    Example: workbench label --where "conf:>0.99 pred:negative" negative
    """
    with settings.store() as store, bar("labelling") as progress:
        wanted = None if label.casefold() == "none" else store.config.require_label(label)
        ids = targets(store, numbers, where)
        change = labels.assign(store, ids, wanted, Shown(run=tweets.shown_run(store)), progress)
    print_change(settings.as_json, change, f"Labelled {{}} {wanted or 'none'}.")


@click.command()
@common
@click.pass_obj
def undo(settings: Settings) -> None:
    """Take back your last change; again takes back the one before it.

    Example: workbench undo
    """
    with settings.store() as store, bar("undoing") as progress:
        change = labels.undo(store, progress)
    print_change(settings.as_json, change, "Took back the change of {}.")


@click.command()
@common
@click.pass_obj
def redo(settings: Settings) -> None:
    """Do again what you took back last.

    Example: workbench redo
    """
    with settings.store() as store, bar("redoing") as progress:
        change = labels.redo(store, progress)
    print_change(settings.as_json, change, "Changed {} again.")


@click.command()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--run", type=int, help="Whose predictions to use (otherwise the newest baseline).")
@click.option("--wrap", is_flag=True, help="Show whole texts, on as many lines as they take.")
@common
@click.pass_obj
def suspects(settings: Settings, limit: int, run: int | None, wrap: bool) -> None:
    """Rank the labels that are most likely wrong, by predictions of a model that did not see them.

    Example: workbench suspects --limit 50
    """
    from workbench.runs.collecting import collect, rank_suspects

    with settings.store() as store, busy("ranking"):
        collect(store)
        ranked = rank_suspects(store, run)[:limit]
        source = ranked[0][2]
        number = int(source.split()[1])
        found = tweets.window(store, [row[0] for row in ranked], number, characters=None)
    rows = [
        tweet.as_json() | {"rank": rank, "score": score, "source": source}
        for rank, (tweet, (_, score, source)) in enumerate(zip(found, ranked, strict=True), start=1)
    ]
    if settings.as_json:
        print_json(rows)
        return
    table(
        None,
        (">rank", ">id", "label", "pred", ">conf", ">score", "text"),
        (
            (row["rank"], row["id"], row["label"], row["pred"], percent(row["confidence"]),
             f"{row['score']:+.3f}", row["text"])
            for row in rows
        ),
        wrap,
    )  # fmt: skip
    say(f"By {source}. Correct one with `workbench label ID LABEL`.")


COMMANDS = (list_tweets, show, label, undo, redo, suspects)
