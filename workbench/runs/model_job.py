"""A run of a language model: fine-tune, save the adapter, score."""

from __future__ import annotations

from pathlib import Path

from storage.errors import UserError
from workbench.modeling.distributed import Place, join, leave
from workbench.modeling.exporting import details_of, load_adapter, save_adapter
from workbench.modeling.loading import Base, Model, load_base
from workbench.modeling.prompts import Prompter, make_prompter
from workbench.modeling.scoring import score
from workbench.modeling.training import Examples, peak_gib, remove_checkpoints, train
from workbench.runs import folder as run_folder
from workbench.runs import tables
from workbench.runs.folder import Job
from workbench.runs.worker import Reporter


def run_model(job: Job, folder: Path, reporter: Reporter, kept: object | None = None) -> None:
    """Do a qlora or predict run from its first phase to its last.

    With `kept`, the base may be there from an earlier run, and stays there for the next.
    """
    recipe = job.recipe
    if recipe.quantization is None or recipe.training is None or job.base is None:
        raise UserError("This run names no base model or no recipe for one.")
    place = join()
    if job.kind == "qlora" and place.size > 1:
        raise UserError("Fine-tuning runs on one GPU; scoring uses several.")
    reporter.phase("loading the base")
    base = load_base(job.base, recipe.quantization, job.trust_remote_code)
    reporter.update(linear4bit=base.linear4bit, linear_total=base.linear_total)
    reporter.report(
        "note", text=f"{base.linear4bit} of {base.linear_total} linear layers are 4-bit"
    )
    reporter.require_same_revision(getattr(base.model.config, "_commit_hash", None))
    prompter = make_prompter(
        base.tokenizer, job.template, job.labels, job.words, recipe.training.max_length
    )
    if job.kind == "qlora":
        model = _train(job, folder, reporter, base, prompter)
    else:
        adapter = folder / run_folder.ADAPTER
        model = load_adapter(base, adapter) if adapter.is_dir() else base.model
    if model is not None:
        _predict(folder, reporter, model, prompter, place)
        if place.first:
            remove_checkpoints(folder / run_folder.CHECKPOINTS)
        reporter.phase("done")
    reporter.update(peak_gib=peak_gib())
    leave(place)


def _train(
    job: Job, folder: Path, reporter: Reporter, base: Base, prompter: Prompter
) -> Model | None:
    """Train and save the adapter; None if the run was asked to stop."""
    reporter.phase("training")
    trained = train(
        base, job.recipe, prompter,
        _examples(folder / run_folder.TRAIN, job), _examples(folder / run_folder.DEV, job),
        folder / run_folder.CHECKPOINTS, reporter.report, lambda: reporter.stop_asked,
    )  # fmt: skip
    reporter.update(step=trained.steps)
    if trained.stopped:
        return None
    reporter.phase("saving the adapter")
    details = details_of(
        job.recipe, str(job.base), prompter, job.words, run=job.uid, data_hash=job.data_hash,
        versions=job.versions, steps=trained.steps, linear4bit=base.linear4bit,
    )  # fmt: skip
    save_adapter(trained.model, base.tokenizer, folder / run_folder.ADAPTER, details)
    return trained.model


def _predict(
    folder: Path, reporter: Reporter, model: Model, prompter: Prompter, place: Place
) -> None:
    """Score the wanted texts, each process its share of them; the first one writes them down."""
    reporter.phase("predicting")
    wanted = tables.read(folder / run_folder.PREDICT)
    rows = place.gather(score(model, prompter, place.share(wanted.texts), reporter.scored))
    if not place.first:
        return
    in_sample = set(tables.read(folder / run_folder.TRAIN).ids)
    tables.write_predictions(folder, wanted.ids, rows, in_sample)


def _examples(path: Path, job: Job) -> Examples:
    frozen = tables.read(path)
    number = {label: index for index, label in enumerate(job.labels)}
    return Examples(frozen.texts, [number[label] for label in frozen.labels])
