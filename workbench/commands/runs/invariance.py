"""The command that changes texts in ways that should not matter: invariance."""

from __future__ import annotations

from typing import Any

import click

from storage.runs.runs import Run
from storage.store import Store
from workbench import figures, kept_analyses
from workbench.commands.runs.evaluated_run import (
    evaluated_run,
    flips_option,
    run_argument,
    split_option,
)
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner
from workbench.kept_analyses import SAMPLE, kept_or_made


@click.command()
@run_argument
@split_option
@click.option(
    "--sample", type=click.IntRange(min=1), default=SAMPLE, show_default=True, help="Tweets to ask."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Which ones are drawn.")
@flips_option(10)
@common_options
@click.pass_obj
def invariance(
    settings: Settings, number: int | None, split: str, sample: int, seed: int, limit: int
) -> None:
    """Ask a run about tweets that are changed in ways that should not change their label.

    Another cashtag, no URL, no @user, lower case, no emoji, exclamation marks: how often the
    answer flips, with 95 % intervals, and for which tweets.

    Example: workbench invariance 3 --sample 500
    """
    with settings.store() as store:
        run = evaluated_run(store, number)
        with spinner(f"asking run {run.id}"):
            found = kept_or_made(
                store,
                kept_analyses.invariance(run.id, split, sample, seed),
                lambda: _found(store, run, split, sample, seed),
            )
    if settings.as_json:
        print_json({"run": run.id, "split": split, "seed": seed, **found})
        return
    say(f"Run {run.id} ({run.recipe}) on {found['n']:,} {split} tweets, drawn with seed {seed}:")
    table(
        None,
        ("change", ">tweets", ">flipped", "share"),
        (
            (
                each["change"],
                each["n"],
                each["flipped"],
                figures.interval(each["rate"], each["low"], each["high"]),
            )
            for each in found["changes"]
        ),
    )
    _print_flips(found, limit)


def _found(store: Store, run: Run, split: str, sample: int, seed: int) -> dict[str, Any]:
    from workbench.commands.runs.scorer import scorer
    from workbench.evaluation.invariances import check_invariance

    return check_invariance(store, run, split, sample, seed, scorer(store, run))


def _print_flips(found: dict[str, Any], limit: int) -> None:
    flips = [(each["change"], flip) for each in found["changes"] for flip in each["flips"]]
    if flips and limit:
        table(
            None,
            (">id", "change", "before", "after", "text"),
            [
                (flip["id"], change, flip["before"], flip["after"], flip["text"])
                for change, flip in flips[:limit]
            ],
            wrap=False,
        )
        if len(flips) > limit:
            say(f"… and {len(flips) - limit:,} more; --limit shows them.")


COMMANDS = (invariance,)
