"""The two trainers: training with the one that a recipe names, once or for each fold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from storage.errors import UserError
from workbench.modeling.base.model import Base
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.packed.cross_fit import FoldPlan, cross_fit
from workbench.modeling.packed.trainer import train_packed
from workbench.modeling.training.process_group import SINGLE_PROCESS, ProcessGroup
from workbench.modeling.training.result import ReportEvent, TrainingResult
from workbench.modeling.training.warm_start import WarmStart
from workbench.recipes.recipes import Recipe


def train(
    base: Base,
    recipe: Recipe,
    prompter: Prompter,
    examples: Examples,
    dev: Examples,
    folder: Path,
    report: ReportEvent,
    stop_asked: Callable[[], bool],
    processes: ProcessGroup = SINGLE_PROCESS,
    plan: FoldPlan | WarmStart | None = None,
) -> TrainingResult:
    """Fine-tune an adapter on the base, with checkpoints in `folder`, where it also resumes.

    The plan may be of folds, one adapter without each of which is trained before, or the adapter of
    an earlier run to begin with. Raises UserError if there is nothing to train on, or if TRL's
    trainer is to use several GPUs.
    """
    assert recipe.training is not None  # noqa: S101 - a qlora recipe has it
    if isinstance(plan, FoldPlan):
        return cross_fit(
            base, recipe, prompter, examples, dev, plan, folder, report, stop_asked, processes
        )
    if recipe.training.trainer != "trl":
        return train_packed(
            base, recipe, prompter, examples, dev, folder, report, stop_asked, processes, plan
        )
    if processes.world_size > 1:
        raise UserError(
            "The stock trainer of this recipe is used on one GPU; leave out --gpus, or name "
            "the recipe fast."
        )
    from workbench.modeling.trl.sft import train_with_trl

    return train_with_trl(base, recipe, prompter, examples, dev, folder, report, stop_asked, plan)
