"""Commands that start a run on what the workspace holds: train, predict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from storage.plurals import tweet_count
from storage.query import tweets
from storage.store import Store
from workbench.commands.groups import compare_texts
from workbench.commands.runs.dry_run import print_forecast
from workbench.commands.runs.launch_options import (
    choose_launch,
    engine_sentence,
    launch_options,
    start_engine,
    warn_of_logout,
)
from workbench.commands.runs.report import report_run
from workbench.commands.runs.trained_run import trained_run
from workbench.console.options import Settings, common_options
from workbench.console.printing import say, unknown_labels_sentence
from workbench.console.progress import spinner
from workbench.planning.base_facts import notable_facts
from workbench.recipes import recipes
from workbench.recipes.base_models import base_here, require_model, require_same_base
from workbench.recipes.recipes import Recipe
from workbench.rundir import folder as run_folder
from workbench.runs import launching

if TYPE_CHECKING:
    from workbench.runs.ancestors import Ancestor


@click.command()
@click.option(
    "--recipe", help=f"One of {', '.join(recipes.descriptions())} (otherwise the workspace's)."
)
@click.option(
    "--base", help="Base model: a hub name or a local folder (otherwise the workspace's)."
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Such as lora.r=8; repeatable."
)
@click.option(
    "--from",
    "parent",
    type=int,
    metavar="RUN",
    help="Begin with the adapter of a run, with its recipe and a quarter of its steps.",
)
@click.option(
    "--folds",
    type=int,
    metavar="K",
    help="Train K adapters more, each without a fold of the training tweets, which it then scores.",
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
@common_options
@click.pass_obj
def train(  # noqa: PLR0913, PLR0917 - as many as it has options
    settings: Settings,
    recipe: str | None,
    base: str | None,
    overrides: tuple[str, ...],
    parent: int | None,
    folds: int | None,
    filter_text: str,
    trust_remote_code: bool,
    dry_run: bool,
    waits: bool,
    launcher: str | None,
    nodes: int,
    gpus: int,
) -> None:
    """Freeze the current labels and train on them in a process of its own.

    Test tweets, and texts equal to one, never enter training. The run goes on when this terminal
    closes; watch it with `workbench logs ID -f`.

    With --folds, each training tweet is predicted by an adapter that has seen neither it nor a
    near duplicate, as the suspects need it. An adapter on all tweets follows, which is that of the
    run and predicts all other tweets; --set training.final_fit=false leaves it out, and them.

    With --from, training goes on from the adapter of a run on the labels as they are now. What that
    run was trained on stays marked as such.

    Example: workbench train --recipe fast --base ./falcon-7b --set lora.r=8 --wait
    """
    from workbench.commands.runs.time_estimate import log_estimate
    from workbench.runs.ancestors import find_ancestor
    from workbench.runs.snapshotting import snapshot_training

    with settings.store(daily_backup=not dry_run) as store:
        ancestor = None if parent is None else find_ancestor(store, parent)
        chosen = _choose_recipe(store, recipe, overrides, folds, ancestor)
        how = choose_launch(launcher, nodes, gpus, chosen)
        model = base or (ancestor and ancestor.job.base) or store.config.base
        if chosen.kind == "qlora":
            require_model(model)
        if ancestor is not None:
            ancestor.require_fitting(chosen, model)
        if dry_run:
            print_forecast(
                store,
                chosen,
                model,
                filter_text,
                how,
                settings.as_json,
                ancestor,
                trust_remote_code,
            )
            return
        if chosen.kind == "qlora":
            notable_facts(model, chosen)
        start_engine(how)
        compare_texts(store)
        with spinner("freezing the labels"):
            snapshot = snapshot_training(
                store, chosen, model, filter_text, trust_remote_code, ancestor
            )
            log_estimate(store, snapshot, how)
        for warning in () if settings.as_json else snapshot.job.warnings:
            say(f"! {warning}")
        begins = engine_sentence(how, snapshot.job.base)
        launching.start_run(snapshot.path, how)
        if not settings.as_json:
            dev = f", {snapshot.dev:,} for dev" if snapshot.dev else ""
            say(
                f"Run {snapshot.job.id} ({chosen.name}): {tweet_count(snapshot.train)} to train on"
                f"{dev}.{begins}"
            )
            if outside := tweets.counts_outside_label_set(store):
                say(unknown_labels_sentence(outside))
        warn_of_logout()
        report_run(settings, store, snapshot.job.id, waits)


def _choose_recipe(
    store: Store,
    name: str | None,
    overrides: tuple[str, ...],
    folds: int | None,
    ancestor: Ancestor | None,
) -> Recipe:
    """The recipe with the settings of the options; a baseline has folds of its own.

    A run that goes on from another one has the recipe of that unless one is named.
    """
    name = name or (store.config.recipe if ancestor is None else None)
    if folds is not None:
        baseline = name is not None and recipes.load(name).kind == "baseline"
        overrides += (f"{'logistic' if baseline else 'training'}.folds={folds}",)
    if ancestor is not None and name is None:
        return ancestor.recipe(overrides)
    return recipes.load(str(name), overrides)


@click.command()
@click.argument("filter_text", metavar="[FILTER]", default="")
@click.option(
    "--run", "number", type=int, help="The run whose adapter to use (otherwise the newest)."
)
@click.option("--base", help="Score with a base model as it is, without an adapter.")
@click.option("--recipe", help="With --base: how to load it (otherwise fast).")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="With --base.")
@click.option("--wait", "waits", is_flag=True, help="Stay until the run has ended.")
@launch_options
@common_options
@click.pass_obj
def predict(
    settings: Settings,
    filter_text: str,
    number: int | None,
    base: str | None,
    recipe: str | None,
    overrides: tuple[str, ...],
    waits: bool,
    launcher: str | None,
    nodes: int,
    gpus: int,
) -> None:
    """Score the tweets that pass a filter, with a trained run or with a base as it is.

    Example: workbench predict --run 3 "split:test" --wait
    """
    from workbench.runs.snapshotting import snapshot_prediction

    if base is None and (overrides or recipe is not None):
        raise click.UsageError("--recipe and --set are for --base; a run has settings of its own.")
    if base is not None and number is not None:
        raise click.UsageError("Name either a run or a base.")
    how = choose_launch(launcher, nodes, gpus)
    with settings.store() as store:
        if base is not None:
            chosen = recipes.load(recipe or "fast", overrides)
            notable_facts(base, replace(chosen, lora=None))  # no adapter is put on it
            start_engine(how)
            with spinner("freezing the tweets"):
                snapshot = snapshot_prediction(store, chosen, base, filter_text, None)
        else:
            run = trained_run(store, number)
            path = store.run_folder(run.id)
            job = run_folder.read_job(path)
            model = base_here(job.base, job.base_print, store.config.base)
            require_same_base(model, job.base_print)
            start_engine(how)
            with spinner("freezing the tweets"):
                snapshot = snapshot_prediction(
                    store,
                    job.recipe,
                    str(model),
                    filter_text,
                    path / run_folder.ADAPTER,
                    job.trust_remote_code,
                )
        begins = engine_sentence(how, snapshot.job.base)
        launching.start_run(snapshot.path, how)
        if not settings.as_json:
            say(f"Run {snapshot.job.id}: {tweet_count(snapshot.predict)} to score.{begins}")
        warn_of_logout()
        report_run(settings, store, snapshot.job.id, waits)


COMMANDS = (train, predict)
