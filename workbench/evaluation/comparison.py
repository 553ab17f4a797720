"""Two runs side by side: their settings, their training sets and their predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from storage.errors import UserError
from storage.query import tweets
from storage.runs import runs
from storage.runs.predictions import predictions_of
from storage.store import Store
from storage.transfer.id_remapping import remap_ids
from workbench.analysis.measures import comparing
from workbench.analysis.measures.metrics import evaluate
from workbench.evaluation.run_evaluation import evaluate_run
from workbench.rundir import folder as run_folder
from workbench.rundir import tables
from workbench.rundir.folder import Job

COMPARED_METRICS = (
    "n",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "macro_f1",
    "macro_f1_low",
    "macro_f1_high",
)


def compare(store: Store, first: int, second: int, split: str = "test") -> dict[str, Any]:
    """Everything that tells two runs apart.

    Figures are about the tweets of the split that both predicted and neither trained on, against
    the current labels. Raises UserError if there are none.
    """
    for run in (first, second):
        _refresh_evaluation(store, run, split)
    pairs = [_label_pairs(store, number, split) for number in (first, second)]
    common = sorted(pairs[0].keys() & pairs[1].keys())
    if not common:
        raise UserError(
            f"There is no labelled {split} tweet that runs {first} and {second} both predicted and "
            "did not train on; `workbench predict --run` makes predictions, --split takes others."
        )
    labels = list(dict.fromkeys(name for of in pairs for pair in of.values() for name in pair))
    number = {label: place for place, label in enumerate(labels)}
    truth = [number[pairs[0][tweet].current] for tweet in common]
    predicted = [[number[of[tweet].predicted] for tweet in common] for of in pairs]
    counts = comparing.count_pairs(truth, *predicted)
    change, low, high = comparing.difference(counts)
    figures = [evaluate(truth, row, labels) for row in predicted]
    jobs = [job_of(store.run_folder(run)) for run in (first, second)]
    return {
        "runs": [runs.get(store, run).as_json() for run in (first, second)],
        "split": split,
        "n": len(common),
        "figures": [{name: report[name] for name in COMPARED_METRICS} for report in figures],
        "difference": {"accuracy": change, "low": low, "high": high},
        "mcnemar": {
            "fixed": counts.fixed,
            "broken": counts.broken,
            "both_wrong": counts.both_wrong,
            "p": comparing.mcnemar(counts),
        },
        "settings": _settings(*jobs),
        "data": _data(store, first, second),
        "flips": _flips(store, common, pairs),
    }


def _refresh_evaluation(store: Store, number: int, split: str) -> None:
    """Evaluate a run again if labels have changed, so that all screens show one accuracy."""
    report = (runs.get(store, number).metrics or {}).get(split)
    if report is not None and report["stale"]:
        evaluate_run(store, number, split)


class LabelPair(NamedTuple):
    """The labels of a tweet that are compared."""

    current: str
    predicted: str


def _label_pairs(store: Store, number: int, split: str) -> dict[int, LabelPair]:
    """The labels of each tweet of a split that a run predicted out of sample."""
    run = runs.get(store, number)
    if not run.predictions:
        raise UserError(f"Run {number} ({run.state}) has no predictions to compare.")
    return {
        tweet: LabelPair(label, run.labels[max(range(len(row)), key=row.__getitem__)])
        for tweet, label, of, in_sample, row in predictions_of(store, number)
        if label in run.labels and of == split and not in_sample
    }


def _flips(
    store: Store, common: list[int], pairs: list[dict[int, LabelPair]]
) -> list[dict[str, Any]]:
    """The tweets that the two runs label differently: fixed, broken, or wrong in another way."""
    rows = []
    flipped = [tweet for tweet in common if pairs[0][tweet].predicted != pairs[1][tweet].predicted]
    texts = tweets.texts(store, flipped)
    for tweet in flipped:
        label, before = pairs[0][tweet]
        after = pairs[1][tweet].predicted
        kind = "fixed" if after == label else "broken" if before == label else "still wrong"
        rows.append(
            {
                "id": tweet,
                "kind": kind,
                "label": label,
                "first": before,
                "second": after,
                "text": texts[tweet],
            }
        )
    order = ("broken", "fixed", "still wrong")
    return sorted(rows, key=lambda row: (order.index(str(row["kind"])), row["id"]))


def job_of(folder: Path) -> Job | None:
    """The job of a run; None if its folder is gone, which leaves its predictions usable."""
    return run_folder.read_job(folder) if (folder / run_folder.JOB).is_file() else None


def _settings(first: Job | None, second: Job | None) -> list[dict[str, Any]]:
    """The settings that differ."""
    if first is None or second is None:
        return []
    sides = [settings_of(first), settings_of(second)]
    return [
        {"setting": name, "first": sides[0].get(name), "second": sides[1].get(name)}
        for name in dict.fromkeys([*sides[0], *sides[1]])
        if sides[0].get(name) != sides[1].get(name)
    ]


def settings_of(job: Job) -> dict[str, Any]:
    """All settings of a run by their names, versions included."""
    found: dict[str, Any] = {
        "kind": job.kind,
        "base": job.base,
        "prompt": job.prompt,
        "template": job.template,
        "labels": list(job.labels),
        "words": list(job.words),
    }
    found |= {"recipe": job.recipe.name, **job.recipe.settings()}
    return found | {f"version of {name}": version for name, version in job.versions.items()}


def _data(store: Store, first: int, second: int) -> dict[str, Any]:
    """How the training sets differ: tweets that only one of them has, and other labels.

    A run from another workspace numbers its tweets differently: they are matched by their texts,
    and those that are not here are only counted.
    """
    labels_of: list[dict[int, str]] = []
    unknown = []
    for run in (first, second):
        snapshot = tables.read_snapshot(store.run_folder(run) / run_folder.TRAIN)
        here = remap_ids(store, zip(snapshot.ids, snapshot.texts, strict=True))
        rows = [
            (here.get(tweet, tweet), label)
            for tweet, label in zip(snapshot.ids, snapshot.labels, strict=False)
        ]
        labels_of.append({tweet: label for tweet, label in rows if tweet is not None})
        unknown.append(sum(tweet is None for tweet, _ in rows))
    before, after = labels_of
    return {
        "first": len(before) + unknown[0],
        "second": len(after) + unknown[1],
        "unknown": unknown,
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "relabelled": [
            {"id": tweet, "first": before[tweet], "second": after[tweet]}
            for tweet in sorted(before.keys() & after.keys())
            if before[tweet] != after[tweet]
        ],
    }
