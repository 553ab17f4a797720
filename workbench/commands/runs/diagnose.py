"""The command that says why a run is not better than it is: diagnose."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from storage.runs.displayed_run import measured_against
from storage.store import Store
from workbench import kept_analyses
from workbench.commands.runs.evaluated_run import evaluated_run, run_argument, split_option
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner
from workbench.kept_analyses import kept_or_made
from workbench.rundir import folder

MARKS = {"problem": "!", "fine": "✓", "unknown": "?"}


@click.command()
@run_argument
@split_option
@common_options
@click.pass_obj
def diagnose(settings: Settings, number: int | None, split: str) -> None:
    """Say what is wrong with a run: one line for each thing that is looked at.

    Divergence, a plateau, overfitting and the learning rate of a training; and whether its answers
    are worse than the commonest label, the promoted run or the baseline (McNemar's exact test).

    Example: workbench diagnose 3
    """
    with settings.store() as store, spinner("looking at the run"):
        run = evaluated_run(store, number)
        key = kept_analyses.diagnosis(run.id, measured_against(store, run.id), split)
        make = partial(_diagnose, store, run.id, split)
        # the log of a run that is not done may still grow
        told = kept_or_made(store, key, make) if run.state == folder.DONE else make()
        found = told["findings"]
    if settings.as_json:
        print_json({"run": run.id, "split": split, "findings": found})
        return
    say(f"Run {run.id} ({run.recipe}), {split} tweets:")
    rows = ((MARKS[each["state"]], each["check"], each["sentence"]) for each in found)
    table(None, ("", "", ""), rows)


def _diagnose(store: Store, run: int, split: str) -> dict[str, Any]:
    from workbench.evaluation.diagnosing import diagnose as look

    return {"findings": look(store, run, split)}


COMMANDS = (diagnose,)
