"""The command that trains again on the data of an earlier run: clone."""

from __future__ import annotations

import click

from storage.plurals import counted, tweet_count
from storage.runs import runs as stored_runs
from workbench.commands.runs.launch_options import (
    choose_launch,
    launch_options,
    start_engine,
    warn_of_logout,
)
from workbench.commands.runs.report import report_run
from workbench.console.options import Settings, common_options
from workbench.console.printing import say
from workbench.console.progress import spinner
from workbench.planning.base_facts import notable_facts
from workbench.recipes import recipes
from workbench.rundir import folder as run_folder
from workbench.runs import launching


@click.command()
@click.argument("number", metavar="RUN", type=int)
@click.option("--recipe", help="Another recipe instead of that of the run.")
@click.option("--base", help="Another base model instead of that of the run.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Such as lora.r=8; repeatable."
)
@click.option("--wait", "waits", is_flag=True, help="Stay until the run has ended.")
@launch_options
@common_options
@click.pass_obj
def clone(
    settings: Settings,
    number: int,
    recipe: str | None,
    base: str | None,
    overrides: tuple[str, ...],
    waits: bool,
    launcher: str | None,
    nodes: int,
    gpus: int,
) -> None:
    """Train again on the very same data as a run, with other settings.

    What differs afterwards comes from the settings alone; `workbench compare` shows it. To train on
    the labels as they are now, use `workbench train`.

    Example: workbench clone 3 --set training.learning_rate=1e-4 --wait
    """
    from workbench.commands.runs.time_estimate import log_estimate
    from workbench.runs.snapshotting import snapshot_clone

    with settings.store() as store:
        stored_runs.get(store, number)
        source = store.run_folder(number)
        job = run_folder.require_made_here(source, "there is nothing to clone")
        chosen = (
            recipes.with_overrides(job.recipe, overrides)
            if recipe is None
            else recipes.load(recipe, overrides)
        )
        model = base or job.base
        if model is not None:
            notable_facts(model, chosen)
        how = choose_launch(launcher, nodes, gpus, chosen)
        start_engine(how)
        with spinner("copying the data"):
            snapshot = snapshot_clone(store, source, chosen, model)
            log_estimate(store, snapshot, how)
        launching.start_run(snapshot.path, how)
        if not settings.as_json:
            say(
                f"Run {snapshot.job.id} ({chosen.name}): the {tweet_count(snapshot.train)} of run "
                f"{number} to train on."
            )
            if snapshot.now_test:
                those = counted(snapshot.now_test, "of its tweets is", "of its tweets are")
                say(f"{those} left out, as now in test or nearly equal to a test tweet.")
        warn_of_logout()
        report_run(settings, store, snapshot.job.id, waits)


COMMANDS = (clone,)
