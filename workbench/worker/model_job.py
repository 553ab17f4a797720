"""A run of a language model: fine-tune, save the adapter, score."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from storage.config import CHAT
from storage.errors import UserError
from workbench.modeling.base import sharding
from workbench.modeling.base.cache import BaseModelCache
from workbench.modeling.base.device_memory import peak_gib
from workbench.modeling.base.model import Base, Model
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.prompts import (
    Prompter,
    make_prompter,
    require_embedded,
    saved_prompter,
)
from workbench.modeling.export.adapter_folder import (
    ADAPTER_WEIGHTS,
    adapter_details,
    load_adapter,
    read_adapter_details,
    save_adapter,
)
from workbench.modeling.packed.cross_fit import FoldPlan
from workbench.modeling.trainers import train
from workbench.modeling.training.checkpoints import (
    DamagedCheckpoint,
    load_tensors,
    remove_checkpoints,
)
from workbench.modeling.training.process_group import (
    ProcessGroup,
    destroy_process_group,
    init_process_group,
)
from workbench.modeling.training.result import TrainingDynamics
from workbench.modeling.training.trackers import Tracker, open_tracker
from workbench.modeling.training.warm_start import WarmStart, read_warm_start
from workbench.planning.trackers import require_tracker
from workbench.recipes.base_configs import require_positions
from workbench.recipes.memory_modes import NOT_SHARDED, SHARDED
from workbench.recipes.recipes import Quantization, Training
from workbench.rundir import folder as run_folder
from workbench.rundir import tables
from workbench.rundir.folder import Job
from workbench.worker.folds import describe_folds, plan_folds
from workbench.worker.predicting import PREDICTING, predict
from workbench.worker.reporter import Reporter
from workbench.worker.tweet_events import report_counts, report_cut, with_tweets


def run_model(
    job: Job, folder: Path, reporter: Reporter, cache: BaseModelCache | None = None
) -> None:
    """Do a qlora or predict run from its first phase to its last.

    `cache` may hold the base from an earlier run, and keeps it for the next.
    """
    recipe = job.recipe
    if recipe.quantization is None or recipe.training is None or job.base is None:
        raise UserError("This run names no base model or no recipe for one.")
    require_tracker(recipe)
    processes = init_process_group()
    cache = cache or BaseModelCache()
    reporter.phase("loading the base")
    sharded = recipe.training.memory == SHARDED.name and processes.world_size > 1
    base = cache.get_or_load(
        job.base, recipe.quantization, _purpose(job), job.trust_remote_code, sharded
    )
    reporter.update(linear4bit=base.linear4bit, linear_total=base.linear_total)
    job = replace(job, recipe=replace(recipe, quantization=base.quantization))
    reporter.report(
        "note",
        text=f"{base.linear4bit} of {base.linear_total} linear layers are 4-bit"
        f"{_kind_of_4_bit(base.quantization)}; computing in {base.quantization.compute_dtype}",
    )
    if sharded:
        reporter.report("note", text=sharding.describe_shards(base.model))
    elif recipe.training.memory == SHARDED.name:
        reporter.report("note", text=NOT_SHARDED)
    reporter.require_same_revision(getattr(base.model.config, "_commit_hash", None))
    adapter, stopped = folder / run_folder.ADAPTER, False
    ended: dict[str, Any] | None = {}
    if job.kind == "qlora":
        ended = processes.all_gather([_ended_training(job, folder) if processes.is_main else None])[
            0
        ]
    if ended is not None and adapter.is_dir():
        prompter = saved_prompter(base.tokenizer, read_adapter_details(adapter))
    else:
        length, chat = recipe.training.max_length, job.prompt == CHAT
        require_positions(base.model.config.to_dict(), str(job.base), length)
        prompter = make_prompter(base.tokenizer, job.template, job.labels, job.words, length, chat)
    require_embedded(prompter, base.model.get_input_embeddings().num_embeddings)
    if ended is None and processes.is_main:
        reporter.open_tracker(lambda: _tracker(job, folder))
    if ended is None:
        model, stopped = _train(job, folder, reporter, base, prompter, processes)
    else:
        model = load_adapter(base, adapter) if adapter.is_dir() else base.model
        reporter.update(**ended)
    if not stopped:
        embeds = base.model.device.type == "cuda" if job.embeddings is None else job.embeddings
        stopped = predict(folder, reporter, model, prompter, recipe.training, embeds, processes)
    if not stopped:
        if processes.is_main:
            remove_checkpoints(folder / run_folder.CHECKPOINTS)
        reporter.phase("done")
    reporter.update(peak_gib=max(processes.all_gather([peak_gib()])))
    # TRL leaves hooks, a forward of its own and checkpointing on the base
    cache.give_back(model, reusable=job.kind != "qlora" or recipe.training.trainer != "trl")
    destroy_process_group(processes)


def _tracker(job: Job, folder: Path) -> Tracker | None:
    """The program that the run reports to beside its log."""
    name, settings = f"run {job.id} {job.recipe.name}", job.recipe.training
    if settings is None:
        return None
    return open_tracker(settings, folder, job.uid, name, job.recipe.settings())


def _purpose(job: Job) -> str | None:
    """The kind of training that may change the base; None for a run that only scores."""
    settings = job.recipe.training
    if job.kind != "qlora" or settings is None:
        return None
    return f"{settings.trainer} {settings.memory}"


def _kind_of_4_bit(quantization: Quantization) -> str:
    """The 4-bit format in brackets, since a base that was saved in 4-bit keeps its own."""
    if quantization.bits != 4:
        return ""
    return f" ({quantization.type}{', double' if quantization.double else ''})"


def _ended_training(job: Job, folder: Path) -> dict[str, Any] | None:
    """How the training of a resumed run ended, if it was interrupted while it scored, or None."""
    if not any(values.get("phase") == PREDICTING for values, _ in run_folder.read_log(folder)):
        return None
    try:
        details = read_adapter_details(folder / run_folder.ADAPTER)
        load_tensors(folder / run_folder.ADAPTER / ADAPTER_WEIGHTS)
    except (UserError, DamagedCheckpoint):
        return None  # somebody has taken it away or damaged it: the run trains again
    steps, settings = details.get("steps"), job.recipe.training
    total = (settings and settings.max_steps) or steps
    return {"step": steps, "steps": total, "reason": details.get("ending")}


def _train(
    job: Job,
    folder: Path,
    reporter: Reporter,
    base: Base,
    prompter: Prompter,
    processes: ProcessGroup,
) -> tuple[Model, bool]:
    """Train and save the adapter; the model, and whether the run was asked to stop before that."""

    def stop_asked() -> bool:
        reporter.signalled = processes.any(reporter.stop_asked)
        return reporter.signalled

    reporter.phase("preparing the tweets")
    for warning in job.warnings:
        reporter.report("note", text=warning)
    if not (folder / run_folder.TRAIN).exists():
        raise UserError(f"{folder / run_folder.TRAIN} is missing; {tables.NEW_RUN_ADVICE}.")
    settings = job.recipe.training
    assert settings is not None  # noqa: S101 - a qlora recipe has it
    examples, snapshot = _examples(folder / run_folder.TRAIN, job)
    dev, _ = _examples(folder / run_folder.DEV, job)
    report_counts(reporter.report, examples.labels, dev.labels)
    report_cut(reporter.report, prompter.count_cut(examples.texts), prompter.max_length)
    plan: FoldPlan | WarmStart | None = _warm_start(job, folder, settings)
    if settings.folds:
        plan = plan_folds(folder, settings, snapshot, examples.labels, processes)
        reporter.report("note", text=describe_folds(plan, settings))
    trained = train(
        base,
        job.recipe,
        prompter,
        examples,
        dev,
        folder / run_folder.CHECKPOINTS,
        with_tweets(reporter.report, snapshot),
        stop_asked,
        processes,
        plan,
    )
    reporter.update(step=trained.earlier_steps + trained.steps)
    if trained.stopped or not settings.final_fit:
        return trained.model, trained.stopped
    if trained.remark is not None:
        reporter.report("note", text=trained.remark)
    begun = None if job.parent is None else f"Began with the adapter of run {job.parent}."
    if remark := " ".join(filter(None, (begun, trained.remark))):
        reporter.update(reason=remark)
    reporter.phase("saving the adapter")
    if not processes.is_main:
        return trained.model, False
    if trained.dynamics is not None:
        _save_dynamics(folder, snapshot.ids, trained.dynamics)
    details = adapter_details(
        job.recipe,
        str(job.base),
        prompter,
        job.words,
        run=job.uid,
        data_hash=job.data_hash,
        versions=job.versions,
        steps=trained.steps,
        adapter_step=trained.adapter_step,
        ending=remark or None,
        parent=job.parent,
        linear4bit=base.linear4bit,
        warnings=job.warnings,
    )
    save_adapter(trained.model, base.tokenizer, folder / run_folder.ADAPTER, details)
    return trained.model, False


def _warm_start(job: Job, folder: Path, settings: Training) -> WarmStart | None:
    """The adapter that a run begins with, if it goes on from another one."""
    start = read_warm_start(folder / run_folder.START, settings.shrink)
    if start is None and job.parent is not None:
        raise UserError(f"{folder / run_folder.START} is missing; {tables.NEW_RUN_ADVICE}.")
    return start


def _save_dynamics(folder: Path, ids: list[int], dynamics: TrainingDynamics) -> None:
    numbers = [ids[number] for number in dynamics.example_indices]
    tables.write_dynamics(folder, numbers, dynamics.epochs, dynamics.probabilities)


def _examples(path: Path, job: Job) -> tuple[Examples, tables.SnapshotTable]:
    snapshot, numbers = tables.read_examples(path, job.labels)
    return Examples(snapshot.texts, numbers), snapshot
