"""The fitted baseline of a run: a folder of plain NumPy files, mapped to read.

terms.npy, rarity.npy   (terms,) uint64 and float32: what is counted, and how rare it is
weights.npy             (terms, models, labels) float16: of the model on all tweets, then of each
                        that left a fold out
intercepts.npy          (models, labels) float64
texts.npy, unseen.npy   (tweets,) uint64 and (tweets, rounds) int64: which models have not seen a
                        tweet
"""

from __future__ import annotations

import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np

from storage.errors import UserError
from workbench.analysis.baseline_model import BaselineModel

BASELINE = "baseline"
KINDS = {
    "terms": ("<u8", 1),
    "rarity": ("<f4", 1),
    "weights": ("<f2", 3),
    "intercepts": ("<f8", 2),
    "texts": ("<u8", 1),
    "unseen": ("<i8", 2),
}
"""The type of each array, and how many axes it has."""


def write_baseline(folder: Path, model: BaselineModel) -> None:
    """Write the model of a run; its folder appears when all of it is there."""
    temporary, target = folder / f".{BASELINE}", folder / BASELINE
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    for field in fields(model):
        array = np.ascontiguousarray(getattr(model, field.name), KINDS[field.name][0])
        np.save(temporary / f"{field.name}.npy", array)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)


def read_baseline(folder: Path, labels: int) -> BaselineModel | None:
    """The model of a run with so many labels; None if it has none, as runs of older versions.

    Raises UserError if it is damaged.
    """
    path = folder / BASELINE
    if not path.is_dir():
        return None
    try:
        arrays = {
            name: np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in KINDS
        }
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise UserError(f"{path} is damaged ({error}); train the baseline again.") from None
    found = {name: (array.dtype.str, array.ndim) for name, array in arrays.items()}
    model = BaselineModel(**arrays)
    terms, models, outcomes = model.weights.shape if model.weights.ndim == 3 else (0, 0, 0)
    fits = (
        found == KINDS
        and len(model.terms) == len(model.rarity) == terms
        and model.intercepts.shape == (models, outcomes)
        and len(model.texts) == len(model.unseen)
        and outcomes == labels
        and ((model.unseen > 0) & (model.unseen < models)).all()
    )
    if not fits:
        raise UserError(f"{path} is damaged (its arrays do not fit); train the baseline again.")
    return model
