"""Whether labelling more is still worth it, in figures and in a sentence; never a decision."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from storage.runs import label_next as stored
from storage.runs import runs
from storage.store import Store
from workbench import figures
from workbench.analysis.measures.agreement import cohen_kappa
from workbench.analysis.measures.metrics import wilson
from workbench.evaluation.label_pool import strongest_run

ENOUGH = 0.95
"""The kappa of two models on end from which another batch changes little; .99 is never reached."""


def stop_signal(store: Store, enough: float = ENOUGH) -> dict[str, Any]:
    """How far the two newest models agree about tweets without a label, and what to make of it.

    Stopping by the agreement of consecutive models: Bloodgood and Vijay-Shanker (2009, CoNLL). With
    it the accuracy of the strongest run on the labels of the random source, which flatter no model.
    """
    found: dict[str, Any] = {"enough": enough, "agreement": None, "random": None}
    covered = stored.runs_of_pool(store)
    newest = [run for run in runs.every(store, metrics=False) if run.id in covered][:2]
    if len(newest) == 2:
        first, second = newest[1].id, newest[0].id
        pairs = stored.agreement_on_pool(store, first, second)
        labels = tuple(dict.fromkeys(label for pair in pairs for label in pair))
        matrix = np.zeros((len(labels), len(labels)), np.int64)
        for (one, other), count in pairs.items():
            matrix[labels.index(one), labels.index(other)] = count
        same, n = int(np.trace(matrix)), int(matrix.sum())
        kappa = asdict(cohen_kappa(matrix, labels))
        found["agreement"] = {"runs": [first, second], "same": same / n if n else None} | kappa
    if (run := strongest_run(store)) is not None:
        right, n = stored.right_in_source(store, "random", run.id)
        low, high = wilson(right, n)
        found["random"] = {
            "run": run.id,
            "n": n,
            "accuracy": right / n if n else None,
            "accuracy_low": low,
            "accuracy_high": high,
        }
    return found | {"sentence": f"{_agreement(found)} {_random(found)}".strip()}


def _agreement(found: dict[str, Any]) -> str:
    told = found["agreement"]
    if told is None:
        return (
            "Whether more labels change anything is known when two runs predict tweets without a "
            "label."
        )
    first, second = told["runs"]
    if told["value"] is None:
        return f"Runs {first} and {second} cannot be compared: {told['reason']}"
    kappa = figures.coefficient(told["value"], told["low"], told["high"], told["n"])
    verdict = (
        "another batch will change little"
        if told["value"] >= found["enough"]
        else "more labels still change the answers"
    )
    return (
        f"Runs {first} and {second} agree with kappa {kappa} on tweets without a label: {verdict}."
    )


def _random(found: dict[str, Any]) -> str:
    told = found["random"]
    if told is None or not told["n"]:
        return "No label came from the random source yet, which alone tells the accuracy there."
    return (
        f"Of the labels from the random source run {told['run']} has "
        f"{figures.metric(told)} of {told['n']:,} right."
    )
