"""What belongs into a data card: the labels, how they came about, what models made of them."""

from __future__ import annotations

import platform
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
from workbench import __version__
from workbench.analysis.agreement import agreement, rating_matrix
from workbench.analysis.shares import share
from workbench.evaluation.measurement import estimate_as_json, measure
from workbench.rundir import folder as run_folder

LAST_REVIEWS = 20
PACKAGES = (
    *("numpy", "scipy", "scikit-learn"),
    *("torch", "transformers", "peft", "trl", "bitsandbytes"),
)


def data_card(store: Store) -> dict[str, Any]:
    """All that the report says, without a text of any tweet."""
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
        "conflicts": len(groups.conflicts(store)) + len(tweets.listing(store, "conflict:yes")),
        "leaks": groups.leaks(store),
        "agreement": agreement(rating_matrix(ratings(store))),
        "errors": {
            "changes": [change._asdict() for change in corrections(store)],
            "suspects": estimate_as_json(share(*reviewed_suspects(store))),
            "last_suspects": estimate_as_json(share(*reviewed_suspects(store, LAST_REVIEWS))),
        },
        "measurement": measure(store),
        "runs": [run.as_json() for run in known],
        "model": _model(store, known),
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


def _model(store: Store, known: list[Run]) -> dict[str, Any] | None:
    """The settings of the promoted run, or else of the newest that is done; None before one."""
    done = [run for run in known if run.state == run_folder.DONE]
    run = next((run for run in done if run.promoted), done[0] if done else None)
    if run is None:
        return None
    found: dict[str, Any] = {"run": run.id, "settings": None, "versions": None}
    try:
        job = run_folder.read_job(store.run_folder(run.id))
    except (UserError, OSError):  # its folder is gone, and its figures are left
        return found
    return found | {"settings": job.recipe.settings(), "versions": job.versions}


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
