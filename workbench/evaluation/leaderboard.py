"""Several runs against one of them, with the settings that differ and the untuned base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from storage.errors import UserError
from storage.query import tweets
from storage.runs import runs
from storage.runs.displayed_run import promoted_run
from storage.runs.runs import Run
from storage.store import Store
from workbench.analysis.measures import comparing
from workbench.analysis.measures.metrics import evaluate
from workbench.evaluation.comparison import job_of, settings_of
from workbench.evaluation.labelled_predictions import (
    LabelledPredictions,
    labelled_predictions,
    nothing_to_judge,
)
from workbench.judged_filters import judged_filter
from workbench.rundir import folder as run_folder

FIGURES = (
    "n",
    *(
        f"{name}{end}"
        for name in ("accuracy", "macro_f1", "macro_recall")
        for end in ("", "_low", "_high")
    ),
)


def leaderboard(store: Store, numbers: Sequence[int], split: str = "test") -> dict[str, Any]:
    """A row for each run, against the promoted one if there is one, or else the first.

    Figures of a row are of the tweets that it and that run both predicted and neither trained on;
    a run without such tweets has the reason in their place. The base that was not tuned has a row
    of its own, or advice on how to make its predictions. Raises UserError if no run can be judged.
    """
    compared = runs_compared(store, numbers, split)
    reference, untuned = compared.reference, compared.untuned
    against = labelled_predictions(store, reference, split)
    rows = [_row(store, against, number) for number in compared.rows]
    settings = [row.pop("all_settings") for row in rows]
    names = list(dict.fromkeys(name for of in settings for name in of))
    differing = [name for name in names if len({repr(of.get(name)) for of in settings}) > 1]
    for row, of in zip(rows, settings, strict=True):
        row["settings"] = {name: of.get(name) for name in differing}
    return {
        "split": split,
        "reference": reference,
        "settings": differing,
        "rows": rows,
        "untuned": untuned,
        "advice": None if untuned else _advice(store, compared.rows, split),
    }


@dataclass(frozen=True)
class RunsCompared:
    """The runs of a table."""

    reference: int
    """The one that the others are set against."""
    rows: tuple[int, ...]
    """All of them, the reference first."""
    untuned: int | None
    """The one that predicted with a base of the others as it is."""


def runs_compared(store: Store, numbers: Sequence[int], split: str) -> RunsCompared:
    """The runs of a table of some; raises UserError if none of these can be judged."""
    promoted = promoted_run(store)
    wanted = [*([] if promoted is None else [promoted]), *numbers]
    reference = next((number for number in wanted if _judged_tweets(store, number, split)), None)
    if reference is None:
        raise UserError(nothing_to_judge(runs.get(store, numbers[0]), split))
    shown = list(dict.fromkeys([reference, *wanted]))
    untuned = _untuned(store, [runs.get(store, number) for number in shown], split)
    rows = dict.fromkeys([*shown, *([] if untuned is None else [untuned])])
    return RunsCompared(reference, tuple(rows), untuned)


def _judged_tweets(store: Store, number: int, split: str) -> int:
    """How many labelled tweets of a split a run has predicted and did not train on."""
    return len(
        tweets.listing(store, f"{judged_filter(runs.get(store, number), split)} -label:none")
    )


def _row(store: Store, against: LabelledPredictions, number: int) -> dict[str, Any]:
    run = runs.get(store, number)
    job = job_of(store.run_folder(number))
    row: dict[str, Any] = {
        "run": number,
        "recipe": run.recipe,
        "kind": run.kind,
        "all_settings": {} if job is None else settings_of(job),
        "reason": None,
    }
    try:
        found = labelled_predictions(store, number, against.split)
    except UserError as error:
        return row | _without_figures(str(error))
    common, own, theirs = np.intersect1d(
        found.tweets, against.tweets, assume_unique=True, return_indices=True
    )
    if not len(common):
        return row | _without_figures(
            f"There is no labelled {against.split} tweet that runs {number} and {against.run.id} "
            "both predicted and did not train on."
        )
    report = evaluate(found.truth[own].tolist(), found.predicted[own].tolist(), run.labels)
    counts = comparing.count_pairs(
        np.ones(len(common)), against.right[theirs].astype(int), found.right[own].astype(int)
    )
    change, low, high = comparing.difference(counts)
    return row | {
        **{name: report[name] for name in FIGURES},
        "difference": {"accuracy": change, "low": low, "high": high},
        "p": comparing.mcnemar(counts),
    }


def _without_figures(reason: str) -> dict[str, Any]:
    return {
        **dict.fromkeys(FIGURES),
        "n": 0,
        "difference": {"accuracy": None, "low": -1.0, "high": 1.0},
        "p": None,
        "reason": reason,
    }


def _untuned(store: Store, shown: Sequence[Run], split: str) -> int | None:
    """The newest run that predicted labelled tweets with a base of these runs as it is."""
    bases = {run.base for run in shown if run.base}
    for run in runs.every(store, metrics=False):
        if run.kind != "predict" or not run.predictions or run.base not in bases:
            continue
        adapter = store.run_folder(run.id) / run_folder.ADAPTER
        if not adapter.exists() and _judged_tweets(store, run.id, split):
            return run.id
    return None


def _advice(store: Store, shown: Sequence[int], split: str) -> str | None:
    """How to have the base predict that is not tuned; None if no run has a base."""
    bases = [base for number in shown if (base := runs.get(store, number).base)]
    if not bases:
        return None
    return (
        f'`workbench predict --base {bases[0]} "split:{split}" --wait` adds what the base says '
        "untuned"
    )
