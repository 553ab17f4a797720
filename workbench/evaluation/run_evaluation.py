"""The predictions of a run set against the current labels, split by split."""

from __future__ import annotations

from storage.newest_events import newest_event
from storage.runs import runs
from storage.runs.predictions import predictions_of
from storage.store import Store
from workbench.analysis.measures.metrics import evaluate

SPLITS = ("train", "dev", "test")


def evaluate_run(
    store: Store, number: int, split: str | None = None
) -> dict[str, dict[str, object]]:
    """Compare a run's predictions with the current labels and keep the reports, per split.

    In-sample predictions are left out, so a split that was trained on whole has no report.
    """
    run = runs.get(store, number)
    index, event = {label: place for place, label in enumerate(run.labels)}, newest_event(store)
    pairs: dict[str, tuple[list[int], list[int]]] = {name: ([], []) for name in SPLITS}
    for _, label, of, in_sample, row in predictions_of(store, number):
        if label in index and not in_sample:
            pairs[of][0].append(index[label])
            pairs[of][1].append(max(range(len(row)), key=row.__getitem__))
    reports = {}
    for name in SPLITS if split is None else (split,):
        truth, predicted = pairs[name]
        if truth:
            reports[name] = evaluate(truth, predicted, run.labels)
            if not store.read_only:
                runs.save_evaluation(store, number, name, reports[name], event)
    return reports
