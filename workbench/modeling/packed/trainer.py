"""QLoRA fine-tuning on packed rows: the trainer of every recipe that does not name TRL's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from workbench.modeling.base.model import Base
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.packed.adapter_fits import adapter_fits
from workbench.modeling.training.process_group import SINGLE_PROCESS, ProcessGroup
from workbench.modeling.training.result import ReportEvent, TrainingResult
from workbench.modeling.training.warm_start import WarmStart
from workbench.recipes.recipes import Recipe


def train_packed(
    base: Base,
    recipe: Recipe,
    prompter: Prompter,
    examples: Examples,
    dev: Examples,
    folder: Path,
    report: ReportEvent,
    stop_asked: Callable[[], bool],
    processes: ProcessGroup = SINGLE_PROCESS,
    start: WarmStart | None = None,
) -> TrainingResult:
    """Fine-tune an adapter on the base, from the newest checkpoint in `folder` if there is one.

    Order and dropout of a step depend on the seed and the step alone, so a run that was stopped
    and resumed ends with the weights of one that was not, bit for bit on a CPU. Of several
    processes each takes its shard of every step; `stop_asked` has to give the same answer in all
    of them. Raises UserError if there is nothing to train on.
    """
    with adapter_fits(base, recipe, prompter, examples, folder, report, processes, start) as fits:
        return fits.fit(range(len(examples.texts)), dev, folder, report, stop_asked)
