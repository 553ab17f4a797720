"""A run of a language model: fine-tune, save the adapter, score."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from storage.errors import UserError
from workbench.modeling import sharding
from workbench.modeling.checkpoints import remove
from workbench.modeling.distributed import Place, join, leave
from workbench.modeling.examples import Dynamics, Examples
from workbench.modeling.exporting import details_of, load_adapter, save_adapter
from workbench.modeling.keeping import Kept
from workbench.modeling.loading import Base, Model
from workbench.modeling.memory import peak_gib
from workbench.modeling.prompts import Prompter, make_prompter
from workbench.modeling.scoring import scorer
from workbench.modeling.training import train
from workbench.plans import SHARDED, UNSHARED
from workbench.runs import folder as run_folder
from workbench.runs import tables
from workbench.runs.folder import Job
from workbench.runs.worker import Reporter


def run_model(job: Job, folder: Path, reporter: Reporter, kept: Kept | None = None) -> None:
    """Do a qlora or predict run from its first phase to its last.

    With `kept`, the base may be there from an earlier run, and stays there for the next.
    """
    recipe = job.recipe
    if recipe.quantization is None or recipe.training is None or job.base is None:
        raise UserError("This run names no base model or no recipe for one.")
    place = join()
    kept = kept or Kept()
    reporter.phase("loading the base")
    use = f"{job.kind} {recipe.training.trainer} {recipe.training.memory}"
    sharded = recipe.training.memory == SHARDED.name and place.size > 1
    base = kept.base_for(job.base, recipe.quantization, use, job.trust_remote_code, sharded)
    reporter.update(linear4bit=base.linear4bit, linear_total=base.linear_total)
    reporter.report(
        "note", text=f"{base.linear4bit} of {base.linear_total} linear layers are 4-bit"
    )
    if sharded:
        reporter.report("note", text=sharding.told(base.model))
    elif recipe.training.memory == SHARDED.name:
        reporter.report("note", text=UNSHARED)
    reporter.require_same_revision(getattr(base.model.config, "_commit_hash", None))
    prompter = make_prompter(
        base.tokenizer, job.template, job.labels, job.words, recipe.training.max_length
    )
    if job.kind == "qlora":
        model, stopped = _train(job, folder, reporter, base, prompter, place)
    else:
        adapter = folder / run_folder.ADAPTER
        model = load_adapter(base, adapter) if adapter.is_dir() else base.model
        stopped = False
    if not stopped:
        _predict(folder, reporter, model, prompter, recipe.training.memory, place)
        if place.first:
            remove(folder / run_folder.CHECKPOINTS)
        reporter.phase("done")
    reporter.update(peak_gib=max(place.gather([peak_gib()])))
    if job.kind == "qlora" and recipe.training.trainer == "trl":
        kept.drop()  # it leaves hooks, a forward of its own and checkpointing on the base
    else:
        kept.take_back(model)
    leave(place)


def _train(
    job: Job, folder: Path, reporter: Reporter, base: Base, prompter: Prompter, place: Place
) -> tuple[Model, bool]:
    """Train and save the adapter, unless the run was asked to stop (then true)."""

    def stop_asked() -> bool:
        reporter.signalled = place.any(reporter.stop_asked)
        return reporter.signalled

    reporter.phase("training")
    if not (folder / run_folder.TRAIN).exists():
        raise UserError(f"{folder / run_folder.TRAIN} is missing; {tables.ANEW}.")
    examples, ids = _examples(folder / run_folder.TRAIN, job)
    dev, _ = _examples(folder / run_folder.DEV, job)
    trained = train(
        base, job.recipe, prompter, examples, dev,
        folder / run_folder.CHECKPOINTS, reporter.report, stop_asked, place,
    )  # fmt: skip
    reporter.update(step=trained.steps)
    if trained.stopped:
        return trained.model, True
    if trained.ending is not None:
        reporter.report("note", text=trained.ending)
        reporter.update(reason=trained.ending)
    reporter.phase("saving the adapter")
    if not place.first:
        return trained.model, False
    if trained.dynamics is not None:
        _save_dynamics(folder, ids, trained.dynamics)
    details = details_of(
        job.recipe, str(job.base), prompter, job.words, run=job.uid, data_hash=job.data_hash,
        versions=job.versions, steps=trained.steps, adapter_step=trained.taken,
        ending=trained.ending, linear4bit=base.linear4bit,
    )  # fmt: skip
    save_adapter(trained.model, base.tokenizer, folder / run_folder.ADAPTER, details)
    return trained.model, False


def _save_dynamics(folder: Path, ids: list[int], dynamics: Dynamics) -> None:
    numbers = [ids[number] for number in dynamics.numbers]
    tables.write_dynamics(folder, numbers, dynamics.epochs, dynamics.probabilities)


def _predict(
    folder: Path, reporter: Reporter, model: Model, prompter: Prompter, memory: str, place: Place
) -> None:
    """Score window after window, so that a million tweets take no more memory than a few.

    Each process scores its share of a window; the first one writes them down.
    """
    reporter.phase("predicting")
    path = folder / run_folder.PREDICT
    total = tables.count(path)
    in_sample = set(tables.read(folder / run_folder.TRAIN).ids)
    done = 0

    def note(text: str) -> None:
        reporter.report("note", text=text)

    written = tables.predictions(folder) if place.first else nullcontext(None)
    with written as write, scorer(model, prompter, total, memory, note) as score:
        for ids, prompts in _prompts(path, prompter):
            told = partial(_scored, reporter, done, total, place.size)
            own = score(place.share(prompts), told)
            rows = place.gather(own)
            if write is not None:
                write(ids, rows, [number in in_sample for number in ids])
            done += len(ids)


def _prompts(path: Path, prompter: Prompter) -> Iterator[tuple[list[int], list[list[int]]]]:
    """Windows of ids and prompts; the next one is made while the device scores the last."""
    with ThreadPoolExecutor(1) as pool:
        windows = (
            (ids, pool.submit(prompter.prompts, texts)) for ids, texts in tables.windows(path)
        )
        waiting = next(windows, None)
        while waiting is not None:
            following = next(windows, None)
            yield waiting[0], waiting[1].result()
            waiting = following


def _scored(reporter: Reporter, before: int, total: int, processes: int, some: int) -> None:
    """Tell how many texts are scored, taking the others to be as far as this process."""
    reporter.scored(min(before + some * processes, total), total)


def _examples(path: Path, job: Job) -> tuple[Examples, list[int]]:
    frozen, numbers = tables.examples(path, job.labels)
    return Examples(frozen.texts, numbers), frozen.ids
