"""Commands about runs: train, predict, runs, logs, stop, resume, evaluate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from storage import runs as stored_runs
from storage import tweets
from storage.errors import UserError
from storage.runs import Run
from storage.store import Store
from workbench import recipes
from workbench.bases import require_model, require_same_base
from workbench.commands.dry_run import show
from workbench.commands.groups import compare
from workbench.commands.launching import (
    chosen_launch,
    launch_options,
    start_engine,
    warn_of_logout,
    with_gpus,
)
from workbench.commands.options import Settings, common, warn
from workbench.commands.printing import interval, outside_sentence, percent, print_json, say, table
from workbench.commands.progress import busy
from workbench.commands.watching import follow, wait
from workbench.runs import folder as run_folder
from workbench.runs import launching
from workbench.runs.folder import State
from workbench.runs.telling import last_line, line_of


@click.command()
@click.option("--recipe", help=f"One of {', '.join(recipes.names())} (otherwise the workspace's).")
@click.option(
    "--base", help="Base model: a hub name or a local folder (otherwise the workspace's)."
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Such as lora.r=8; repeatable."
)
@click.option(
    "--predict",
    "filter_text",
    default="",
    metavar="FILTER",
    help="Which tweets to score afterwards.",
)
@click.option("--trust-remote-code", is_flag=True, help="Run code that comes with this hub model.")
@click.option("--dry-run", is_flag=True, help="Only say what it would train on, and need.")
@click.option("--wait", "waits", is_flag=True, help="Stay until the run has ended.")
@launch_options
@common
@click.pass_obj
def train(  # noqa: PLR0913, PLR0917 - as many as it has options
    settings: Settings, recipe: str | None, base: str | None, overrides: tuple[str, ...],
    filter_text: str, trust_remote_code: bool, dry_run: bool, waits: bool, launcher: str | None,
    nodes: int, gpus: int,
) -> None:  # fmt: skip
    """Freeze the current labels and train on them in a process of its own.

    Test tweets, and texts equal to one, never enter training. The run goes on when this terminal
    closes; watch it with `workbench logs ID -f`.

    Example: workbench train --recipe fast --base ./falcon-7b --set lora.r=8 --wait
    """
    from workbench.runs.freezing import freeze_training

    with settings.store(daily_backup=not dry_run) as store:
        chosen = recipes.load(recipe or store.config.recipe, overrides)
        how = chosen_launch(launcher, nodes, gpus, chosen)
        model = base or store.config.base
        if chosen.kind == "qlora":
            require_model(model)
        if dry_run:
            show(store, chosen, model, filter_text, settings.as_json)
            return
        start_engine(how)
        compare(store)
        with busy("freezing the labels"):
            frozen = freeze_training(store, chosen, model, filter_text, trust_remote_code)
        launching.launch(frozen.path, how)
        if not settings.as_json:
            dev = f", {frozen.dev:,} for dev" if frozen.dev else ""
            say(f"Run {frozen.job.id} ({chosen.name}): {frozen.train:,} tweets to train on{dev}.")
            if outside := tweets.outside(store):
                say(outside_sentence(outside))
        warn_of_logout()
        finish(settings, store, frozen.job.id, waits)


@click.command()
@click.argument("filter_text", metavar="[FILTER]", default="")
@click.option(
    "--run", "number", type=int, help="The run whose adapter to use (otherwise the newest)."
)
@click.option("--base", help="Score with a base model as it is, without an adapter.")
@click.option("--recipe", default="fast", show_default=True, help="With --base: how to load it.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="With --base.")
@click.option("--wait", "waits", is_flag=True, help="Stay until the run has ended.")
@launch_options
@common
@click.pass_obj
def predict(
    settings: Settings, filter_text: str, number: int | None, base: str | None, recipe: str,
    overrides: tuple[str, ...], waits: bool, launcher: str | None, nodes: int, gpus: int,
) -> None:  # fmt: skip
    """Score the tweets that pass a filter, with a trained run or with a base as it is.

    Example: workbench predict --run 3 "split:test" --wait
    """
    from workbench.runs.freezing import freeze_prediction

    how = chosen_launch(launcher, nodes, gpus)
    with settings.store() as store:
        if base is not None:
            require_model(base)
            chosen = recipes.load(recipe, overrides)
            start_engine(how)
            with busy("freezing the tweets"):
                frozen = freeze_prediction(store, chosen, base, filter_text, None, None)
        else:
            run = trained_run(store, number)
            path = store.run_folder(run.id)
            job = run_folder.read_job(path)
            require_same_base(job.base, job.base_print)
            start_engine(how)
            with busy("freezing the tweets"):
                frozen = freeze_prediction(
                    store, job.recipe, str(job.base), filter_text, path / run_folder.ADAPTER,
                    path / run_folder.TRAIN, job.trust_remote_code,
                )  # fmt: skip
        launching.launch(frozen.path, how)
        if not settings.as_json:
            say(f"Run {frozen.job.id}: {frozen.predict:,} tweets to score.")
        warn_of_logout()
        finish(settings, store, frozen.job.id, waits)


def trained_run(store: Store, number: int | None) -> Run:
    """The run with this number, or the newest trained one; raises UserError without an adapter."""
    from workbench.runs.collecting import collect

    collect(store)
    run = (
        stored_runs.latest(store, ("qlora",)) if number is None else stored_runs.get(store, number)
    )
    if not (store.run_folder(run.id) / run_folder.ADAPTER).is_dir():
        raise UserError(
            f"Run {run.id} ({run.recipe}, {run.state}) has no adapter; name a trained run."
        )
    return run


def finish(settings: Settings, store: Store, number: int, waits: bool) -> None:
    """Wait for a run if asked to, and print it."""
    from workbench.runs.collecting import collect

    if waits:
        wait(store, number, quiet=settings.as_json)
        with busy("reading what it produced"):
            collect(store)
    run = stored_runs.get(store, number)
    if settings.as_json:
        print_json(run.as_json())
    elif waits:
        _print_runs([run])
    else:
        say(f"It goes on without this terminal; `workbench logs {number} -f` follows it.")
    if waits and run.state == run_folder.FAILED:
        raise UserError(f"Run {number} failed: {run.reason}")


@click.command()
@common
@click.pass_obj
def runs(settings: Settings) -> None:
    """List all runs, newest first, after reading in what they produced.

    Example: workbench runs
    """
    from workbench.runs.adopting import adopt
    from workbench.runs.collecting import collect

    with settings.store() as store, busy("reading what runs produced"):
        for left_alone in () if store.read_only else adopt(store):
            warn(left_alone)
        collect(store)
        known = stored_runs.every(store)
        live = {
            run.id: run_folder.read_state(store.run_folder(run.id))
            for run in known
            if run.state in run_folder.LIVE and store.run_folder(run.id).is_dir()
        }
    if settings.as_json:
        print_json([run.as_json() for run in known])
    else:
        told = launching.queues([store.run_folder(number) for number in live])
        queued = {int(folder.name): words for folder, words in told.items()}
        _print_runs(known, {n: _standing(live[n], queued.get(n)) for n in live})


def _standing(state: State, queue: str | None) -> str:
    """How a run that is not over stands."""
    return ", ".join(filter(None, (last_line(state), queue)))


def _print_runs(known: Sequence[Run], live: Mapping[int, str] | None = None) -> None:
    table(
        None,
        (">run", "kind", "recipe", "base", "state", ">4-bit", ">steps", ">seconds", ">GiB",
         "test accuracy", "reason"),
        (
            (
                run.id, run.kind, run.recipe, Path(run.base).name if run.base else "",
                (live or {}).get(run.id, run.state),
                "" if run.linear_total is None else f"{run.linear4bit}/{run.linear_total}",
                run.steps, None if run.seconds is None else f"{run.seconds:.1f}",
                None if run.peak_gib is None else f"{run.peak_gib:.1f}", _accuracy(run), run.reason,
            )
            for run in known
        ),
    )  # fmt: skip


def _accuracy(run: Run) -> str:
    test = (run.metrics or {}).get("test")
    if test is None:
        return ""
    return interval(test["accuracy"], test["accuracy_low"], test["accuracy_high"])


@click.command()
@click.argument("number", metavar="RUN", type=int)
@click.option("-f", "--follow", "follows", is_flag=True, help="Go on until the run has ended.")
@common
@click.pass_obj
def logs(settings: Settings, number: int, follows: bool) -> None:
    """Print what a run has logged: phases, loss, learning rate, speed, dev accuracy, time left.

    Example: workbench logs 3 -f
    """
    with settings.store() as store:
        stored_runs.get(store, number)
        folder = store.run_folder(number)
        run_folder.require(folder)
        for values in follow(folder, follows):
            say(json.dumps(values, ensure_ascii=False) if settings.as_json else line_of(values))
        if not settings.as_json:
            say(f"Run {number}: {last_line(run_folder.settle(folder))}")


@click.command()
@click.argument("number", metavar="RUN", type=int)
@common
@click.pass_obj
def stop(settings: Settings, number: int) -> None:
    """Ask a run to save and stop at the end of its step.

    Example: workbench stop 3
    """
    with settings.store() as store:
        stored_runs.get(store, number)
        launching.stop(store.run_folder(number))
    if settings.as_json:
        print_json({"run": number, "state": run_folder.STOPPING})
    else:
        say(f"Run {number} saves and stops; `workbench resume {number}` goes on with it.")


@click.command()
@click.argument("number", metavar="RUN", type=int)
@click.option("--gpus", type=int, metavar="M", help="Another number of GPUs than before.")
@click.option("--wait", "waits", is_flag=True, help="Stay until the run has ended.")
@common
@click.pass_obj
def resume(settings: Settings, number: int, gpus: int | None, waits: bool) -> None:
    """Go on with a stopped or failed run from its newest checkpoint.

    Example: workbench resume 3 --wait
    """
    with settings.store() as store:
        stored_runs.get(store, number)
        folder = store.run_folder(number)
        run_folder.require(folder)
        how = None if gpus is None else with_gpus(folder, gpus)
        launching.resume(folder, how)
        stored_runs.update(store, number, state=run_folder.QUEUED, reason=None)
        finish(settings, store, number, waits)


@click.command()
@click.argument("number", metavar="[RUN]", type=int, required=False)
@click.option(
    "--split", type=click.Choice(["train", "dev", "test"]), default="test", show_default=True
)
@common
@click.pass_obj
def evaluate(settings: Settings, number: int | None, split: str) -> None:
    """Compare a run's predictions with the current labels; intervals are 95 %.

    Tweets that the run trained on do not count.

    Example: workbench evaluate 3 --json
    """
    from workbench.runs.collecting import collect, evaluate_run

    with settings.store() as store, busy("evaluating"):
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
    accuracy = interval(report["accuracy"], report["accuracy_low"], report["accuracy_high"])
    f1 = interval(report["macro_f1"], report["macro_f1_low"], report["macro_f1_high"])
    say(f"  accuracy {accuracy}\n  macro F1 {f1}")
    table(
        None,
        ("label", "precision", "recall", ">F1", ">tweets"),
        (
            (label, interval(row["precision"], *row["precision_interval"]),
             interval(row["recall"], *row["recall_interval"]), percent(row["f1"]), row["n"])
            for label, row in report["classes"].items()
        ),
    )  # fmt: skip
    say("Confusion matrix (rows: label, columns: prediction):")
    table(
        None,
        ("", *(f">{label}" for label in report["labels"])),
        ((label, *row) for label, row in zip(report["labels"], report["confusion"], strict=True)),
    )


COMMANDS = (train, predict, runs, logs, stop, resume, evaluate)
