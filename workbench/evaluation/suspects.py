"""The labels that are most likely wrong, ranked by the predictions of a run."""

from __future__ import annotations

import numpy as np

from storage.errors import UserError
from storage.newest_events import newest_event
from storage.runs import runs
from storage.runs.predictions import predictions_of
from storage.runs.runs import Run
from storage.runs.suspect_ranking import SUSPECTS, ranks_suspects
from storage.store import Store
from workbench.analysis.label_errors import suspicion


def rank_suspects(store: Store, number: int | None = None) -> list[tuple[int, float, str]]:
    """Rank labels by how likely they are wrong, and keep the ranking as the queue `suspects`.

    Uses the out-of-sample predictions of a run: by default of the promoted one, or else of the
    newest baseline, which has them for every labelled tweet. Raises UserError if there are none.
    """
    wanted = number if number is not None else ranks_suspects(store)
    run = runs.latest(store, ("baseline",)) if wanted is None else runs.get(store, wanted)
    ranked = rank_suspects_by(store, run)
    if not ranked:
        other = "" if run.kind == "baseline" else ", and --run names the run that it makes"
        raise UserError(
            f"Run {run.id} has no out-of-sample predictions for labelled tweets; "
            f"`workbench train --recipe baseline --wait` makes some in seconds{other}."
        )
    return ranked


def rank_suspects_by(store: Store, run: Run) -> list[tuple[int, float, str]]:
    """Rank the suspects by one run and keep the ranking; empty if it says nothing out of sample."""
    index, event = {label: place for place, label in enumerate(run.labels)}, newest_event(store)
    rows = [
        (tweet, index[label], row)
        for tweet, label, _, in_sample, row in predictions_of(store, run.id)
        if label in index and not in_sample
    ]
    if not rows:
        return []
    scores = suspicion(np.array([row for *_, row in rows]), [label for _, label, _ in rows])
    source = f"run {run.id} {run.recipe}"
    ranked = [
        (rows[place][0], float(scores[place]), source)
        for place in np.argsort(-scores, kind="stable")
    ]
    if not store.read_only:
        runs.save_queue(store, SUSPECTS, ranked, run.id, event)
    return ranked
