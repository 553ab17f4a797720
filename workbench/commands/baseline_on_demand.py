"""The baseline that a command needs and nobody has made yet."""

from __future__ import annotations

from collections import Counter

from storage.errors import UserError
from storage.runs import runs
from storage.runs.training_set import label_counts
from storage.store import Store
from workbench.commands.groups import compare_texts
from workbench.console.options import Settings
from workbench.console.printing import say
from workbench.console.run_follower import wait_for_runs
from workbench.recipes import recipes
from workbench.rundir.folder import DONE, LIVE
from workbench.runs import launching
from workbench.runs.end_sentence import end_sentence


def make_baseline(settings: Settings, store: Store) -> None:
    """Train a baseline in a process of its own and wait for it, or for one that is under way.

    Raises UserError with its reason if it fails.
    """
    from workbench.runs.collecting import collect
    from workbench.runs.snapshotting import snapshot_training

    known = runs.every(store, metrics=False)
    number = next((run.id for run in known if run.kind == "baseline" and run.state in LIVE), None)
    if number is None:
        _require_enough(store)
        compare_texts(store)
        snapshot = snapshot_training(store, recipes.load("baseline"), None, "")
        number = snapshot.job.id
        launching.start_run(snapshot.path)
    say(f"Run {number} (baseline) makes the predictions that this needs.", err=True)
    wait_for_runs(store, number, quiet=settings.as_json)
    collect(store, ranks=False)
    made = runs.get(store, number)
    if made.state != DONE:
        raise UserError(end_sentence(made))


def _require_enough(store: Store) -> None:
    """Raise UserError where a baseline would fail, before a run is made of it."""
    train = label_counts(store).get("train", Counter())
    commonest = [count for _, count in train.most_common(2)]
    if train and (len(train) < 2 or commonest[0] < 2 or (len(train) == 2 and commonest[1] < 2)):
        counted = ", ".join(f"{count:,} {label}" for label, count in train.most_common())
        raise UserError(
            f"The training tweets with a label are too few for suspects ({counted}): two labels "
            "are needed, and two tweets of each; label some more."
        )
