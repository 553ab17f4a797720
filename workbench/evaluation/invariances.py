"""How a run answers a sample of tweets after changes that should not matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from storage.query import tweets
from storage.runs.runs import Run
from storage.store import Store
from workbench.analysis.texts.invariance import Invariance, invariance
from workbench.analysis.texts.word_effects import Score
from workbench.evaluation.labelled_predictions import labelled_predictions


def check_invariance(
    store: Store, run: Run, split: str, sample: int, seed: int, score: Score
) -> dict[str, Any]:
    """The flip rate of each change on a sample of the labelled tweets that a run predicted.

    `score` gives the probabilities of texts as the run does. Raises UserError if there are none.
    """
    ids = labelled_predictions(store, run.id, split).tweets
    drawn = np.random.default_rng(seed).permutation(ids)[:sample]
    chosen = np.sort(drawn).tolist()
    texts = tweets.texts(store, chosen)

    def fold(asked: Sequence[str]) -> list[tuple[float, ...]]:
        return [run.fold(tuple(row)) for row in score(asked)]

    found = invariance([texts[number] for number in chosen], fold)
    return {"n": len(chosen), "changes": [_as_json(each, chosen, run) for each in found]}


def _as_json(each: Invariance, ids: Sequence[int], run: Run) -> dict[str, Any]:
    return {
        "change": each.change,
        "n": each.n,
        "flipped": len(each.flips),
        "rate": each.rate,
        "low": each.low,
        "high": each.high,
        "flips": [
            {
                "id": ids[flip.place],
                "before": run.labels[flip.before],
                "after": run.labels[flip.after],
                "text": flip.changed,
            }
            for flip in each.flips
        ],
    }
