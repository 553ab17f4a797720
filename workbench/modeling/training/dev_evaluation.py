"""How training does on the dev split: which step is the best so far, and when to end early."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.modeling.base.loading import Model
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.scoring.scoring import scorer
from workbench.modeling.training.process_group import ALONE, Place
from workbench.recipes import Training

LEAST = 1e-12
"""A probability of the given label below this counts as this, so that no loss is infinite."""


@dataclass(frozen=True)
class Verdict:
    """What a dev evaluation found."""

    loss: float
    """The mean negative log-probability of the given label among the labels, in nats."""
    accuracy: float
    n: int

    def better_than(self, best_loss: float | None) -> bool:
        """Whether this is the best evaluation so far.

        The loss decides and not the accuracy, as in the Trainer of transformers and in Keras: of
        a hundred tweets, accuracy comes in steps of a point and its standard error is three or
        four, while the loss hears every probability; the queues rank by these probabilities too.
        """
        return best_loss is None or self.loss < best_loss


def judge(
    model: Model, prompter: Prompter, dev: Examples, memory: str, place: Place = ALONE
) -> Verdict:
    """Evaluate a model on dev tweets; each process scores its share, and all get one verdict."""
    share = place.share(range(len(dev.texts)))
    with scorer(model, prompter, len(share), memory) as score:
        own = score(prompter.prompts([dev.texts[number] for number in share]))
    return verdict(place.gather(own), dev.labels)


def verdict(rows: Sequence[Sequence[float]], labels: Sequence[int]) -> Verdict:
    """The verdict on probabilities over the labels, one row a tweet."""
    pairs = list(zip(rows, labels, strict=True))
    losses = [-math.log(max(row[label], LEAST)) for row, label in pairs]
    right = sum(row[label] == max(row) for row, label in pairs)
    return Verdict(math.fsum(losses) / len(pairs), right / len(pairs), len(pairs))


def exhausted(settings: Training, step: int, best_step: int) -> bool:
    """Whether dev has not become better for as many evaluations as the recipe has patience for.

    A function of what a checkpoint holds, so a resumed run ends where an uninterrupted one does.
    """
    if not settings.patience or not best_step:
        return False
    return (step - best_step) // settings.save_steps >= settings.patience


def ending(step: int, total: int, best_step: int, taken: int) -> str | None:
    """One sentence on where a run ended and which step its adapter is of; none for the usual."""
    if step < total:
        kept = ", whose adapter is kept" if taken == best_step else ""
        return f"Ended at step {step} of {total}: no better on dev since step {best_step}{kept}."
    if taken < step:
        return f"The adapter is that of step {taken} of {total}, the best on dev."
    return None
