"""What training takes and gives, whichever loop does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.modeling.base.loading import Model

Report = Callable[..., None]
"""Called with the kind of an event and its values; see `workbench.runs.folder.append_log`."""


@dataclass(frozen=True)
class Examples:
    """Texts and the number of the label of each."""

    texts: Sequence[str]
    labels: Sequence[int]


@dataclass(frozen=True)
class Dynamics:
    """How probable the given label of a tweet was when it was trained on, epoch by epoch."""

    numbers: Sequence[int]
    """Places among the examples."""
    epochs: Sequence[int]
    probabilities: Sequence[float]


@dataclass(frozen=True)
class Trained:
    """A model after training, and how far it came."""

    model: Model
    steps: int
    stopped: bool
    dynamics: Dynamics | None = None
    taken: int = 0
    """The step that the weights are of."""
    ending: str | None = None
    """One sentence, if that is not the last step of the recipe."""
