"""The baseline that a command needs and nobody has made yet."""

from __future__ import annotations

from storage.errors import UserError
from storage.runs import runs
from storage.store import Store
from workbench.commands.groups import compare_texts
from workbench.console.options import Settings
from workbench.console.printing import say
from workbench.console.run_follower import wait_for_runs
from workbench.recipes import recipes
from workbench.rundir.folder import DONE, LIVE
from workbench.runs import launching


def make_baseline(settings: Settings, store: Store) -> None:
    """Train a baseline in a process of its own and wait for it, or for one that is under way.

    Raises UserError with its reason if it fails.
    """
    from workbench.runs.collecting import collect
    from workbench.runs.snapshotting import snapshot_training

    known = runs.every(store, metrics=False)
    number = next((run.id for run in known if run.kind == "baseline" and run.state in LIVE), None)
    if number is None:
        compare_texts(store)
        snapshot = snapshot_training(store, recipes.load("baseline"), None, "")
        number = snapshot.job.id
        launching.start_run(snapshot.path)
    say(f"Run {number} (baseline) makes the predictions that this needs.", err=True)
    wait_for_runs(store, number, quiet=settings.as_json)
    collect(store)
    made = runs.get(store, number)
    if made.state != DONE:
        raise UserError(f"Run {number} (baseline) is {made.state}: {made.reason}")
