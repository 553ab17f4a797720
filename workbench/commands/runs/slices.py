"""The command that finds kinds of tweets on which a run errs: slices."""

from __future__ import annotations

from typing import Any

import click

from storage.errors import UsageError
from storage.plurals import tweet_count
from storage.store import Store
from workbench import figures, kept_analyses
from workbench.commands.runs.evaluated_run import evaluated_run, run_argument, split_option
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner
from workbench.kept_analyses import kept_or_made


@click.command()
@run_argument
@split_option
@click.option(
    "--versus", type=int, metavar="RUN", help="What RUN had right or wrong, and this one has not."
)
@common_options
@click.pass_obj
def slices(settings: Settings, number: int | None, split: str, versus: int | None) -> None:
    """Find the kinds of tweets on which a run errs more than elsewhere, the worst first.

    They are made of up to two conditions (length, emoji, cashtags, links, negation, questions,
    capitals, near-duplicates, source columns, words), tested on all tweets, and have to stand out
    in both halves of them: at most a tenth of those shown are due to chance. Figures are of the
    half in which they stand out less, intervals 95 %. With --versus: what this run broke and fixed.

    Example: workbench slices 3 --versus 1
    """
    with settings.store() as store, spinner("looking for slices"):
        run = evaluated_run(store, number)
        if versus == run.id:
            raise UsageError("Name two different runs to compare.")
        found = _found(store, run.id, split, versus)
    if settings.as_json:
        others = {} if versus is None else {"versus": versus}
        print_json({"run": run.id, "split": split, **others, **found})
        return
    if versus is None:
        wrong = f"{found['events']:,} of them wrong"
        say(f"Run {run.id} ({run.recipe}) on {found['n']:,} {split} tweets, {wrong}:")
        _print_slices(found, "wrong")
        return
    say(f"Run {run.id} against run {versus} on {found['n']:,} {split} tweets:")
    for name, was in (("broken", "right"), ("fixed", "wrong")):
        part = found[name]
        say(f"{part['events']:,} {name}, of {tweet_count(part['n'])} that run {versus} had {was}:")
        _print_slices(part, name)


def _found(store: Store, number: int, split: str, versus: int | None) -> dict[str, Any]:
    """The slices of a run as they are kept, or found now."""

    def make() -> dict[str, Any]:
        from workbench.evaluation.labelled_predictions import labelled_predictions
        from workbench.evaluation.slicing import change_slices, error_slices

        own = labelled_predictions(store, number, split)
        if versus is None:
            return error_slices(store, own)
        return change_slices(store, labelled_predictions(store, versus, split), own)

    if versus is None:
        return kept_or_made(store, kept_analyses.slices(number, split), make)
    return kept_or_made(store, kept_analyses.change_slices(number, versus, split), make)


def _print_slices(found: dict[str, Any], event: str) -> None:
    if found["reason"]:
        say(f"  none: {found['reason']}.")
        return
    if found["looked_at"] < found["n"]:
        say(f"  (looked at {found['looked_at']:,} of them, drawn at random)")
    table(
        None,
        (">tweets", f">{event}", "share, confirmed", ">q", "tweets that"),
        (
            (
                row["n"],
                row["events"],
                figures.interval(row["rate"], row["low"], row["high"]),
                f"{row['q']:.3f}",
                row["name"],
            )
            for row in found["slices"]
        ),
    )


COMMANDS = (slices,)
