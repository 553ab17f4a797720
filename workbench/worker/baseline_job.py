"""A baseline run: fit, predict the training tweets out of fold and all others."""

from __future__ import annotations

from pathlib import Path

from storage.plurals import tweet_count
from workbench.analysis import baseline
from workbench.rundir import folder as run_folder
from workbench.rundir import tables
from workbench.rundir.baseline_files import write_baseline
from workbench.rundir.folder import Job
from workbench.worker.reporter import Reporter


def run_baseline(job: Job, folder: Path, reporter: Reporter) -> None:
    """Write the model and the predictions; in-sample are copies of training tweets alone."""
    settings = job.recipe.logistic
    assert settings is not None  # noqa: S101 - a baseline recipe has this section
    train, labels = tables.read_examples(folder / run_folder.TRAIN, job.labels)
    wanted = tables.read_snapshot(folder / run_folder.PREDICT)
    n_labels = len(job.labels)
    reporter.report(
        "note",
        text=f"{tweet_count(len(train.ids))} to learn from in {settings.folds} folds, "
        f"{len(wanted.ids):,} to predict",
    )
    reporter.phase("fitting out of fold")
    fitted = baseline.fit_baseline(
        train.texts,
        labels,
        train.groups,
        n_labels,
        settings.folds,
        settings.regularisation,
        settings.seed,
    )
    reporter.phase("predicting")
    out_of_fold = dict(zip(train.ids, fitted.out_of_fold, strict=True))
    others = [i for i, tweet in enumerate(wanted.ids) if tweet not in out_of_fold]
    outside = fitted.predict([wanted.texts[i] for i in others])
    rows = out_of_fold | {wanted.ids[i]: row for i, row in zip(others, outside, strict=True)}
    copies = tables.in_sample_ids(folder) - out_of_fold.keys()
    write_baseline(folder, baseline.stored_model(fitted, train.texts))
    tables.write_predictions(folder, wanted.ids, [rows[tweet] for tweet in wanted.ids], copies)
    reporter.phase("done")
