"""Scoring the tweets of a run window after window: predictions, and embeddings where wanted."""

from __future__ import annotations

from collections.abc import Container, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.modeling.base.model import Model
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.scoring.embeddings import Projection, principal_axes
from workbench.modeling.scoring.label_probabilities import LabelScorer, label_scorer
from workbench.modeling.training.process_group import ProcessGroup
from workbench.recipes.recipes import Training
from workbench.rundir import embeddings, tables
from workbench.rundir import folder as run_folder
from workbench.worker.folds import out_of_fold_rows
from workbench.worker.reporter import Reporter

PREDICTING = "predicting"


def predict(
    folder: Path,
    reporter: Reporter,
    model: Model,
    prompter: Prompter,
    settings: Training,
    embeds: bool,
    processes: ProcessGroup,
) -> bool:
    """Score window after window, so that a million tweets take no more memory than a few.

    Each process scores its share of a window, and the first one writes the predictions of all.
    Training tweets of a run with folds were scored out of fold already; the model sees them for
    their embeddings only. True if the run was asked to stop before the end.
    """
    reporter.phase(PREDICTING)
    path = folder / run_folder.PREDICT
    total = tables.count_rows(path)
    out_of_fold = processes.all_gather([out_of_fold_rows(folder) if processes.is_main else {}])[0]
    in_sample = tables.in_sample_ids(folder)
    embeds = embeds and settings.final_fit
    done = 0

    def note(text: str) -> None:
        reporter.report("note", text=text)

    def scored(some: int) -> None:
        """Report the progress of all processes, taken to be as far as this one."""
        now = min(done + some * processes.world_size, total)
        reporter.scored(now, total)
        if processes.world_size == 1 and now < total and reporter.stop_asked:
            raise _StoppedError

    try:
        with ExitStack() as stack:
            write = write_vectors = None
            if processes.is_main:
                write = stack.enter_context(tables.predictions_writer(folder))
            if processes.is_main and embeds:
                write_vectors = stack.enter_context(embeddings.embeddings_writer(folder, total))
            passed_over = {} if embeds else out_of_fold
            windows = stack.enter_context(_windows(path, prompter, passed_over, settings.final_fit))
            score = stack.enter_context(
                label_scorer(model, prompter, total, settings.memory, note, embeds)
            )
            project = _Projecting(folder, processes)
            for window in windows:
                own = score(processes.shard(window.prompts), scored)
                rows = dict(zip(window.ids, processes.all_gather(own), strict=True)) | {
                    number: out_of_fold[number] for number in window.rows if number in out_of_fold
                }
                seen = [number in in_sample and number not in out_of_fold for number in rows]
                if write is not None:
                    write(list(rows), list(rows.values()), seen)
                if embeds and (vectors := project(score)) is not None and write_vectors is not None:
                    trained = [number in in_sample for number in window.ids]
                    write_vectors(window.ids, vectors, trained)
                done += len(window.rows)
                if done < total and processes.any(reporter.stop_asked):
                    raise _StoppedError
    except _StoppedError:
        reporter.signalled = True
        return True
    return False


class _StoppedError(Exception):
    """The run was asked to stop while it scored; its predictions are not kept."""


class _Projecting:
    """Reduces the hidden states of each window on the axes of the first, in all processes."""

    def __init__(self, folder: Path, processes: ProcessGroup) -> None:
        self.folder, self.processes = folder, processes
        self.projection: Projection | None = None

    def __call__(self, score: LabelScorer) -> np.ndarray[Any, np.dtype[np.float16]] | None:
        """The vectors of the tweets that all processes have just scored; None without any."""
        pooled = score.pooled
        if self.projection is None:
            made = principal_axes(pooled) if self.processes.is_main and pooled is not None else None
            self.projection = self.processes.all_gather([made])[0]
            if self.processes.is_main and made is not None:
                embeddings.write_projection(self.folder, made.mean.numpy(), made.axes.numpy())
        if self.projection is None:
            return None
        own = [] if pooled is None else [*self.projection(pooled).cpu().numpy()]
        rows = self.processes.all_gather(own)
        return np.stack(rows) if rows else None


@dataclass(frozen=True)
class _Window:
    """Some rows of the texts to predict."""

    rows: list[int]
    """The ids of those to predict."""
    ids: list[int]
    """The ids of those to score."""
    prompts: list[list[int]]


@contextmanager
def _windows(
    path: Path, prompter: Prompter, known: Container[int], others: bool
) -> Iterator[Iterator[_Window]]:
    """Windows of prompts; the first is made while the block begins, the next beside the device.

    What is known already is not scored again; without `others`, nothing else is scored either.
    """
    with ThreadPoolExecutor(1) as pool:

        def prepare(ids: list[int], texts: list[str]) -> _Window:
            pairs = zip(ids, texts, strict=True) if others else ()
            left = [(number, text) for number, text in pairs if number not in known]
            prompts = prompter.encode([text for _, text in left])
            return _Window(ids, [number for number, _ in left], prompts)

        asked = (pool.submit(prepare, *window) for window in tables.read_windows(path))
        yield _one_ahead(next(asked, None), asked)


def _one_ahead(
    waiting: Future[_Window] | None, following: Iterator[Future[_Window]]
) -> Iterator[_Window]:
    while waiting is not None:
        window = waiting.result()
        waiting = next(following, None)
        yield window
