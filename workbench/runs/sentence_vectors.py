"""Embeddings by a sentence model that an earlier baseline has made, for the next one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from storage.errors import UserError
from storage.runs import runs
from storage.store import Store
from workbench.evaluation.run_embeddings import embeddings_of
from workbench.rundir import folder as run_folder
from workbench.rundir.embeddings import embeddings_writer
from workbench.rundir.folder import DONE, Job


def keep_sentence_vectors(store: Store, job: Job, folder: Path) -> None:
    """Put what the newest baseline has embedded by the same model into the folder of another.

    A vector depends on the text alone, which never changes.
    """
    if job.sentence_model is None:
        return
    for run in runs.every(store, metrics=False):
        if run.kind != "baseline" or run.state != DONE:
            continue
        with suppress(UserError, OSError):  # its folder is damaged or gone
            before = run_folder.read_job(store.run_folder(run.id))
            found = embeddings_of(store, run.id)
            if before.sentence_model == job.sentence_model and found is not None:
                with embeddings_writer(folder, len(found.ids)) as write:
                    write(found.ids.tolist(), found.vectors, [False] * len(found.ids))
                return
