"""A baseline run: fit, predict the training tweets out of fold and all others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.plurals import tweet_count
from workbench.analysis import baseline
from workbench.rundir import folder as run_folder
from workbench.rundir import tables
from workbench.rundir.baseline_files import write_baseline
from workbench.rundir.embeddings import embeddings_writer, read_embeddings
from workbench.rundir.folder import Job
from workbench.rundir.tables import SnapshotTable
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
    if job.sentence_model is not None:
        _embed(Path(job.sentence_model), wanted, folder, reporter)
    reporter.phase("done")


def _embed(model: Path, wanted: SnapshotTable, folder: Path, reporter: Reporter) -> None:
    """Keep an embedding of each tweet, which tells nothing of labels; known ones are kept."""
    before = read_embeddings(folder)
    known = {} if before is None else {n: row for row, n in enumerate(before.ids.tolist())}
    new = [place for place, number in enumerate(wanted.ids) if number not in known]
    made: dict[int, NDArray[Any]] = {}
    if new:
        from workbench.modeling.base.library_imports import import_libraries

        reporter.phase("embedding")
        import_libraries()
        from workbench.modeling.scoring.sentence_embeddings import embed_sentences

        texts = [wanted.texts[place] for place in new]
        vectors = embed_sentences(model, texts, lambda done: reporter.scored(done, len(new)))
        made = {wanted.ids[place]: row for place, row in zip(new, vectors, strict=True)}
    with embeddings_writer(folder, len(wanted.ids)) as write:
        for at in range(0, len(wanted.ids), tables.WINDOW_ROWS):
            ids = wanted.ids[at : at + tables.WINDOW_ROWS]
            rows = [made[n] if n in made else before.vectors[known[n]] for n in ids]  # type: ignore[union-attr]
            write(ids, np.asarray(rows, np.float16), [False] * len(ids))
