"""Commands about labels: list, show, label, undo, redo."""

from __future__ import annotations

from typing import Any

import click

from storage.errors import UsageError
from storage.history import labels
from storage.history.events import EditContext
from storage.history.labels import Change
from storage.history.queue_context import queue_context
from storage.plurals import tweet_count
from storage.query import paging, tweets
from storage.runs import runs, suspect_ranking
from storage.runs.displayed_run import require_predictions
from storage.runs.predictions import predictions_for
from storage.store import Store
from storage.tweet import Tweet
from workbench import figures
from workbench.console.options import Settings, common_options, warn
from workbench.console.printing import print_change, print_json, print_jsonl, say, table
from workbench.console.progress import progress_bar
from workbench.console.targets import Targets, external_option, one_id, target_options
from workbench.runs.description import describe_run


@click.command("list")
@click.argument("filter_text", metavar="[FILTER]", default="")
@click.option("--sort", default="id", help=f"One of {', '.join(tweets.SORTS)}.")
@click.option("--limit", type=click.IntRange(min=0), help="At most so many (20 for the table).")
@click.option("--run", type=int, help="Whose predictions to show (otherwise the shown run's).")
@click.option("--jsonl", is_flag=True, help="Print one JSON object a line.")
@click.option("--wrap", is_flag=True, help="Show whole texts, on as many lines as they take.")
@common_options
@click.pass_obj
def list_tweets(
    settings: Settings,
    filter_text: str,
    sort: str,
    limit: int | None,
    run: int | None,
    jsonl: bool,
    wrap: bool,
) -> None:
    """List tweets that pass a filter, one a line.

    After the confidence: c is a corrected label, k one that was looked at and kept, ! one that the
    prediction differs from.

    Example: workbench list "label:negative pred:positive conf:>0.9" --sort confidence
    """
    with settings.store() as store:
        if run is not None:
            require_predictions(store, run, "there is nothing of it to show")
        as_table = not (settings.as_json or jsonl)
        shown = 20 if limit is None and as_table else limit
        found = tweets.each(store, filter_text, sort, run, shown)
        if jsonl:
            print_jsonl(tweet.as_json() for tweet in found)
        elif settings.as_json:
            print_json([tweet.as_json() for tweet in found])
        else:
            rows, asked = list(found), paging.list_query(store, filter_text, sort, run)
            _print_table(rows, wrap)
            of = tweet_count(paging.count(store, asked))
            say(f"{len(rows):,} of {of}{_by(store, asked.run)}.")
        if sort == "suspect" and (why := suspect_ranking.stale(store)):
            warn(f"The order of the suspects is stale ({why}); `workbench suspects` ranks anew.")


def _print_table(rows: list[Tweet], wrap: bool) -> None:
    table(
        None,
        (">id", "split", "gold", "label", "pred", ">conf", "", "text"),
        (
            (
                tweet.id,
                tweet.split,
                tweet.gold,
                tweet.label,
                tweet.pred,
                figures.probability(tweet.confidence),
                ("c" if tweet.changed else "k" * tweet.reviewed) + "!" * tweet.disagrees,
                tweet.text,
            )
            for tweet in rows
        ),
        wrap,
    )


def _by(store: Store, run: int | None) -> str:
    """Whose predictions a list shows, and of how many tweets."""
    if run is None:
        return ""
    return f"; predictions of {describe_run(runs.get(store, run), tweets.counts(store).tweets)}"


@click.command()
@click.argument("numbered", metavar="[ID]", type=int, required=False)
@external_option
@common_options
@click.pass_obj
def show(settings: Settings, numbered: int | None, external: tuple[str, ...]) -> None:
    """Show one tweet whole: labels, the predictions of every run, history, equal texts.

    Example: workbench show 42

    Example: workbench show --external 1050118621198921728
    """
    with settings.store() as store:
        if (number := one_id(store, numbered, external)) is None:
            raise UsageError("Name the tweet by its id, or by that of its file (--external ID).")
        tweet = tweets.tweet(store, number)
        predictions: list[dict[str, Any]] = [
            {
                "run": run.id,
                "recipe": run.recipe,
                "label": label,
                "in_sample": inside,
                "probabilities": dict(zip(run.labels, values, strict=True)),
            }
            for run, label, values, inside in predictions_for(store, number)
        ]
        more: dict[str, Any] = {
            "note": tweet.note,
            "source": tweets.source_columns(store, number),
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
    facts["confidence"] = figures.probability(tweet.confidence)
    facts |= {"note": tweet.note, "equal texts": ", ".join(map(str, more["duplicates"]))}
    table(None, ("what", "value"), [(k, v) for k, v in facts.items() if v not in (None, "", [])])
    for entry in predictions:
        inside = " (trained on this tweet)" if entry["in_sample"] else ""
        values = figures.probabilities(entry["probabilities"])
        say(f"run {entry['run']} {entry['recipe']}: {entry['label']} ({values}){inside}")


@click.command()
@target_options
@click.argument("label")
@click.option("--queue", metavar="NAME", help="The queue that a single tweet came from.")
@common_options
@click.pass_obj
def label(settings: Settings, targets: Targets, label: str, queue: str | None) -> None:
    """Give tweets a label; `none` takes it away. Several tweets are one undo step.

    Example: workbench label 42 negative

    Example: workbench label --external 1050118621198921728 negative

    Example: workbench label --where "conf:>0.99 pred:negative" negative

    Example: workbench label 42 negative --queue mix
    """
    with settings.store() as store, progress_bar("labelling") as progress:
        wanted = None if label.casefold() == "none" else store.config.require_label(label)
        ids = targets.ids(store)
        if queue is not None and len(ids) != 1:
            raise UsageError("--queue is kept with the label of one tweet; name that one alone.")
        shown = EditContext(run=tweets.shown_run(store))
        context = shown if queue is None else queue_context(store, queue, ids[0])
        change = labels.assign(store, ids, wanted, context, progress)
    print_change(
        settings.as_json,
        change,
        f"Labelled {{}} {wanted or 'none'}.",
        "it already" if wanted else "none",
    )


@click.command()
@common_options
@click.pass_obj
def undo(settings: Settings) -> None:
    """Take back your last change; again takes back the one before it.

    Example: workbench undo
    """
    with settings.store() as store, progress_bar("undoing") as progress:
        change = labels.undo(store, progress)
    print_change(settings.as_json, change, _whose("Took back the change of {}.", change))


@click.command()
@common_options
@click.pass_obj
def redo(settings: Settings) -> None:
    """Do again what you took back last.

    Example: workbench redo
    """
    with settings.store() as store, progress_bar("redoing") as progress:
        change = labels.redo(store, progress)
    print_change(settings.as_json, change, _whose("Changed {} again.", change))


def _whose(sentence: str, change: Change) -> str:
    """The sentence, and what became of the label set, where that has changed."""
    if not change.labels:
        return sentence
    labels = f"{', '.join(change.labels)}."
    return f"{labels} {sentence}" if change.tweets else labels


COMMANDS = (list_tweets, show, label, undo, redo)
