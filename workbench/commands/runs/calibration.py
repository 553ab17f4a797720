"""Commands about how sure a run is: calibration, coverage."""

from __future__ import annotations

from typing import Any

import click

from storage.errors import UsageError, UserError
from storage.runs.runs import Run
from storage.store import Store, require_writable
from workbench import figures, kept_analyses
from workbench.commands.runs.evaluated_run import evaluated_run, run_argument, split_option
from workbench.commands.runs.trained_run import trained_run
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner
from workbench.kept_analyses import BINS, kept_or_made
from workbench.rundir import folder as run_folder


@click.command()
@run_argument
@split_option
@click.option(
    "--bins", type=click.IntRange(1, 100), default=BINS, show_default=True, help="Bins at most."
)
@click.option(
    "--save", is_flag=True, help="Keep the temperature with the adapter, for exports of it."
)
@common_options
@click.pass_obj
def calibration(settings: Settings, number: int | None, split: str, bins: int, save: bool) -> None:
    """Compare how sure a run is with how often it is right; intervals are 95 %.

    Each bin holds about as many tweets. A temperature above 1 says that the run is too sure; what
    it mends is measured on tweets that it was not fitted to, and one that mends nothing is not
    kept.

    Example: workbench calibration 3 --split dev --save
    """
    if save and split == "test":
        raise UsageError(
            "Test tweets measure a run and fit nothing of it; give --split dev (or train, of a run "
            "that is cross-fitted) with --save."
        )
    with settings.store() as store, spinner("measuring"):
        run = evaluated_run(store, number)
        found = _calibration(store, run.id, split, bins)
        if save:
            _save(trained_run(store, run.id), store, split, found)
    if settings.as_json:
        print_json({"run": run.id, "split": split, **found, "saved": save})
        return
    say(f"Run {run.id} ({run.recipe}) on {found['n']:,} {split} tweets, the least sure first:")
    table(
        None,
        ("said", ">mean", "was right", ">tweets", ""),
        (
            (
                f"{figures.probability(row['lowest'])} to {figures.probability(row['highest'])}",
                figures.percent(row["confidence"]),
                figures.interval(row["accuracy"], row["low"], row["high"]),
                row["n"],
                row["off"],
            )
            for row in found["bins"]
        ),
    )
    say(
        f"Expected calibration error {_with_interval(found, 'ece')}, "
        f"negative log-likelihood {_with_interval(found, 'nll')}."
    )
    _print_temperature(found)
    if save:
        say("The temperature is kept with the adapter.")
    if found["rough"]:
        say(found["rough"])


def _calibration(store: Store, number: int, split: str, bins: int) -> dict[str, Any]:
    """The calibration of a run as it is kept, or measured now."""

    def make() -> dict[str, Any]:
        from workbench.evaluation.calibrating import calibration as measure
        from workbench.evaluation.labelled_predictions import labelled_predictions

        return measure(labelled_predictions(store, number, split), bins)

    return kept_or_made(store, kept_analyses.calibration(number, split, bins), make)


def _save(run: Run, store: Store, split: str, found: dict[str, Any]) -> None:
    """Keep the temperature with the adapter of a run; raises UserError if there is none."""
    from workbench.modeling.export.adapter_folder import save_temperature

    if found["temperature"] is None or found["temperature_reason"]:
        raise UserError(f"No temperature was kept: {found['temperature_reason']}.")
    require_writable(store)
    adapter = store.run_folder(run.id) / run_folder.ADAPTER
    save_temperature(adapter, found["temperature"], split, found["n"])


def _print_temperature(found: dict[str, Any]) -> None:
    if found["temperature"] is None:
        say(f"No temperature: {found['temperature_reason']}.")
        return
    scaled = found["scaled"]
    say(
        f"With temperature {_with_interval(found, 'temperature', 2)} they are "
        f"{_with_interval(scaled, 'ece')} and {_with_interval(scaled, 'nll')}, on tweets that it "
        "was not fitted to."
    )
    if found["temperature_reason"]:
        say(f"Do not rely on it: {found['temperature_reason']}.")


def _with_interval(found: dict[str, Any], name: str, digits: int = 3) -> str:
    """A figure with its interval, such as 0.049 [0.037, 0.062]."""
    value, low, high = (f"{found[name + end]:.{digits}f}" for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


@click.command()
@run_argument
@split_option
@click.option(
    "--accuracy",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="How many tweets can be answered with this accuracy, such as 0.95.",
)
@common_options
@click.pass_obj
def coverage(settings: Settings, number: int | None, split: str, accuracy: float | None) -> None:
    """How accurate a run is if it answers only where it is surest; intervals are 95 %.

    Example: workbench coverage 3 --accuracy 0.95
    """
    with settings.store() as store, spinner("measuring"):
        run = evaluated_run(store, number)
        found = _coverage(store, run.id, split, accuracy)
    if settings.as_json:
        print_json({"run": run.id, "split": split, **found})
        return
    say(f"Run {run.id} ({run.recipe}) on {found['n']:,} {split} tweets:")
    table(
        None,
        (">answers", ">tweets", "accuracy", "at a confidence of at least"),
        (
            (
                figures.percent(point["coverage"]),
                point["n"],
                figures.interval(point["accuracy"], point["low"], point["high"]),
                f"{point['threshold']:.3f}",
            )
            for point in found["points"]
        ),
    )
    if accuracy is not None:
        _print_wanted(accuracy, found["wanted"]["point"])


def _coverage(store: Store, number: int, split: str, accuracy: float | None) -> dict[str, Any]:
    """The coverage of a run as it is kept, or measured now."""

    def make() -> dict[str, Any]:
        from workbench.evaluation.calibrating import coverage as measure
        from workbench.evaluation.labelled_predictions import labelled_predictions

        return measure(labelled_predictions(store, number, split), accuracy)

    return kept_or_made(store, kept_analyses.coverage(number, split, accuracy), make)


def _print_wanted(accuracy: float, point: dict[str, Any] | None) -> None:
    if point is None:
        say(f"No confidence gives an accuracy of {figures.percent(accuracy)}.")
        return
    say(
        f"It answers {figures.percent(point['coverage'])} of the tweets at "
        f"{figures.interval(point['accuracy'], point['low'], point['high'])}, those with a "
        f"confidence of at least {point['threshold']:.3f}."
    )


COMMANDS = (calibration, coverage)
