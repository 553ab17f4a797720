"""The command that says why a run answers tweets as it does: why."""

from __future__ import annotations

from typing import Any

import click

from storage.errors import UsageError
from storage.runs.runs import Run
from workbench import figures
from workbench.commands.runs.evaluated_run import evaluated_run
from workbench.commands.runs.scorer import scorer
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner
from workbench.console.targets import external_option, named_ids

MOST_WORDS = 8


@click.command()
@click.argument("numbers", metavar="[ID…]", nargs=-1, type=int)
@external_option
@click.option("--run", "run_number", type=int, help="The run to ask (otherwise the shown one).")
@common_options
@click.pass_obj
def why(
    settings: Settings,
    numbers: tuple[int, ...],
    external: tuple[str, ...],
    run_number: int | None,
) -> None:
    """Say what the answer of a run to a tweet hangs on; of several tweets, one after the other.

    The fewest words without which the answer is another (tried, not guessed), how much each word
    does for the answer, and the nearest labelled tweets that are no near-duplicates. A baseline
    answers as models of it that have not seen the tweet; an adapter is asked through the engine if
    one is running. What a run has said of a tweet is kept. --json gives a list for several tweets.

    Example: workbench why 349 --run 3
    """
    from workbench.evaluation.explaining import why as explain

    with settings.store() as store:
        if not (ids := named_ids(store, numbers, external)):
            raise UsageError("Name a tweet, by its id or by that of its file (--external ID).")
        run = evaluated_run(store, run_number)
        with spinner(f"asking run {run.id}"):
            found = [explain(store, run, tweet, scorer(store, run, tweet)) for tweet in ids]
    if settings.as_json:
        print_json(found[0] if len(found) == 1 else found)
        return
    for one in found:
        _print_words(run, one)
        _print_nearest(one)


def _print_words(run: Run, found: dict[str, Any]) -> None:
    said = figures.probabilities(found["probabilities"])
    given = "no label" if found["label"] is None else f"label {found['label']}"
    say(f"Tweet {found['tweet']} ({given}): run {run.id} says {found['pred']} ({said}).")
    if (removal := found["smallest"]) is None:
        say(f"None of {found['tried']:,} removals of words changes that.")
    else:
        words = " ".join(f"“{word}”" for word in removal["words"])
        sure = figures.probability(removal["probabilities"][removal["pred"]])
        say(f"Without {words} it says {removal['pred']} ({sure}).")
    ordered = sorted(found["words"], key=lambda word: -abs(word["effect"]))[:MOST_WORDS]
    table(
        None,
        (f">for {found['pred']}", "word"),
        ((figures.score(word["effect"]), word["word"]) for word in ordered),
    )


def _print_nearest(found: dict[str, Any]) -> None:
    if not found["nearest"]:
        say("No labelled tweet shares words with it.")
        return
    say(f"The nearest labelled tweets, by {found['nearest_by']}:")
    rows = ((near["id"], near["label"], near["text"]) for near in found["nearest"])
    table(None, (">id", "label", "text"), rows, wrap=False)


COMMANDS = (why,)
