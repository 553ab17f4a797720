"""How many steps a run takes: those of its adapter, and of one without each fold."""

from __future__ import annotations

import math

from workbench.recipes.recipes import Training


def fit_steps(training: Training, examples: int) -> int:
    """The steps of one adapter on so many tweets."""
    per_step = training.batch_size * training.accumulation
    return training.max_steps or training.epochs * math.ceil(examples / per_step)


def fit_sizes(training: Training, examples: int) -> list[int]:
    """The tweets that each adapter of a run is trained on: without a fold each, then on all."""
    folds = training.folds
    without_one = [round(examples * (folds - 1) / folds)] * folds if folds else []
    return [*without_one, *([examples] if training.final_fit else [])]
