"""What belongs into a data card: the labels, how they came about, what models made of them."""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib import metadata
from typing import Any

from storage import groups
from storage.errors import UserError
from storage.history.ratings import ratings
from storage.history.suggestions import corrections, reviewed_suspects
from storage.query import tweets
from storage.runs import runs
from storage.runs.runs import Run
from storage.store import SCHEMA_VERSION, Store
from storage.transfer.unimporting import imports
from workbench import __version__, kept_analyses
from workbench.analysis.measures.agreement import agreement, rating_matrix
from workbench.analysis.measures.shares import share
from workbench.evaluation.labelled_predictions import labelled_predictions
from workbench.evaluation.measurement import estimate_as_json, measure
from workbench.evaluation.review_precision import LAST_REVIEWS
from workbench.evaluation.slicing import error_slices
from workbench.kept_analyses import kept_or_made
from workbench.rundir import folder as run_folder

PACKAGES = (
    *("numpy", "scipy", "scikit-learn"),
    *("torch", "transformers", "peft", "trl", "bitsandbytes"),
)

SLICE_FIELDS = ("name", "n", "events", "rate", "low", "high", "q")


def data_card(store: Store) -> dict[str, Any]:
    """All that the report says, without a text of any tweet; slices may name single words."""
    counts = tweets.counts(store)
    known = runs.every(store)
    return {
        "workspace": store.folder.resolve().name,
        "counts": {
            "tweets": counts.tweets,
            "labelled": counts.labelled,
            "corrected": counts.corrected,
            "reviewed": len(tweets.listing(store, "reviewed:yes")),
            "excluded": counts.excluded,
            "ambiguous": counts.ambiguous,
            "review": counts.review,
        },
        "splits": tweets.split_counts(store),
        "labels": [_label(store, name) for name in _label_names(store)],
        "imports": [
            {"file": one.file.rsplit("/", 1)[-1], "at": one.at, "tweets": one.added}
            for one in imports(store)
        ],
        "conflicts": len(groups.conflicts(store)) + len(groups.ties(store)),
        "leaks": groups.leaks(store),
        "agreement": agreement(rating_matrix(ratings(store))),
        "errors": {
            "changes": [change._asdict() for change in corrections(store)],
            "suspects": estimate_as_json(share(*reviewed_suspects(store))),
            "last_suspects": estimate_as_json(share(*reviewed_suspects(store, LAST_REVIEWS))),
        },
        "measurement": measure(store),
        "runs": [run.as_json() for run in known],
        "model": _model(store, _best_known(known)),
        "settings": _settings(store),
        "versions": _versions(),
    }


def _label_names(store: Store) -> list[str]:
    """The label set, and what tweets carry beside it."""
    return [*store.config.labels, *tweets.counts_outside_label_set(store)]


def _label(store: Store, name: str) -> dict[str, Any]:
    return {
        "label": name,
        "definition": store.config.definitions.get(name),
        "imported": tweets.label_counts(store, "gold").get(name, 0),
        "now": tweets.label_counts(store).get(name, 0),
    }


def _best_known(known: list[Run]) -> Run | None:
    """The promoted run, or else the newest that is done."""
    done = [run for run in known if run.state == run_folder.DONE]
    return next((run for run in done if run.promoted), done[0] if done else None)


def _model(store: Store, run: Run | None) -> dict[str, Any] | None:
    """The settings and versions of a run, and the slices of the test tweets on which it errs."""
    if run is None:
        return None
    found: dict[str, Any] = {"run": run.id, "settings": None, "versions": None}
    with suppress(UserError, OSError):  # its folder is gone, and its figures are left
        job = run_folder.read_job(store.run_folder(run.id))
        found |= {"settings": job.recipe.settings(), "versions": job.versions}
    try:
        sliced = kept_or_made(
            store,
            kept_analyses.slices(run.id),
            lambda: error_slices(store, labelled_predictions(store, run.id, "test")),
        )
    except UserError as error:
        return found | {"slices": [], "no_slices": str(error)}
    slices = [{name: each[name] for name in SLICE_FIELDS} for each in sliced["slices"]]
    return found | {"slices": slices, "no_slices": sliced["reason"]}


def _settings(store: Store) -> dict[str, Any]:
    names = ("base", "recipe", "prompt", "template", "seed", "test_share", "dev_share")
    return {name: getattr(store.config, name) for name in names}


def _versions() -> dict[str, str]:
    found = {"workbench": __version__, "schema": str(SCHEMA_VERSION)}
    found["Python"] = platform.python_version()
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
