"""The events and the result of training, for both trainers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.modeling.base.model import Model

ReportEvent = Callable[..., None]
"""Called with the kind of an event and its values; see `workbench.rundir.folder.append_log`."""


@dataclass(frozen=True)
class TrainingDynamics:
    """How probable the given label of an example was each time it was trained on.

    Three columns of the same length (Swayamdipta et al. 2020, arXiv:2009.10795).
    """

    example_indices: Sequence[int]
    epochs: Sequence[int]
    probabilities: Sequence[float]


@dataclass(frozen=True)
class TrainingResult:
    """A model after training, and how far training came."""

    model: Model
    steps: int
    """Steps that were done, including those before the run was resumed."""
    stopped: bool
    """Whether it was asked to stop before the end."""
    dynamics: TrainingDynamics | None = None
    adapter_step: int = 0
    """The step that the weights of the adapter are of."""
    remark: str | None = None
    """One sentence, if the run or its adapter is not that of the last step of the recipe."""
    earlier_steps: int = 0
    """Steps of the adapters that were trained before this one, each without a fold."""
