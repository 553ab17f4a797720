"""The curves of a run in programs that others read them with: wandb, TensorBoard, trackio.

The log of the run stays the truth; this is a copy of its steps and dev evaluations. Nothing leaves
the machine unless the recipe says so: wandb writes offline, the others always do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.recipes.recipes import Training

PROJECT = "label-workbench"
COPIED = {"step": "train", "dev": "dev"}
"""The events of the log that are copied, and what their curves are grouped under."""
NO_CURVES = ("step", "steps", "n", "best_step")


@dataclass(frozen=True)
class Tracker:
    """A program that curves are reported to."""

    name: str
    log: Callable[[Mapping[str, float], int], None]
    """Takes values by the names of their curves, and the step."""
    close: Callable[[], None]

    def report(self, event: str, values: Mapping[str, object]) -> None:
        """Take an event of the log, of which the numbers of a step or of dev are reported."""
        if event not in COPIED or not isinstance(step := values.get("step"), int):
            return
        curves = {
            f"{COPIED[event]}/{name}": float(value)
            for name, value in values.items()
            if name not in NO_CURVES and isinstance(value, int | float)
        }
        self.log(curves, step)


def open_tracker(
    settings: Training, folder: Path, uid: str, name: str, values: Mapping[str, Any]
) -> Tracker | None:
    """The tracker of a recipe, which goes on where it was for a run that is resumed.

    `values` are the settings of the run; what is written lies in its folder.
    """
    openers = {"tensorboard": _open_tensorboard, "wandb": _open_wandb, "trackio": _open_trackio}
    if settings.report_to not in openers:
        return None
    return openers[settings.report_to](settings, folder, uid, name, values)


def _open_tensorboard(
    settings: Training, folder: Path, uid: str, name: str, values: Mapping[str, Any]
) -> Tracker:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder / "tensorboard"))
    writer.add_text("settings", "\n".join(f"    {key} = {value}" for key, value in values.items()))

    def log(curves: Mapping[str, float], step: int) -> None:
        for curve, value in curves.items():
            writer.add_scalar(curve, value, step)
        writer.flush()

    return Tracker("tensorboard", log, writer.close)


def _open_wandb(
    settings: Training, folder: Path, uid: str, name: str, values: Mapping[str, Any]
) -> Tracker:
    import wandb

    run = wandb.init(
        project=PROJECT,
        name=name,
        id=uid,
        resume="allow",
        config=dict(values),
        dir=str(folder),
        mode="online" if settings.report_online else "offline",
    )
    return Tracker("wandb", lambda curves, step: run.log(dict(curves), step=step), run.finish)


def _open_trackio(
    settings: Training, folder: Path, uid: str, name: str, values: Mapping[str, Any]
) -> Tracker:
    os.environ["TRACKIO_DIR"] = str(folder / "trackio")
    import trackio

    trackio.init(project=PROJECT, name=f"{name} {uid[:8]}", config=dict(values), resume="allow")
    return Tracker(
        "trackio", lambda curves, step: trackio.log(dict(curves), step=step), trackio.finish
    )
