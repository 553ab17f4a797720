"""The command that says what labelling has brought: measure."""

from __future__ import annotations

from typing import Any

import click

from workbench import figures
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner


@click.command("measure")
@common_options
@click.pass_obj
def show_measurement(settings: Settings) -> None:
    """Say whether the model leads whoever labels, how many suggestions are taken, what was gained.

    Agreement is compared between tweets that were labelled blind and others (`queue --blind`).
    Suspects are left out of that, as they were chosen where the run differs: their blind answers
    are told by themselves. Gained is test accuracy from a run to the next per 100 labels that
    changed. Intervals are 95 %.

    Example: workbench measure
    """
    from workbench.evaluation.measurement import measure
    from workbench.runs.collecting import collect

    with settings.store() as store, spinner("measuring"):
        collect(store)
        found = measure(store)
    if settings.as_json:
        print_json(found)
        return
    for line in agreement_lines(found):
        say(line)
    if found["suggestions"]:
        rows = [(one["run"], estimate(one["taken"])) for one in found["suggestions"]]
        say("Suggestions taken, where the label was another one or none:")
        table(None, (">run", "taken"), rows)
    if not found["gains"]:
        say("No two runs of a kind have labels changed between them and test tweets yet.")
        return
    say("Test accuracy gained:")
    table(
        None,
        (">runs", ">labels changed", "by", "gained", "per 100 labels"),
        (
            (
                "{} → {}".format(*gain["runs"]),
                gain["changes"],
                ", ".join(f"{name} {count:,}" for name, count in gain["sources"].items()),
                points(gain["accuracy"]),
                points(gain["per_100"]),
            )
            for gain in found["gains"]
        ),
    )
    say("By what the tweets came from:")
    table(
        None,
        ("source", ">labels changed", "gained per 100"),
        ((one["source"], one["changes"], points(one["per_100"])) for one in found["by_source"]),
    )


def agreement_lines(found: dict[str, Any]) -> list[str]:
    """How often people agree with a run, blind and not, in sentences."""
    told = found["agreement"]
    blind, seen = told["blind"], told["seen"]
    lines = [
        f"Labelled blind, people agree with the run on {estimate(blind)}."
        if blind["n"]
        else "No tweet was labelled blind yet, suspects aside.",
        f"Seeing its prediction, they agree on {estimate(seen)}."
        if seen["n"]
        else "No tweet was labelled with its prediction in view yet, suspects aside.",
    ]
    if hidden := told["blind_by_queue"]:
        by_queue = "; ".join(f"{one['queue']} {estimate(one)}" for one in hidden)
        lines.append(f"Labelled blind, by queue: {by_queue}. Suspects count here only.")
    if told["difference"]["value"] is None:
        return [*lines, "Both are needed for a comparison; `workbench queue` makes some blind."]
    return [*lines, f"The prediction leads them by {points(told['difference'])}."]


def points(found: dict[str, Any]) -> str:
    """A difference of shares in points, with its interval."""
    if found["value"] is None:
        return "-"
    return figures.points(found["value"], found["low"], found["high"])


def estimate(found: dict[str, Any]) -> str:
    """A share with its interval, and of how many tweets it is."""
    if found["value"] is None:
        return "none yet"
    share = figures.interval(found["value"], found["low"], found["high"])
    return f"{share} of {found['n']:,}"


COMMANDS = (show_measurement,)
