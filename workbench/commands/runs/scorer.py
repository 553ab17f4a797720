"""Asking the model of a run about texts, whatever kind of run it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from storage.runs.runs import Run
from storage.store import Store
from workbench.commands.runs.adapter_scoring import score_with_adapter
from workbench.commands.runs.trained_run import trained_run
from workbench.rundir import folder as run_folder

Score = Callable[[Sequence[str]], Sequence[Sequence[float]]]


def scorer(store: Store, run: Run, without: int | None = None) -> Score:
    """The function that scores texts as a run does, through the engine where that can answer.

    A baseline answers by models that have not seen the tweet that is named. Raises UserError if the
    run has no model here.
    """
    from workbench.evaluation.baseline_scoring import baseline_score, texts_of_group

    if run.kind == "baseline":
        left_out = () if without is None else texts_of_group(store, without)
        return baseline_score(store.run_folder(run.id), left_out)
    if run.kind == run_folder.IMPORTED:
        run_folder.require_made_here(store.run_folder(run.id), "it cannot be asked about texts")
    folder = store.run_folder(trained_run(store, run.id).id)
    return lambda texts: score_with_adapter(folder, texts, store.config.base)
