"""The command that sets the predictions of a run against the labels: evaluate."""

from __future__ import annotations

import click

from storage.errors import UserError
from storage.query import tweets
from storage.runs import runs as stored_runs
from storage.runs.runs import Run
from workbench import figures
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner


@click.command()
@click.argument("number", metavar="[RUN]", type=int, required=False)
@click.option(
    "--split", type=click.Choice(["train", "dev", "test"]), default="test", show_default=True
)
@common_options
@click.pass_obj
def evaluate(settings: Settings, number: int | None, split: str) -> None:
    """Compare a run's predictions with the current labels; intervals are 95 %.

    Tweets that the run trained on do not count.

    Example: workbench evaluate 3 --json
    """
    from workbench.evaluation.run_evaluation import evaluate_run
    from workbench.runs.collecting import collect

    with settings.store() as store, spinner("evaluating"):
        collect(store)
        shown = number if number is not None else tweets.shown_run(store)
        if shown is None:
            raise UserError("No run has predictions yet; start one with `workbench train`.")
        run = stored_runs.get(store, shown)
        report = evaluate_run(store, run.id, split).get(split)
    if report is None:
        raise UserError(
            f"Run {run.id} has no predictions for labelled {split} tweets that it did not train on "
            f"(it is {run.state})."
        )
    if settings.as_json:
        print_json({"run": run.id, "split": split, **report})
    else:
        _print_report(run, split, report)


def _print_report(run: Run, split: str, report: dict) -> None:  # type: ignore[type-arg]
    say(
        f"Run {run.id} ({run.recipe}) against the current labels of {report['n']:,} {split} tweets:"
    )
    say(f"  accuracy {figures.metric(report)}")
    say(f"  macro F1 {figures.metric(report, 'macro_f1')}")
    table(
        None,
        ("label", "precision", "recall", ">F1", ">tweets"),
        (
            (
                label,
                figures.interval(row["precision"], *row["precision_interval"]),
                figures.interval(row["recall"], *row["recall_interval"]),
                figures.percent(row["f1"]),
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
