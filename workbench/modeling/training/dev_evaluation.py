"""Evaluation on the dev split while training: the best step so far, and early stopping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.modeling.base.model import Model
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.scoring.label_probabilities import label_scorer
from workbench.modeling.training.process_group import SINGLE_PROCESS, ProcessGroup
from workbench.recipes.recipes import Training

MIN_PROBABILITY = 1e-12
"""A lower probability of the given label counts as this one, so that no loss is infinite."""


@dataclass(frozen=True)
class DevMetrics:
    """The metrics of an evaluation on the dev split."""

    loss: float
    """The mean negative log-probability of the given label among the labels, in nats."""
    accuracy: float
    """The share of tweets whose given label is the most probable one."""
    n: int
    """The number of dev tweets."""

    def improves_on(self, best_loss: float | None) -> bool:
        """Whether the loss is lower than the best one so far, if there is one.

        The loss decides and not the accuracy, as in the Trainer of transformers and in Keras: of
        a hundred tweets, accuracy comes in steps of a point and its standard error is three or
        four, while every probability moves the loss; the queues rank by these probabilities too.
        """
        return best_loss is None or self.loss < best_loss


def evaluate_on_dev(
    model: Model,
    prompter: Prompter,
    dev: Examples,
    memory: str,
    processes: ProcessGroup = SINGLE_PROCESS,
) -> DevMetrics:
    """Score the dev tweets and compute the metrics; `memory` is the memory mode of the run.

    Each process scores its shard, and all get the metrics of the whole split.
    """
    shard = processes.shard(range(len(dev.texts)))
    with label_scorer(model, prompter, len(shard), memory) as score:
        own = score(prompter.encode([dev.texts[number] for number in shard]))
    return dev_metrics(processes.all_gather(own), dev.labels)


def dev_metrics(rows: Sequence[Sequence[float]], labels: Sequence[int]) -> DevMetrics:
    """The metrics of probabilities over the labels, one row a tweet, for the given labels."""
    pairs = list(zip(rows, labels, strict=True))
    losses = [-math.log(max(row[label], MIN_PROBABILITY)) for row, label in pairs]
    right = sum(row[label] == max(row) for row, label in pairs)
    return DevMetrics(math.fsum(losses) / len(pairs), right / len(pairs), len(pairs))


def should_stop_early(settings: Training, step: int, best_step: int) -> bool:
    """Whether as many evaluations as the patience of the recipe have not improved on the best.

    A function of what a checkpoint holds, so a resumed run ends where an uninterrupted one does.
    """
    if not settings.patience or not best_step:
        return False
    return (step - best_step) // settings.save_steps >= settings.patience


def ending_remark(step: int, total: int, best_step: int, adapter_step: int) -> str | None:
    """One sentence on a run that ended early, or whose adapter is not that of the last step."""
    if step < total:
        kept = ", whose adapter is kept" if adapter_step == best_step else ""
        return f"Ended at step {step} of {total}: no better on dev since step {best_step}{kept}."
    if adapter_step < step:
        return f"The adapter is that of step {adapter_step} of {total}, the best on dev."
    return None
