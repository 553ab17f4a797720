"""The command that sets the predictions of a run against the labels: evaluate."""

from __future__ import annotations

import click

from storage.errors import UserError
from storage.runs.runs import Run
from workbench import figures
from workbench.commands.runs.evaluated_run import evaluated_run, run_argument, split_option
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner
from workbench.judged_filters import cells


@click.command()
@run_argument
@split_option
@common_options
@click.pass_obj
def evaluate(settings: Settings, number: int | None, split: str) -> None:
    """Compare a run's predictions with the current labels; intervals are 95 %.

    Tweets that the run trained on do not count.

    The tweets behind a cell of the confusion matrix are listed by the filter that --json gives for
    it, such as `list "run:3 split:test insample:no -flag:excluded label:negative pred:positive"`.

    Example: workbench evaluate 3 --json
    """
    from workbench.evaluation.labelled_predictions import nothing_to_judge
    from workbench.evaluation.run_evaluation import evaluate_run

    with settings.store() as store, spinner("evaluating"):
        run = evaluated_run(store, number)
        report = evaluate_run(store, run.id, split).get(split)
    if report is None:
        raise UserError(nothing_to_judge(run, split))
    if settings.as_json:
        print_json({"run": run.id, "split": split, **report, "cells": cells(run, split, report)})
    else:
        _print_report(run, split, report)


def _print_report(run: Run, split: str, report: dict) -> None:  # type: ignore[type-arg]
    say(
        f"Run {run.id} ({run.recipe}) against the current labels of {report['n']:,} {split} tweets:"
    )
    say(f"  accuracy {figures.metric(report)}")
    say(f"  macro F1 {figures.metric(report, 'macro_f1')}")
    say(f"  macro recall {figures.metric(report, 'macro_recall')}")
    table(
        None,
        ("label", "precision", "recall", "F1", ">tweets"),
        (
            (
                label,
                figures.interval(row["precision"], *row["precision_interval"]),
                figures.interval(row["recall"], *row["recall_interval"]),
                figures.interval(row["f1"], *row["f1_interval"]),
                row["n"],
            )
            for label, row in report["classes"].items()
        ),
    )
    say("Confusion matrix (rows: label, columns: prediction):")
    table(
        None,
        ("", *(f">{label}" for label in report["labels"])),
        ((label, *row) for label, row in zip(report["labels"], report["confusion"], strict=True)),
    )


COMMANDS = (evaluate,)
