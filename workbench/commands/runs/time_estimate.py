"""The estimate of the time of a run, written into its log before it begins."""

from __future__ import annotations

from storage.errors import UserError
from storage.runs import training_set
from storage.store import Store
from workbench.planning.devices import read_device
from workbench.planning.forecast import TextStatistics, earlier_runs, forecast
from workbench.rundir import expected_time
from workbench.rundir.launch import Launch
from workbench.runs.launchers import launcher_of
from workbench.runs.snapshotting import RunSnapshot


def log_estimate(store: Store, snapshot: RunSnapshot, launch: Launch) -> None:
    """Write the estimate of a run into its log, where one can be made.

    It cannot for a base of a shape that is not known, and for a machine of which nothing is known.
    """
    job = snapshot.job
    if job.recipe.training is None or job.base is None or launcher_of(launch).remote:
        return
    _, mean, longest = training_set.text_lengths(store)
    texts = TextStatistics(snapshot.train, mean, longest, snapshot.predict)
    runs = [folder for folder in earlier_runs(store.runs_folder) if folder != snapshot.path]
    try:
        found = forecast(job.recipe, job.base, job.template, texts, read_device(), runs, launch)
    except UserError:
        return
    expected_time.log_estimate(snapshot.path, found.time)
