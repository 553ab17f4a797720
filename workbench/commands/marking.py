"""Commands that do what keys of the screen do: keep, take, exclude, flag, ambiguous, note."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from storage.errors import UserError
from storage.history import labels
from storage.history.events import EditContext, edit_batches
from storage.query import tweets
from storage.runs.displayed_run import require_predictions
from storage.store import Store
from storage.tweet import Tweet
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_change
from workbench.console.progress import progress_bar
from workbench.console.targets import Targets, target_options


@click.command()
@target_options
@common_options
@click.pass_obj
def keep(settings: Settings, targets: Targets) -> None:
    """Record that labels were looked at and are right: the tweets count as reviewed.

    Example: workbench keep 42 43

    Example: workbench keep --where "by:ana disagree:no"
    """
    missing = (
        "has no label to keep; give it one, or leave it out (-label:none)",
        "have no label to keep; give them one, or leave them out (-label:none)",
    )
    with settings.store() as store, progress_bar("keeping") as progress:
        ids, run = targets.ids(store), tweets.shown_run(store)
        wanted = _chosen(store, ids, run, lambda tweet: tweet.label, missing)
        change = labels.assign_each(store, wanted, EditContext(run=run), progress, seen=wanted)
    print_change(settings.as_json, change, "Kept the label of {}.")


@click.command()
@target_options
@click.option("--run", "number", type=int, help="Whose predictions (otherwise those shown).")
@common_options
@click.pass_obj
def take(settings: Settings, targets: Targets, number: int | None) -> None:
    """Take the predictions of a run as the labels of tweets, as one undo step.

    Example: workbench take 42

    Example: workbench take --where "disagree:yes conf:>0.99" --run 3
    """
    missing = (
        "has no prediction to take; score it with `workbench predict`",
        "have no prediction to take; score them with `workbench predict`",
    )
    with settings.store() as store, progress_bar("labelling") as progress:
        run = number or tweets.shown_run(store)
        require_predictions(store, run, "there is nothing to take")
        ids = targets.ids(store)
        wanted = _chosen(store, ids, run, lambda tweet: tweet.pred, missing)
        change = labels.assign_each(store, wanted, EditContext(run=run), progress)
    print_change(
        settings.as_json, change, f"Took the predictions of run {run} for {{}}.", "that label"
    )


def _chosen(
    store: Store,
    ids: Sequence[int],
    run: int | None,
    choose: Callable[[Tweet], str | None],
    missing: tuple[str, str],
) -> dict[int, str | None]:
    """The label chosen for each tweet; raises UserError where there is none.

    `missing` says so of one tweet, and of several.
    """
    found: dict[int, str | None] = {}
    for batch in edit_batches(ids):
        found |= {t.id: choose(t) for t in tweets.window(store, batch, run, characters=0)}
    if without := [number for number, label in found.items() if label is None]:
        which = f"Tweet {without[0]}"
        if len(without) > 1:
            which = f"{len(without):,} of the tweets, such as {without[0]},"
        raise UserError(f"{which} {missing[len(without) > 1]}.")
    return found


@click.command()
@target_options
@click.option("--off", is_flag=True, help="Let them be trained on again.")
@common_options
@click.pass_obj
def exclude(settings: Settings, targets: Targets, off: bool) -> None:
    """Exclude tweets from training.

    Example: workbench exclude 42

    Example: workbench exclude --where "len:<10" --off
    """
    said = "Let {} be trained on again." if off else "Excluded {} from training."
    _mark(settings, targets, "excluded", off, said)


@click.command()
@target_options
@click.option("--off", is_flag=True, help="Take the flag away.")
@common_options
@click.pass_obj
def flag(settings: Settings, targets: Targets, off: bool) -> None:
    """Flag tweets for review, to be found with the filter flag:review.

    Example: workbench flag 42 43
    """
    said = "Took the flag off {}." if off else "Flagged {} for review."
    _mark(settings, targets, "review", off, said)


@click.command()
@target_options
@click.option("--off", is_flag=True, help="Take the mark away.")
@common_options
@click.pass_obj
def ambiguous(settings: Settings, targets: Targets, off: bool) -> None:
    """Mark tweets as ambiguous: people would differ, so they are not trained on.

    Example: workbench ambiguous 42
    """
    said = "Took the mark ambiguous off {}." if off else "Marked {} as ambiguous."
    _mark(settings, targets, "ambiguous", off, said)


def _mark(
    settings: Settings,
    targets: Targets,
    field: str,
    off: bool,
    said: str,
) -> None:
    with settings.store() as store, progress_bar("marking") as progress:
        ids = targets.ids(store)
        shown = EditContext(run=tweets.shown_run(store))
        change = labels.mark(store, ids, field, not off, shown, progress)
    print_change(settings.as_json, change, said, "no such mark" if off else "it already")


@click.command()
@target_options
@click.argument("text")
@common_options
@click.pass_obj
def note(settings: Settings, targets: Targets, text: str) -> None:
    """Write a note on tweets, in the place of the one they have; an empty TEXT takes it away.

    Example: workbench note 42 "sarcasm"

    Example: workbench note --where "len:>400" "a thread, not a tweet"
    """
    with settings.store() as store, progress_bar("writing") as progress:
        ids = targets.ids(store)
        shown = EditContext(run=tweets.shown_run(store))
        change = labels.annotate_each(store, ids, text.strip(), shown, progress)
    print_change(
        settings.as_json,
        change,
        f"{'Wrote' if text.strip() else 'Took away'} the note of {{}}.",
        "it already" if text.strip() else "none",
    )


COMMANDS = (keep, take, exclude, flag, ambiguous, note)
