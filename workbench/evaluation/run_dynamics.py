"""How a training run came to know the labels that it was given, by the tweets of the workspace."""

from __future__ import annotations

from typing import NamedTuple

from storage.runs.runs import Run
from storage.store import Store
from storage.transfer.id_remapping import remap_ids
from workbench.analysis.label_errors.training_dynamics import text_dynamics
from workbench.rundir import folder as run_folder
from workbench.rundir import tables


class LearntLabel(NamedTuple):
    """The label that a run was given for a tweet, and how it learnt that."""

    label: str
    confidence: float
    """The mean probability of the label over the epochs."""
    slope: float
    """Its rise in an epoch."""


def dynamics_of(store: Store, run: Run) -> dict[int, LearntLabel]:
    """The course of the training by tweet; nothing of a run that noted none.

    A run from elsewhere has other ids, so a tweet is known by its text. Raises UserError if the
    files are damaged.
    """
    folder = store.run_folder(run.id)
    curves = text_dynamics(*tables.read_dynamics(folder))
    if not curves:
        return {}
    learnt = tables.read_snapshot(folder / run_folder.TRAIN)
    label_of = dict(zip(learnt.ids, learnt.labels, strict=False))
    elsewhere = remap_ids(store, zip(learnt.ids, learnt.texts, strict=True))
    found = {}
    for curve in curves:
        number = elsewhere.get(curve.id, curve.id)
        if number is not None and curve.id in label_of:
            found[number] = LearntLabel(label_of[curve.id], curve.confidence, curve.slope)
    return found
