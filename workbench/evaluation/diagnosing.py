"""Why a run is not better than it is, one sentence for each thing that is looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from storage.errors import UserError
from storage.plurals import counted
from storage.runs import runs
from storage.runs.displayed_run import measured_against, promoted_run
from storage.runs.runs import Run
from storage.store import Store
from workbench import figures
from workbench.analysis.measures import comparing
from workbench.analysis.measures.learning_curves import (
    LEAST_POINTS,
    diverged_since,
    overfit_since,
    plateau_since,
)
from workbench.comparison_figures import shown_to_be
from workbench.evaluation.labelled_predictions import LabelledPredictions, labelled_predictions
from workbench.rundir import folder as run_folder
from workbench.rundir.folder import JOB

LEARNING_RATES = (1e-5, 2e-3)
"""Adapters hardly learn below and seldom stay stable above (Hu et al. 2021, appendix D: 2e-4)."""
PROBLEM, FINE, UNKNOWN = "problem", "fine", "unknown"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    check: str
    state: str
    """`problem`, `fine`, or `unknown` where there is nothing, or too little, to tell by."""
    sentence: str


def diagnose(store: Store, number: int, split: str = "test") -> list[dict[str, Any]]:
    """What is wrong with a run, what is not, and what cannot be told."""
    run = runs.get(store, number)
    found = [*_of_training(store, run), *_of_predictions(store, run, split)]
    return [asdict(finding) for finding in found]


def _of_training(store: Store, run: Run) -> list[Finding]:
    if run.kind != "qlora":
        return []
    loss, dev = runs.metrics(store, run.id, "loss"), runs.metrics(store, run.id, "dev_loss")
    too_few = _too_few("loss", len(loss), LEAST_POINTS, "a lower training.logging_steps notes more")
    return [
        _about_step(
            "divergence",
            diverged_since(loss),
            too_few,
            "The loss rises since step {}; try a lower training.learning_rate.",
            "The loss does not diverge.",
        ),
        _about_step(
            "plateau",
            plateau_since(loss),
            too_few,
            "The loss no longer falls since step {}; "
            "fewer steps would do, or a higher training.learning_rate.",
            "The loss falls.",
        ),
        _about_step(
            "overfit",
            overfit_since(dev),
            _too_few(
                "dev loss",
                len(dev),
                2,
                "dev tweets, if there are any, are scored every training.save_steps",
            ),
            "The dev loss rises since step {}: the "
            "run overfits; training.keep_best keeps the adapter of that step.",
            "The dev loss does not rise at the end.",
        ),
        _learning_rate(store, run),
    ]


def _too_few(what: str, known: int, least: int, advice: str) -> str:
    """Why a course is too short to tell by, or nothing where it is not."""
    if known >= least:
        return ""
    held = counted(known, f"{what} is", f"{what}es are") if known else f"No {what} is"
    return f"{held} in the log, and it takes {least} to tell; {advice}."


def _about_step(check: str, step: int | None, too_few: str, problem: str, fine: str) -> Finding:
    if too_few:
        return Finding(check, UNKNOWN, too_few)
    if step is None:
        return Finding(check, FINE, fine)
    return Finding(check, PROBLEM, problem.format(f"{step:,}"))


def _learning_rate(store: Store, run: Run) -> Finding:
    folder = store.run_folder(run.id)
    training = None
    if (folder / JOB).is_file():
        training = run_folder.read_job(folder).recipe.training
    if training is None:
        return Finding("learning rate", UNKNOWN, "The folder of the run is gone.")
    rate, (low, high) = training.learning_rate, LEARNING_RATES
    if low <= rate <= high:
        return Finding("learning rate", FINE, f"The learning rate of {rate:g} is usual.")
    side = "low" if rate < low else "high"
    return Finding(
        "learning rate",
        PROBLEM,
        f"The learning rate of {rate:g} is unusually {side}; adapters learn with {low:g} to "
        f"{high:g}.",
    )


def _of_predictions(store: Store, run: Run, split: str) -> list[Finding]:
    try:
        own = labelled_predictions(store, run.id, split)
    except UserError as error:
        return [Finding("predictions", UNKNOWN, str(error))]
    found = [_against_majority(own)]
    promoted, baseline = measured_against(store, run.id)
    if promoted is not None:
        found.append(_against_run(store, own, promoted, "promoted run", "promoted"))
    elif promoted_run(store) is None:
        found.append(Finding("promoted run", UNKNOWN, "No run is promoted to compare with."))
    if baseline is not None:
        found.append(_against_run(store, own, baseline, "baseline", "baseline, which is free,"))
    elif run.kind != "baseline":
        advice = "`workbench train --recipe baseline --wait` makes one in seconds"
        found.append(Finding("baseline", UNKNOWN, f"There is no baseline; {advice}."))
    return found


def _against_majority(own: LabelledPredictions) -> Finding:
    """Against always giving the commonest label of the same tweets."""
    majority = int(np.bincount(own.truth).argmax())
    constant = own.truth == majority
    label, share = own.run.labels[majority], figures.percent(float(constant.mean()))
    if constant.all():
        sentence = f"All {len(own):,} tweets are {label}, so nothing can be told from them."
        return Finding("majority class", UNKNOWN, sentence)
    return _judged("majority class", constant, own.right, f"always saying {label} ({share} right)")


def _against_run(
    store: Store, own: LabelledPredictions, other: int, check: str, what: str
) -> Finding:
    try:
        theirs = labelled_predictions(store, other, own.split)
    except UserError as error:
        return Finding(check, UNKNOWN, str(error))
    common, mine, yours = np.intersect1d(
        own.tweets, theirs.tweets, assume_unique=True, return_indices=True
    )
    if not len(common):
        return Finding(check, UNKNOWN, f"Run {other} has predicted none of the same tweets.")
    return _judged(check, theirs.right[yours], own.right[mine], f"the {what} run {other}")


def _judged(check: str, before: Any, after: Any, what: str) -> Finding:
    """Whether the run is better or worse than something else, by McNemar's exact test."""
    truth = np.ones(len(before), int)
    counts = comparing.count_pairs(truth, before.astype(int), after.astype(int))
    p, (change, low, high) = comparing.mcnemar(counts), comparing.difference(counts)
    by = f"{figures.points(change, low, high)}, {counts.n:,} tweets, {figures.p_value(p)}"
    how = shown_to_be(change, low, high, p)
    if not how:
        return Finding(check, UNKNOWN, f"It is not told apart from {what}: {by}.")
    return Finding(check, FINE if how == "better" else PROBLEM, f"It is {how} than {what}: {by}.")
