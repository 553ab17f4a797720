"""Cross-fitting: an adapter for each fold of the tweets, trained without it, which then scores it.

So each tweet gets a prediction by a model that has seen neither it nor one like it (Chernozhukov et
al. 2018, arXiv:1608.00060, call it so). The base is loaded, the tweets are tokenized and the layers
are compiled once for all.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.modeling.base.model import Base
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.packed.adapter_fits import AdapterFits, adapter_fits
from workbench.modeling.scoring.label_probabilities import label_scorer
from workbench.modeling.training.pass_limit import write_pass_limit
from workbench.modeling.training.process_group import ProcessGroup
from workbench.modeling.training.result import ReportEvent, TrainingResult
from workbench.planning.fit_steps import fit_steps
from workbench.recipes.recipes import Recipe

SaveFold = Callable[[int, Sequence[int], Sequence[Sequence[float]]], None]
"""Keeps what was scored of a fold: its number, the indices of its examples, (examples, labels)."""


@dataclass(frozen=True)
class FoldPlan:
    """The folds of the examples of a run."""

    fold_of: Sequence[int]
    """The fold of each example, from 0."""
    done: frozenset[int]
    """Folds that an earlier process of the run has trained without, and scored."""
    save: SaveFold
    """Called in the main process as soon as a fold is scored."""

    @property
    def count(self) -> int:
        """The number of the folds."""
        return max(self.fold_of) + 1

    def split(self, fold: int) -> tuple[list[int], list[int]]:
        """The indices of the examples that are not in a fold, and of those that are."""
        parts: tuple[list[int], list[int]] = ([], [])
        for index, own in enumerate(self.fold_of):
            parts[own == fold].append(index)
        return parts


class StoppedWhileScoring(Exception):
    """The run was asked to stop while it scored a fold, whose predictions are not kept."""


def cross_fit(
    base: Base,
    recipe: Recipe,
    prompter: Prompter,
    examples: Examples,
    dev: Examples,
    plan: FoldPlan,
    folder: Path,
    report: ReportEvent,
    stop_asked: Callable[[], bool],
    processes: ProcessGroup,
) -> TrainingResult:
    """Train without each fold and score it, then train on all examples unless the recipe says no.

    Checkpoints of a fold lie in a folder of its own in `folder`; a resumed run goes on with the
    fold that it was in. Without the last fit the model is that of the last fold.
    """
    settings = recipe.training
    assert settings is not None  # noqa: S101 - a qlora recipe has it
    whole = list(range(len(examples.texts)))
    parts = [plan.split(fold)[0] for fold in range(plan.count)]
    steps = [fit_steps(settings, len(part)) for part in [*parts, *([whole] * settings.final_fit)]]
    with adapter_fits(base, recipe, prompter, examples, folder, report, processes) as fits:
        result = TrainingResult(fits.model, steps=0, stopped=False)
        for fold in range(plan.count):
            result = replace(result, earlier_steps=sum(steps[:fold]))
            if fold in plan.done:
                continue
            told = FitReport(report, f"fold {fold + 1} of {plan.count}", steps, fold)
            own = folder / f"fold-{fold}"
            fitted = fits.fit(parts[fold], dev, own, told, stop_asked)
            result = replace(fitted, earlier_steps=told.before)
            if not result.stopped:
                scored = _score_fold(fits, examples, plan, fold, told, stop_asked)
                result = replace(result, stopped=not scored)
            if result.stopped:
                return result
            if processes.is_main:
                write_pass_limit(folder, fits.mode.tokens)  # what one fold learned of the memory
                shutil.rmtree(own, ignore_errors=True)
        if settings.final_fit:
            told = FitReport(report, "all tweets", steps, plan.count)
            fitted = fits.fit(whole, dev, folder, told, stop_asked)
            result = replace(fitted, earlier_steps=told.before)
    return result


def _score_fold(
    fits: AdapterFits,
    examples: Examples,
    plan: FoldPlan,
    fold: int,
    report: ReportEvent,
    stop_asked: Callable[[], bool],
) -> bool:
    """Score the examples of a fold with the adapter that was trained without it.

    False if the run was asked to stop meanwhile.
    """
    report("phase", phase="scoring it")
    processes, prompter = fits.processes, fits.prompter
    settings = fits.recipe.training
    assert settings is not None  # noqa: S101 - a qlora recipe has it
    held_out = plan.split(fold)[1]
    own = processes.shard(held_out)

    def scored(done: int) -> None:
        # several processes wait for one another, so none of them may leave in between
        if processes.world_size == 1 and done < len(own) and stop_asked():
            raise StoppedWhileScoring

    model = fits.model.get_base_model()
    try:
        with label_scorer(model, prompter, len(own), settings.memory) as score:
            rows = score(prompter.encode([examples.texts[index] for index in own]), scored)
    except StoppedWhileScoring:
        return False
    whole = processes.all_gather(rows)
    if processes.is_main:
        plan.save(fold, held_out, whole)
    return True


class FitReport:
    """Reports the events of one of several fits as parts of the whole run."""

    def __init__(self, report: ReportEvent, name: str, steps: Sequence[int], fit: int) -> None:
        self.report, self.name = report, name
        self.total, self.before, self.after = sum(steps), sum(steps[:fit]), sum(steps[fit + 1 :])
        self.step_s = 0.0

    def __call__(self, event: str, **values: object) -> None:
        """Report an event with the steps of the run and the name of the fit."""
        if event == "phase":
            values["phase"] = f"{self.name}: {values['phase']}"
        if event == "note":
            values["text"] = f"{self.name}: {values['text']}"
        if event == "tick":
            values["eta_s"] = self._seconds_left(**values)  # type: ignore[arg-type]
        for name in {"step", "best_step"} & values.keys():
            values[name] = self.before + values[name]  # type: ignore[operator]
        if "steps" in values:
            values["steps"] = self.total
        self.report(event, **values)

    def _seconds_left(self, step: int, steps: int, eta_s: float | None) -> float | None:
        """Seconds until the last step of the last fit; they take as long a step as this one."""
        if eta_s is not None and steps > step:
            self.step_s = eta_s / (steps - step)
        if eta_s is None or (self.after and not self.step_s):
            return None
        return eta_s + self.after * self.step_s
